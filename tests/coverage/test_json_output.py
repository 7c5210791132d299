# SPDX-License-Identifier: Apache-2.0
"""Coverage for machines."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

from airflow_provider_aianalytics.coverage.json_output import as_json
from airflow_provider_aianalytics.coverage.states import Table
from tests.coverage.lakes import DAY, ManifestLake

FIRST = date(2026, 10, 30)


def test_it_has_everything(lake: ManifestLake) -> None:
    lake.put(FIRST)
    lake.put(FIRST + DAY, final=False)
    lake.put(FIRST + 2 * DAY, rows=0, final=False)
    lake.put(FIRST + 4 * DAY, b"{")
    tables = lake.look(now=datetime(2026, 11, 8, 9, tzinfo=UTC), last=FIRST + 6 * DAY)

    answer = json.loads(as_json("lake", [*tables, Table("perplexity", "spaces", ())]))

    counts = {
        "final": 1,
        "provisional": 1,
        "incomplete": 0,
        "empty": 1,
        "late": 0,
        "missing": 1,
        "unreadable": 1,
        "mixed": 0,
        "not due yet": 2,
    }
    assert (answer["path"], answer["days"]) == ("lake", counts)
    users, spaces = answer["tables"]
    calendar, repairs = users.pop("calendar"), users.pop("repairs")
    assert users == {
        "vendor": "claude_enterprise",
        "table": "users",
        "first": "2026-10-30",
        "last": "2026-11-05",
        "last_landed": "2026-11-01",
        "late_by_seconds": None,
        "rows": 2 * 812,
        "days": counts,
    }
    assert calendar[4].pop("error").split("/")[-1].startswith("2026-11-03.json: not a manifest")
    assert calendar == [
        {"date": "2026-10-30", "state": "final", "rows": 812, "final": True},
        {"date": "2026-10-31", "state": "provisional", "rows": 812, "final": False},
        {"date": "2026-11-01", "state": "empty", "rows": 0, "final": False},
        {"date": "2026-11-02", "state": "missing", "due": "2026-11-06T10:00:00+00:00"},
        {"date": "2026-11-03", "state": "unreadable", "due": "2026-11-07T10:00:00+00:00"},
        {"date": "2026-11-04", "state": "not due yet", "due": "2026-11-08T10:00:00+00:00"},
        {"date": "2026-11-05", "state": "not due yet", "due": "2026-11-09T10:00:00+00:00"},
    ]
    assert [(one["state"], one["first"], one["last"]) for one in repairs] == [
        ("missing", "2026-11-02", "2026-11-02"),
        ("unreadable", "2026-11-03", "2026-11-03"),
    ]
    assert (spaces["first"], spaces["last_landed"], spaces["calendar"]) == (None, None, [])


def test_a_mixed_table_is_marked(lake: ManifestLake) -> None:
    lake.put(FIRST)
    lake.put(FIRST + DAY)
    lake.put(FIRST + 2 * DAY, dropped_fields=("user.id",))

    (table,) = json.loads(as_json("lake", lake.look(last=FIRST + 2 * DAY)))["tables"]

    assert table["mixed"] is True
    assert (table["repairs"][0]["state"], table["repairs"][0]["command"]) == ("mixed", None)
    assert "move them away" in table["repairs"][0]["note"]
