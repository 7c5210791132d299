# SPDX-License-Identifier: Apache-2.0
"""Inputs and outputs of tasks, for OpenLineage and Airflow's own collector."""
