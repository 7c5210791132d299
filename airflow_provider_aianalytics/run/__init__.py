# SPDX-License-Identifier: Apache-2.0
"""The arguments and the period of a DAG run."""
