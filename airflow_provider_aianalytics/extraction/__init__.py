# SPDX-License-Identifier: Apache-2.0
"""From a period to raw records, sans I/O: no Airflow, no sockets, no files, no clock of its own."""
