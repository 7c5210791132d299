# SPDX-License-Identifier: Apache-2.0
"""What a DAG run asks for: its arguments and its period."""
