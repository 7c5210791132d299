# SPDX-License-Identifier: Apache-2.0
"""The name of a worker's machine: both are on this one and have to be told apart."""

from __future__ import annotations

import os


def name() -> str:
    return os.environ["AIANALYTICS_HOST"]
