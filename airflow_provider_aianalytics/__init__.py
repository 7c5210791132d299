# SPDX-License-Identifier: Apache-2.0
"""Airflow provider that lands AI-product analytics in a data lake."""

__version__ = "0.1.0"
USER_AGENT = f"airflow-provider-aianalytics/{__version__}"
