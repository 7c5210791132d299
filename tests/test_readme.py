# SPDX-License-Identifier: Apache-2.0
"""The README says what the code does."""

from __future__ import annotations

from tests.readme_tables import README, with_tables


def test_the_tables_of_datasets_are_current() -> None:
    text = README.read_text()
    assert with_tables(text) == text, "run: python -m tests.readme_tables"
