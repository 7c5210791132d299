# SPDX-License-Identifier: Apache-2.0
"""Complete data or a typed error: windows through faults, cursors that expire, days that shrink and buckets cut off."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from airflow_provider_aianalytics.exceptions import (
    AIAnalyticsError,
    CursorExpiredError,
    MalformedResponseError,
    QueryMismatchError,
    SuspiciousShrinkError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.privacy import Privacy
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook
from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
from airflow_provider_aianalytics.ingest.result import IngestResult
from airflow_provider_aianalytics.simulator import ClaudeSettings, Fault, PerplexitySettings, Simulator
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Run
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from tests.support import DAY, SimulatedClock, landed, truth

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
D = date(2026, 11, 10)
HOOKS: dict[str, Callable[..., AnalyticsHook]] = {
    "claude_enterprise": ClaudeEnterpriseAnalyticsHook,
    "perplexity": PerplexityAnalyticsHook,
}


class Bench:
    """Lands a dataset in a folder, as a task run would."""

    def __init__(self, simulator: Simulator, root: Path) -> None:
        self.simulator = simulator
        self.root = root
        self.clock = SimulatedClock(simulator)

    def land(
        self,
        dataset: str,
        start: date,
        end: date,
        *,
        vendor: str = "claude_enterprise",
        table: str | None = None,
        options: IngestOptions | None = None,
        run: Run | None = None,
        first_try: int = 1,
        privacy: Privacy | None = None,
        **query_options: Any,
    ) -> IngestResult:
        hook = HOOKS[vendor](clock=self.clock)
        query = build_query(hook.vendor.dataset(dataset), **query_options)
        lake = LakeTable(
            str(self.root), vendor=vendor, table=table or dataset, file_format=FileFormat("ndjson", "gzip")
        )
        run = run or Run(dag_id="dag", run_id=uuid4().hex, task_id="land")
        ingest = Ingest(
            hook, query, lake, run=run, first_try=first_try, privacy=privacy, options=options or IngestOptions()
        )
        return ingest.land(Period(start, end))

    def files(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}

    def published(self) -> dict[str, bytes]:
        """The files without the pages that wait for a retry."""
        return {name: content for name, content in self.files().items() if "/_unfinished/" not in name}

    def manifest(self, table: str, day: date, vendor: str = "claude_enterprise") -> dict[str, Any]:
        loaded = json.loads((self.root / f"{vendor}/_manifests/{table}/{day}.json").read_text())
        assert isinstance(loaded, dict)
        return loaded


BenchOf = Callable[..., Bench]


def connect(patch: pytest.MonkeyPatch, simulator: Simulator, timeout: float = 2) -> None:
    """Point the default connections to a simulator."""
    for vendor, key in (("claude_enterprise", simulator.claude_key), ("perplexity", simulator.perplexity_key)):
        patch.setenv(
            f"AIRFLOW_CONN_{vendor.upper()}_ANALYTICS_DEFAULT",
            json.dumps(
                {
                    "conn_type": f"{vendor}_analytics",
                    "password": key,
                    "host": simulator.url,
                    "extra": {"requests_per_minute": 100_000, "timeout": timeout},
                }
            ),
        )


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BenchOf]:
    started: list[Simulator] = []

    def make(**settings: Any) -> Bench:
        simulator = Simulator(**{"seed": 7, "members": 40, "now": NOW, "requests_per_minute": None, **settings}).start()
        started.append(simulator)
        connect(monkeypatch, simulator)
        return Bench(simulator, tmp_path)

    yield make
    for simulator in started:
        simulator.stop()


def statuses(result: IngestResult) -> list[str]:
    return [partition.status for partition in result.partitions]


PASSING = [
    Fault("status", status=500),
    Fault("status", status=529),
    Fault("status", status=408),
    Fault("rate_limit", retry_after="seconds"),
    Fault("rate_limit", retry_after="http-date"),
    Fault("rate_limit", retry_after="none"),
    Fault("reset_before"),
    Fault("reset_inside"),
    Fault("truncated"),
    Fault("short_of_length"),
    Fault("truncated_gzip"),
    Fault("html"),
    Fault("json", body="[1, 2]"),
    Fault("empty_page"),
    Fault("cursor_expired"),
    Fault("cursor_mismatch"),
]
FINAL = [
    (Fault("repeated_cursor", times=None), MalformedResponseError),
    (Fault("lost_cursor", times=None), MalformedResponseError),
    (Fault("duplicate_page", times=None), MalformedResponseError),
    (Fault("duplicate_rows", times=None), MalformedResponseError),
    (Fault("cursor_expired", times=None), CursorExpiredError),
    (Fault("html", times=None), MalformedResponseError),
    (Fault("truncated", times=None), AIAnalyticsError),
    (Fault("status", status=503, times=None), VendorUnavailableError),
]


@pytest.fixture(scope="module")
def pages_of_users() -> dict[date, list[bytes]]:
    """Three pages of members, once for all faults: the simulator draws them from its seed."""
    return truth(Simulator(seed=7, members=2600, now=NOW), "claude_enterprise", "users", D, D + DAY)


@pytest.mark.parametrize("nth", [1, 2, 3], ids=["first", "middle", "last"])
@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.retry_after}")
def test_a_passing_fault_costs_nothing_but_requests(
    bench: BenchOf, pages_of_users: dict[date, list[bytes]], fault: Fault, nth: int
) -> None:
    if fault.kind == "cursor_mismatch" and nth == 1:
        pytest.skip("the first request has no cursor")
    it = bench(members=2600)
    it.simulator.fail(_at(fault, nth))

    result = it.land("users", D, D + DAY)

    assert statuses(result) == ["created"]
    assert landed(it.root, "claude_enterprise", "users", [D]) == pages_of_users
    assert it.manifest("users", D)["requests"] == len(it.simulator.requests)


@pytest.mark.parametrize(("fault", "error"), FINAL, ids=lambda value: getattr(value, "kind", ""))
def test_a_lasting_fault_is_a_typed_error_and_leaves_the_old_day_untouched(
    bench: BenchOf, fault: Fault, error: type[AIAnalyticsError]
) -> None:
    it = bench(members=2600)
    it.land("users", D, D + DAY)
    before = it.published()
    it.simulator.fail(_at(fault, 2))

    with pytest.raises(error) as raised:
        it.land("users", D, D + DAY)

    assert "claude_enterprise users [2026-11-10, 2026-11-11)" in str(raised.value)
    assert it.published() == before


def _at(fault: Fault, nth: int) -> Fault:
    return replace(fault, path="users", nth=nth)


@pytest.mark.parametrize("era", ["A", "B", "C"])
@pytest.mark.parametrize("dataset", ["users", "summaries", "user_cost_report"])
def test_every_dated_shape_lands_as_it_is(bench: BenchOf, era: str, dataset: str) -> None:
    it = bench(claude=ClaudeSettings(era=era, strict_parameters=False))

    it.land(dataset, D, D + 2 * DAY)

    days = [D, D + DAY]
    lines = landed(it.root, "claude_enterprise", dataset, days)
    assert all(lines[day] for day in days)
    for day in days:
        assert {json.loads(line)["_date"] for line in lines[day]} == {str(day)}
    if dataset != "summaries" or era == "C":
        assert lines == truth(it.simulator, "claude_enterprise", dataset, D, D + 2 * DAY)


def test_pretty_printed_answers_land_as_one_line_a_record(bench: BenchOf) -> None:
    plain = truth(Simulator(seed=7, members=40, now=NOW), "claude_enterprise", "users", D, D + DAY)
    it = bench(claude=ClaudeSettings(pretty=True))

    it.land("users", D, D + DAY)

    (lines,) = landed(it.root, "claude_enterprise", "users", [D]).values()
    assert [json.loads(line) for line in lines] == [json.loads(line) for line in plain[D]]


@pytest.mark.parametrize("shape", ["current", "legacy"])
@pytest.mark.parametrize("width", ["1d", "1h"])
def test_both_shapes_and_widths_of_perplexity_land(bench: BenchOf, shape: str, width: str) -> None:
    it = bench(perplexity=PerplexitySettings(shape=shape))  # type: ignore[arg-type]

    result = it.land("credit_usage", D, D + 2 * DAY, vendor="perplexity", table="credits", bucket_width=width)

    assert [partition.manifest.rows for partition in result.partitions] == [24 if width == "1h" else 1] * 2
    (line, *_) = landed(it.root, "perplexity", "credits", [D])[D]
    assert ("by_category" in json.loads(line)) == (shape == "legacy")


def test_members_whose_day_is_split_over_pages_are_merged(bench: BenchOf) -> None:
    it = bench(members=400)

    it.land("member_credit_usage", D, D + 3 * DAY, vendor="perplexity")

    days = [D, D + DAY, D + 2 * DAY]
    lines = landed(it.root, "perplexity", "member_credit_usage", days)
    assert lines == truth(it.simulator, "perplexity", "member_credit_usage", D, D + 3 * DAY)
    assert len(it.simulator.requests) > 3


class TestWhatIsNotThereYet:
    def test_no_request_is_spent_before_a_day_can_exist(self, bench: BenchOf) -> None:
        it = bench()

        result = it.land("users", date(2026, 11, 20), date(2026, 11, 22))

        assert result.missing == [date(2026, 11, 20), date(2026, 11, 21)]
        assert not result.partitions
        assert not it.simulator.requests

    def test_the_vendors_latest_day_decides_and_the_days_before_it_land(self, bench: BenchOf) -> None:
        it = bench(claude=ClaudeSettings(lag_days=3))

        result = it.land("users", date(2026, 11, 15), date(2026, 11, 20))

        assert [partition.manifest.date.day for partition in result.partitions] == [15, 16, 17]
        assert [day.day for day in result.missing] == [18, 19]
        assert len(it.simulator.requests) == 4  # the first refusal names the latest day

    def test_a_range_is_cut_at_the_latest_day(self, bench: BenchOf) -> None:
        it = bench(claude=ClaudeSettings(lag_days=3))

        result = it.land("summaries", date(2026, 11, 10), date(2026, 11, 20))

        assert [partition.manifest.date.day for partition in result.partitions] == list(range(10, 18))
        assert [day.day for day in result.missing] == [18, 19]
        assert len(it.simulator.requests) == 2

    def test_a_day_beyond_the_watermark_is_missing(self, bench: BenchOf) -> None:
        it = bench(now=datetime(2026, 11, 20, 1, tzinfo=UTC))

        result = it.land("cost_report", date(2026, 11, 18), date(2026, 11, 20))

        assert [partition.manifest.date.day for partition in result.partitions] == [18]
        assert [day.day for day in result.missing] == [19]

    def test_a_recent_zero_of_perplexity_does_not_land(self, bench: BenchOf) -> None:
        it = bench(now=datetime(2026, 11, 20, 1, tzinfo=UTC))

        result = it.land("credit_usage", date(2026, 11, 18), date(2026, 11, 20), vendor="perplexity")

        assert [day.day for day in result.missing] == [19]

    def test_a_series_that_ends_early_is_missing_its_tail(self, bench: BenchOf) -> None:
        late = PerplexitySettings(frontier="watermark", sync_lag=(timedelta(hours=30), timedelta(hours=31)))
        it = bench(perplexity=late, now=datetime(2026, 11, 20, 6, tzinfo=UTC))

        result = it.land("credit_usage", date(2026, 11, 17), date(2026, 11, 20), vendor="perplexity")

        assert [day.day for day in result.missing] == [19] or [day.day for day in result.missing] == [18, 19]
        assert result.partitions

    def test_a_partial_day_lands_incomplete_and_is_replaced_by_the_whole(self, bench: BenchOf) -> None:
        it = bench(now=datetime(2026, 11, 20, 12, tzinfo=UTC))
        today = date(2026, 11, 20)
        arguments = {"table": "cost_by_hour", "bucket_width": "1h", "options": IngestOptions(partial=True)}

        first = it.land("cost_report", today, today + DAY, **arguments)
        allow_partial = landed(it.root, "claude_enterprise", "cost_by_hour", [today])[today]
        it.simulator.set_now(datetime(2026, 11, 21, 12, tzinfo=UTC))
        second = it.land("cost_report", today, today + DAY, **arguments)

        assert not first.partitions[0].manifest.complete
        assert 0 < len(allow_partial) < 24
        assert second.partitions[0].manifest.complete
        assert statuses(second) == ["revised"]
        assert len(landed(it.root, "claude_enterprise", "cost_by_hour", [today])[today]) > len(allow_partial)

    def test_a_whole_day_is_not_replaced_by_a_read_of_before_it_was(self, bench: BenchOf) -> None:
        day = date(2026, 11, 20)
        it = bench(now=datetime(2026, 11, 21, 12, tzinfo=UTC))
        arguments = {
            "table": "cost_by_hour",
            "bucket_width": "1h",
            "options": IngestOptions(partial=True, accept_shrink=True),
        }
        whole = it.land("cost_report", day, day + DAY, **arguments)
        files = it.published()

        it.simulator.set_now(datetime(2026, 11, 20, 23, tzinfo=UTC))  # as by a task that read then, and commits now
        late = it.land("cost_report", day, day + DAY, **arguments)

        assert statuses(late) == ["unchanged"]
        assert late.partitions[0].manifest == whole.partitions[0].manifest
        assert it.published() == files


def test_a_long_read_logs_its_progress(bench: BenchOf, caplog: pytest.LogCaptureFixture) -> None:
    it = bench(members=2600)

    class Slow(SimulatedClock):
        def monotonic(self) -> float:
            self.slept.append(2.0)
            return super().monotonic()

    it.clock = Slow(it.simulator)
    with caplog.at_level("INFO"):
        it.land("users", D, D + 2 * DAY)

    progress = [record.getMessage() for record in caplog.records if "so far" in record.getMessage()]
    assert 1 <= len(progress) <= 6
    assert re.fullmatch(
        r"claude_enterprise users: \d of 2 days landed so far; [\d,]+ rows read by \d requests? in \d+ s; "
        r"[\d,]+ requests left in the budget of this minute",
        progress[0],
    )


class TestRestatement:
    def test_30_trailing_days_are_one_request_and_only_changed_days_are_written(self, bench: BenchOf) -> None:
        it = bench()
        it.land("cost_report", D - 30 * DAY, D + DAY)
        it.simulator.advance(DAY)
        it.simulator.clear_requests()

        result = it.land("cost_report", D + DAY, D + 2 * DAY, options=IngestOptions(restate_days=30))

        assert len(it.simulator.requests) == 1
        assert statuses(result)[-1] == "created"
        assert "revised" in statuses(result)
        for partition in result.partitions:
            listed = partition.manifest.revisions
            assert len(listed) == (1 if partition.status == "revised" else 0)

    def test_what_was_known_on_each_day_can_be_read_back(self, bench: BenchOf) -> None:
        it = bench()
        day = date(2026, 11, 18)
        known: list[list[bytes]] = []
        for _ in range(31):
            it.land("cost_report", day, day + DAY)
            known.append(landed(it.root, "claude_enterprise", "cost_report", [day])[day])
            it.simulator.advance(DAY)

        manifest = it.manifest("cost_report", day)
        revisions = [
            gzip.decompress((it.root / revision["file"]).read_bytes()).splitlines()
            for revision in manifest["revisions"]
        ]
        changes = [lines for number, lines in enumerate(known) if number == 0 or lines != known[number - 1]]
        assert [*revisions, known[-1]] == changes
        assert len(changes) > 10
        assert manifest["final"]

    def test_a_final_day_stays_as_it_is(self, bench: BenchOf) -> None:
        it = bench()
        day = date(2026, 10, 1)
        it.land("user_cost_report", day, day + DAY)
        it.simulator.advance(5 * DAY)

        assert statuses(it.land("user_cost_report", day, day + DAY)) == ["unchanged"]

    @pytest.mark.parametrize("dataset", ["users", "connectors"])
    def test_a_late_correction_of_engagement_lands_before_the_day_is_final(self, bench: BenchOf, dataset: str) -> None:
        it = bench(claude=ClaudeSettings(corrected_after=8), now=datetime(2026, 11, 20, 12, tzinfo=UTC))
        day = date(2026, 11, 17)
        seen = []
        for _ in range(14):
            result = it.land(dataset, day, day + DAY)
            seen.append((*statuses(result), it.manifest(dataset, day)["final"]))
            it.simulator.advance(DAY)

        assert seen[0] == ("created", False)
        assert [number for number, (status, _) in enumerate(seen) if status == "revised"] == [5]
        assert [is_final for _, is_final in seen] == [False] * 12 + [True] * 2
        assert (
            landed(it.root, "claude_enterprise", dataset, [day])[day]
            == truth(it.simulator, "claude_enterprise", dataset, day, day + DAY)[day]
        )

    def test_the_trailing_days_never_reach_before_the_first(self, bench: BenchOf) -> None:
        it = bench()

        result = it.land("users", date(2026, 1, 3), date(2026, 1, 4), options=IngestOptions(restate_days=30))

        assert [partition.manifest.date for partition in result.partitions] == [date(2026, 1, n) for n in (1, 2, 3)]


class TestShrink:
    @pytest.mark.parametrize("fraction", [0.0, 0.5])
    def test_a_day_that_shrinks_is_refused_with_both_numbers(self, bench: BenchOf, fraction: float) -> None:
        it = bench()
        it.land("users", D, D + 2 * DAY)
        before = it.files()
        rows = it.manifest("users", D)["rows"]
        it.simulator.fail(Fault("shrink", vendor="claude_enterprise", date=D, fraction=fraction, times=None))

        with pytest.raises(SuspiciousShrinkError, match=f"had {rows} rows and was answered with") as raised:
            it.land("users", D, D + 2 * DAY)

        assert 'on_shrink="accept"' in str(raised.value)
        assert it.files() == before

    def test_it_is_accepted_on_demand_and_the_old_content_is_kept(self, bench: BenchOf) -> None:
        it = bench()
        it.land("users", D, D + DAY)
        rows = it.manifest("users", D)["rows"]
        it.simulator.fail(Fault("shrink", vendor="claude_enterprise", date=D, fraction=0.0, times=None))

        result = it.land("users", D, D + DAY, options=IngestOptions(accept_shrink=True))

        assert statuses(result) == ["revised"]
        assert it.manifest("users", D)["rows"] == 0
        assert it.manifest("users", D)["revisions"][0]["rows"] == rows

    def test_a_total_that_turns_zero_is_noticed_though_the_rows_stay(self, bench: BenchOf) -> None:
        it = bench()
        it.land("credit_usage", D, D + DAY, vendor="perplexity")
        other = bench(perplexity=PerplexitySettings(shrink_date=D, shrink_to=0.0))

        with pytest.raises(SuspiciousShrinkError, match="total"):
            other.land("credit_usage", D, D + DAY, vendor="perplexity")


class TestFullBuckets:
    GROUPS = ("product", "model", "context_window", "inference_geo", "speed", "rbac_group_id")

    def test_a_full_bucket_is_reported_and_never_called_complete(self, bench: BenchOf) -> None:
        it = bench(members=600)

        result = it.land("cost_report", D, D + DAY, table="cut", group_by=self.GROUPS)

        (partition,) = result.partitions
        assert partition.manifest.rows == 100
        assert partition.manifest.capped_buckets == 1
        assert not partition.manifest.complete
        assert partition.summary()["capped_buckets"] == 1

    def test_splitting_lands_every_group(self, bench: BenchOf) -> None:
        it = bench(members=600)
        whole = Simulator(seed=7, members=600, now=NOW, claude=ClaudeSettings(group_cap=100_000))
        expected = truth(whole, "claude_enterprise", "cost_report", D, D + 2 * DAY, **{"group_by[]": list(self.GROUPS)})

        it.land(
            "cost_report", D, D + 2 * DAY, table="cut", group_by=self.GROUPS, options=IngestOptions(split_capped=True)
        )

        lines = landed(it.root, "claude_enterprise", "cut", [D, D + DAY])
        for day in (D, D + DAY):
            assert len(expected[day]) > 100
            assert _by_group(lines[day]) == _by_group(expected[day])
            assert it.manifest("cut", day)["complete"]

    def test_types_of_cost_do_not_count_as_groups(self, bench: BenchOf) -> None:
        it = bench(members=200)

        result = it.land(
            "cost_report", D, D + DAY, table="cut", group_by=["model", "product", "speed", "cost_type", "token_type"]
        )

        (partition,) = result.partitions
        assert partition.manifest.rows > 100
        assert partition.manifest.complete


def _by_group(lines: list[bytes]) -> dict[tuple[Any, ...], Decimal]:
    groups = {}
    for line in lines:
        row = json.loads(line)
        groups[tuple(row[name] for name in TestFullBuckets.GROUPS)] = Decimal(row["amount"])
    assert len(groups) == len(lines)
    return groups


NAMES = {"dag_id": "dag", "run_id": "run", "task_id": "land"}


class TestTries:
    RUN = Run(**NAMES)

    def test_days_of_an_earlier_try_are_kept_and_not_read_again(self, bench: BenchOf) -> None:
        it = bench()
        it.simulator.fail(Fault("status", path="users", status=400, nth=3, times=1))
        with pytest.raises(AIAnalyticsError):
            it.land("users", D, D + 4 * DAY, run=self.RUN)
        it.simulator.clear_requests()

        result = it.land("users", D, D + 4 * DAY, run=Run(**NAMES, try_number=2))

        assert statuses(result) == ["kept", "kept", "created", "created"]
        assert len(it.simulator.requests) == 2

    def test_a_cleared_task_reads_again(self, bench: BenchOf) -> None:
        it = bench()
        it.land("users", D, D + DAY, run=self.RUN)

        again = Run(**NAMES, try_number=2)
        assert statuses(it.land("users", D, D + DAY, run=again, first_try=2)) == ["unchanged"]

    def test_a_run_that_was_deleted_and_made_again_reads_again(self, bench: BenchOf) -> None:
        it = bench()
        it.land("users", D, D + DAY, run=Run(**NAMES, started_at="2026-11-20T11:00:00Z"))

        again = Run(**NAMES, started_at="2026-11-20T12:00:00Z")
        assert statuses(it.land("users", D, D + DAY, run=again)) == ["unchanged"]

    def test_a_refused_cut_names_what_differs_and_no_member(self, bench: BenchOf) -> None:
        it = bench()
        cut: dict[str, Any] = {"vendor": "perplexity", "table": "one"}
        member = json.loads(truth(it.simulator, "perplexity", "member_credit_usage", D, D + DAY)[D][0])["user_email"]
        it.land("credit_usage", D, D + DAY, filters={"user_email": member}, **cut)

        with pytest.raises(QueryMismatchError, match=r"landed with \{'user_email': 'sha256-\w+'\}, not") as raised:
            it.land("credit_usage", D, D + DAY, filters={"user_email": "bob@example.org"}, **cut)
        assert "@" not in str(raised.value)

    def test_another_cut_is_refused_before_any_request(self, bench: BenchOf) -> None:
        it = bench()
        it.land("cost_report", D, D + DAY, table="cost")
        it.simulator.clear_requests()

        with pytest.raises(QueryMismatchError, match="table=") as raised:
            it.land("cost_report", D, D + DAY, table="cost", group_by=["model"])

        assert "group_by" in str(raised.value)
        assert not it.simulator.requests

    def test_the_same_values_in_another_order_are_the_same_cut(self, bench: BenchOf) -> None:
        it = bench()
        models = ["claude-haiku-4-5-20251001", "claude-opus-4-6", "claude-sonnet-4-6"]
        it.land("cost_report", D, D + DAY, table="cost", filters={"models": models})
        manifest = it.root / f"claude_enterprise/_manifests/cost/{D}.json"
        turned = json.loads(manifest.read_text())
        turned["query"]["models[]"].reverse()  # as older versions landed it
        manifest.write_text(json.dumps(turned))

        again: list[Any] = [models[::-1], {*models}]
        for values in again:
            landed_again = it.land("cost_report", D, D + DAY, table="cost", filters={"models": values})
            assert statuses(landed_again) == ["unchanged"]

    def test_the_same_hidden_fields_in_another_order_are_the_same_cut(self, bench: BenchOf) -> None:
        it = bench()
        dataset = CLAUDE_ENTERPRISE.dataset("user_cost_report")
        hidden = ("actor.name", "actor.email_address")
        it.land("user_cost_report", D, D + DAY, privacy=Privacy(dataset, drop=hidden))

        again = it.land("user_cost_report", D, D + DAY, privacy=Privacy(dataset, drop=hidden[::-1]))
        assert statuses(again) == ["unchanged"]


def test_the_manifest_records_what_the_day_came_to(bench: BenchOf) -> None:
    b = bench()
    for dataset in ("usage_report", "cost_report", "summaries", "users"):
        b.land(dataset, D, D + DAY)

    (tokens,), (members,) = (
        map(json.loads, landed(b.root, "claude_enterprise", table, [D])[D]) for table in ("usage_report", "summaries")
    )
    cost = b.manifest("cost_report", D)
    counts = (value for value in (tokens, tokens["cache_creation"]) for value in value.items())
    assert b.manifest("usage_report", D)["figures"] == {
        "tokens": str(sum(count for name, count in counts if name.endswith("_tokens")))
    }
    assert b.manifest("summaries", D)["figures"] == {"active_members": str(members["daily_active_user_count"])}
    assert cost["figures"] == {"spend_usd_cents": cost["total"]}
    assert b.manifest("users", D)["figures"] == {}
