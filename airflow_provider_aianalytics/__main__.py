# SPDX-License-Identifier: Apache-2.0
"""``python -m airflow_provider_aianalytics``: what Airflow's own command line has from 3.2 on."""

from __future__ import annotations

from airflow_provider_aianalytics.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
