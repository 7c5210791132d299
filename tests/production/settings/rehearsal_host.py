# SPDX-License-Identifier: Apache-2.0
"""The host name of a worker. Both workers run on this machine and need different names."""

from __future__ import annotations

import os


def name() -> str:
    return os.environ["AIANALYTICS_HOST"]
