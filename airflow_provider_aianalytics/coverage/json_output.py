# SPDX-License-Identifier: Apache-2.0
"""Coverage for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence

from airflow_provider_aianalytics.coverage.repair import Repair, repairs_of
from airflow_provider_aianalytics.coverage.states import Day, State, Table, count


def as_json(path: str, tables: Sequence[Table]) -> str:
    """All that is known, in one line."""
    return json.dumps({"path": path, "days": _counts(tables), "tables": [_table(table) for table in tables]})


def _table(table: Table) -> dict[str, object]:
    last = table.last_landed
    return {
        "vendor": table.vendor,
        "table": table.name,
        "first": table.days[0].date.isoformat() if table.days else None,
        "last": table.days[-1].date.isoformat() if table.days else None,
        "last_landed": last.date.isoformat() if last else None,
        "late_by_seconds": None if table.late_by is None else int(table.late_by.total_seconds()),
        "rows": table.rows,
        **({"mixed": True} if table.is_mixed else {}),
        "days": _counts([table]),
        "repairs": [_repair(repair) for repair in repairs_of([table])],
        "calendar": [_day(day) for day in table.days],
    }


def _counts(tables: Sequence[Table]) -> dict[str, int]:
    counted = count(tables)
    return {state.label: counted[state] for state in State}


def _repair(repair: Repair) -> dict[str, object]:
    return {
        "state": repair.state.label,
        "first": repair.first.isoformat(),
        "last": repair.last.isoformat(),
        "command": repair.command,
        "note": repair.note,
    }


def _day(day: Day) -> dict[str, object]:
    found: dict[str, object] = {"date": day.date.isoformat(), "state": day.state.label}
    if day.landed is not None:
        found |= {"rows": day.landed.rows, "final": day.landed.final}
    elif day.due is not None:
        found["due"] = day.due.isoformat()
    if day.error is not None:
        found["error"] = day.error
    return found
