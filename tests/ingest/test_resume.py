# SPDX-License-Identifier: Apache-2.0
"""A later try of a task run goes on where the earlier one stopped, also inside a window."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from airflow_provider_aianalytics.exceptions import AIAnalyticsError, VendorUnavailableError
from airflow_provider_aianalytics.extraction.privacy import Privacy
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.extraction.windows import Period, midnight
from airflow_provider_aianalytics.ingest.loop import Ingest
from airflow_provider_aianalytics.ingest.result import IngestResult
from airflow_provider_aianalytics.simulator import Fault
from airflow_provider_aianalytics.storage.encoders.day_files import DayFiles
from airflow_provider_aianalytics.storage.manifest import Run, format_timestamp
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY
from tests.ingest.test_loop import Bench, BenchOf, D, bench, statuses
from tests.support import DAY, landed, truth

__all__ = ["bench"]

RUN = Run(dag_id="dag", run_id="run", task_id="land")
AGAIN = msgspec.structs.replace(RUN, try_number=2)
MEMBERS = 1050
PAGES = 5
"""Of their day, a hundred to a page."""
DATASET = "member_query_volume"
DOWN = Fault("status", status=503, times=None)


def vendor_of(dataset: str) -> str:
    return "perplexity" if dataset == DATASET else "claude_enterprise"


def unfinished(it: Bench) -> list[Path]:
    return sorted(path for path in it.root.rglob("_unfinished/**/*") if path.is_file())


def land(it: Bench, run: Run, dataset: str = DATASET, days: int = 1, **arguments: Any) -> IngestResult:
    return it.land(dataset, D, D + days * DAY, vendor=vendor_of(dataset), run=run, **arguments)


def break_off(it: Bench, at: int, dataset: str = DATASET, days: int = 1, **arguments: Any) -> None:
    """Let a first try of days fail at a page."""
    it.simulator.fail(replace(DOWN, nth=at))
    with pytest.raises(VendorUnavailableError):
        land(it, RUN, dataset, days, **arguments)
    it.simulator.clear_faults()
    it.simulator.clear_requests()


def pages_asked(it: Bench) -> int:
    return len(it.simulator.requests)


def is_true(it: Bench, dataset: str = DATASET, days: int = 1) -> bool:
    expected = truth(it.simulator, vendor_of(dataset), dataset, D, D + days * DAY)
    return landed(it.root, vendor_of(dataset), dataset, list(expected)) == expected


@pytest.mark.parametrize("at", [1, 2, 4, 5])
def test_a_day_goes_on_behind_the_last_page_that_was_read(bench: BenchOf, at: int) -> None:
    it = bench(members=MEMBERS)
    break_off(it, at)
    assert len(unfinished(it)) == at - 1

    result = land(it, AGAIN)

    assert statuses(result) == ["created"]
    assert pages_asked(it) == PAGES - (at - 1)
    assert it.manifest(DATASET, D, "perplexity")["pages"] == PAGES
    assert is_true(it)
    assert not list(it.root.rglob("_unfinished"))


def test_a_long_window_of_ranked_rows_goes_on_too(bench: BenchOf) -> None:
    it = bench(members=1050)
    land(it, RUN, "user_usage_report", 10, table="undisturbed")
    whole = it.manifest("undisturbed", D)["pages"]
    assert whole > 3
    break_off(it, 3, "user_usage_report", days=10)

    land(it, AGAIN, "user_usage_report", 10)

    assert pages_asked(it) == whole - 2
    assert is_true(it, "user_usage_report", days=10)


def test_a_page_that_was_read_ahead_when_the_task_was_stopped_is_not_asked_for_again(
    bench: BenchOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = bench(members=MEMBERS)
    ingests: list[Ingest] = []
    land_days, write = Ingest.land, DayFiles.write

    def land_and_tell(ingest: Ingest, period: Period) -> IngestResult:
        ingests.append(ingest)
        return land_days(ingest, period)

    def write_and_stop(files: DayFiles, batches: Iterable[Batch]) -> int:
        ingests[-1].stop()
        return write(files, batches)

    with monkeypatch.context() as patch:
        patch.setattr(Ingest, "land", land_and_tell)
        patch.setattr(DayFiles, "write", write_and_stop)
        with pytest.raises(AIAnalyticsError, match="stopped"):
            land(it, RUN)
    answered = pages_asked(it)

    land(it, AGAIN)

    assert answered < PAGES
    assert pages_asked(it) == PAGES
    assert is_true(it)


def test_a_cursor_that_expired_meanwhile_is_given_up_for_the_first_page(bench: BenchOf) -> None:
    it = bench(members=MEMBERS)
    break_off(it, 4)
    it.simulator.fail(Fault("cursor_expired", paged=True))

    result = land(it, AGAIN)

    assert statuses(result) == ["created"]
    assert pages_asked(it) == 1 + PAGES
    assert is_true(it)


@pytest.mark.parametrize(
    ("again_at", "missing"),
    [(timedelta(hours=2), [D]), (timedelta(hours=3), []), (timedelta(days=3, hours=3), [])],
    ids=["not settled yet", "settled since", "final since"],
)
def test_pages_of_a_day_that_had_not_settled_are_not_taken_for_settled(
    bench: BenchOf, again_at: timedelta, missing: list[date]
) -> None:
    it = bench(members=MEMBERS, now=midnight(D + DAY))
    it.simulator.advance(timedelta(minutes=30))
    break_off(it, 4)
    it.simulator.set_now(midnight(D + DAY) + again_at)

    result = land(it, AGAIN)

    assert pages_asked(it) == PAGES
    assert result.missing == missing
    assert missing or is_true(it)


def test_a_day_is_as_old_as_its_first_page(bench: BenchOf) -> None:
    it = bench(members=MEMBERS)
    read_at = it.simulator.now
    break_off(it, 4)
    it.simulator.advance(timedelta(hours=20))

    land(it, AGAIN)

    assert pages_asked(it) == 2
    manifest = it.manifest(DATASET, D, "perplexity")
    assert manifest["fetched_at"] == format_timestamp(read_at)[:20] + "000000Z"
    assert manifest["final"] is (read_at >= PERPLEXITY.datasets[DATASET].availability.final_from(D))


def test_pages_of_the_given_up_chain_are_not_taken_up_by_a_third_try(bench: BenchOf) -> None:
    it = bench(members=MEMBERS)
    break_off(it, 4)
    it.simulator.fail(Fault("shrink", date=D, fraction=0.9))
    it.simulator.fail(Fault("cursor_expired", paged=True))
    it.simulator.fail(replace(DOWN, nth=3))
    with pytest.raises(VendorUnavailableError):
        land(it, AGAIN)
    it.simulator.clear_faults()
    it.simulator.fail(Fault("shrink", date=D, fraction=0.9))
    it.simulator.clear_requests()

    land(it, msgspec.structs.replace(RUN, try_number=3))

    assert it.manifest(DATASET, D, "perplexity")["pages"] == it.manifest(DATASET, D, "perplexity")["requests"]
    assert is_true(it)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        lambda path: path.write_bytes(gzip.compress(b'{"data": []}')),
    ],
    ids=["cut off", "empty", "gone", "another's"],
)
def test_a_page_that_is_not_whole_is_read_again_with_those_behind_it(
    bench: BenchOf, spoil: Callable[[Path], object]
) -> None:
    it = bench(members=MEMBERS)
    break_off(it, 5)
    spoil(unfinished(it)[1])

    land(it, AGAIN)

    assert pages_asked(it) == PAGES - 1
    assert is_true(it)
    assert not list(it.root.rglob("_unfinished"))


@pytest.mark.parametrize(
    ("run", "first_try"),
    [(AGAIN, 2), (msgspec.structs.replace(AGAIN, run_id="other"), 1), (msgspec.structs.replace(AGAIN, map_index=3), 1)],
    ids=["cleared", "another run", "another map index"],
)
def test_only_the_same_series_of_tries_takes_them_up(bench: BenchOf, run: Run, first_try: int) -> None:
    it = bench(members=MEMBERS)
    break_off(it, 4)

    land(it, run, first_try=first_try)

    assert pages_asked(it) == PAGES
    assert len(unfinished(it)) == 3


def test_what_nobody_came_back_for_is_removed_after_a_week(bench: BenchOf) -> None:
    it = bench(members=MEMBERS)
    break_off(it, 4)
    old = unfinished(it)[0].stat().st_mtime - timedelta(days=8).total_seconds()
    for path in unfinished(it):
        os.utime(path, (old, old))

    it.land(DATASET, D + DAY, D + 2 * DAY, vendor="perplexity")

    assert not unfinished(it)


def test_pages_with_fields_that_must_not_land_are_not_kept(bench: BenchOf) -> None:
    it = bench(members=MEMBERS)
    privacy = Privacy(PERPLEXITY.datasets[DATASET], drop=("user_email",))
    break_off(it, 4, privacy=privacy)
    assert not unfinished(it)

    land(it, AGAIN, privacy=privacy)

    assert pages_asked(it) == PAGES


def test_a_chain_with_a_wrong_page_keeps_no_page(bench: BenchOf) -> None:
    it = bench(members=MEMBERS)
    it.simulator.fail(Fault("repeated_cursor", nth=3, times=None))

    with pytest.raises(AIAnalyticsError, match="cursor"):
        land(it, RUN)

    assert not unfinished(it)
