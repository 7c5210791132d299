# SPDX-License-Identifier: Apache-2.0
"""Where data came from and where it went, for OpenLineage and Airflow's own collector."""
