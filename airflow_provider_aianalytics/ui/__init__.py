# SPDX-License-Identifier: Apache-2.0
"""What Airflow's web interface shows of a task and of a lake."""
