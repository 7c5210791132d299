# SPDX-License-Identifier: Apache-2.0
"""A check of a lake, for a DAG of one's own that alerts people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_aianalytics.exceptions import CoverageError
from airflow_provider_aianalytics.run.arguments import check_whole_number, is_literal, require
from airflow_provider_aianalytics.storage.layout import check_path, check_table
from airflow_provider_aianalytics.vendors.registry import find_vendor

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_aianalytics.coverage.states import Table


class AIAnalyticsCoverageOperator(BaseOperator):
    """Fails when a table of a lake is late, or days of it are missing or cannot be read.

    Reads manifests alone and sends no vendor a request. A day is late from the moment at which it usually lands, or by
    which its vendor has it for sure.

    :param path: the lake, as the landing tasks have it (templated).
    :param vendor: only this vendor's tables (templated); ``None``: every vendor's.
    :param table: only tables of this name (templated); ``None``: every table.
    :param days: how many days before today are checked.
    :param max_late: how late a table may be.
    :raises InvalidArgumentError: when the DAG is parsed, for a path that is not a place; when it runs, when there is no
        such table.
    :raises CoverageError: with the days to act on, and the command for each of them.
    """

    template_fields: Sequence[str] = ("path", "vendor", "table")

    def __init__(
        self,
        *,
        path: str,
        vendor: str | None = None,
        table: str | None = None,
        days: int = 30,
        max_late: timedelta = timedelta(0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.path = path
        self.vendor = vendor
        self.table = table
        self.days = days
        self.max_late = max_late
        if is_literal(path):
            check_path(path)
        if table not in (None, "") and is_literal(table):
            check_table(table)
        if vendor not in (None, "") and is_literal(vendor):
            find_vendor(vendor)
        check_whole_number("days", days, at_least=1)
        is_length = isinstance(max_late, timedelta) and max_late >= timedelta(0)
        require(is_length, f"max_late={max_late!r} is not a timedelta of zero or more, such as timedelta(hours=6)")

    def execute(self, context: Context) -> dict[str, Any]:
        """Check the tables.

        :return: for each table its last landed day, and for how many seconds it has been late.
        """
        from airflow_provider_aianalytics.clock import SYSTEM_CLOCK
        from airflow_provider_aianalytics.coverage.states import State, plural
        from airflow_provider_aianalytics.coverage.survey import Range, survey

        days = Range(now=SYSTEM_CLOCK.now(), most=self.days)
        tables = survey(self.path, days=days, vendor=self.vendor or None, table=self.table or None)
        failed = [
            table
            for table in tables
            if (table.late_by or timedelta(0)) > self.max_late or table.gaps > table.counts[State.LATE]
        ]
        if failed:
            raise _coverage_error(self.path, failed)
        self.log.info("%s: nothing to act on in %s", self.path, plural(len(tables), "table"))
        return {table.label: _summary(table) for table in tables}


def _coverage_error(path: str, tables: list[Table]) -> CoverageError:
    from airflow_provider_aianalytics.coverage.states import plural
    from airflow_provider_aianalytics.coverage.text import to_do

    message = f"{plural(len(tables), 'table')} to act on: {', '.join(table.label for table in tables)}"
    return CoverageError(message, where=path, hint="\n".join(("What to do:", *to_do(tables))))


def _summary(table: Table) -> dict[str, Any]:
    last = table.last_landed
    return {
        "last_landed": last.date.isoformat() if last else None,
        "late_by_seconds": int(table.late_by.total_seconds()) if table.late_by else 0,
    }
