# SPDX-License-Identifier: Apache-2.0
"""What a DAG author can choose, and what is refused when the DAG is parsed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.operators.claude_enterprise import (
    ClaudeEnterpriseAnalyticsOperator,
    ClaudeEnterpriseAnalyticsToObjectStorageOperator,
)
from airflow_provider_aianalytics.operators.perplexity import (
    PerplexityAnalyticsOperator,
    PerplexityAnalyticsToObjectStorageOperator,
)
from airflow_provider_aianalytics.simulator import Fault, Simulator
from tests.integration.conftest import NOW, Outcome, RunDag, connect
from tests.support import DAY

AIRFLOW = Version(metadata.version("apache-airflow"))
IMPORTS = """
from airflow_provider_aianalytics.operators.claude_enterprise import *
from airflow_provider_aianalytics.operators.perplexity import *
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
"""


@pytest.fixture
def land(run_dag: RunDag, tmp_path: Path) -> Callable[..., Outcome]:
    def run(operator: str = "ClaudeEnterpriseAnalyticsToObjectStorageOperator", **arguments: object) -> Outcome:
        if "ToObjectStorage" in operator:
            arguments["path"] = str(tmp_path)
        return run_dag(f'{operator}(task_id="land", **{arguments!r})', imports=IMPORTS)

    return run


class TestWhatIsNotThereYet:
    @pytest.mark.parametrize(("choice", "state"), [("fail", "failed"), ("skip", "skipped")])
    def test_the_other_days_land_first(
        self, land: Callable[..., Outcome], simulator: Simulator, tmp_path: Path, choice: str, state: str
    ) -> None:
        outcome = land(dataset="users", start="2026-11-18", end="2026-11-21", on_unavailable=choice)

        assert outcome.tasks == {"land": state}
        assert sorted(path.parent.name for path in tmp_path.rglob("*.gz")) == ["date=2026-11-18", "date=2026-11-19"]
        assert len(simulator.requests) == 2  # none for a day that cannot exist yet

    def test_the_day_so_far_lands_marked_incomplete(
        self, land: Callable[..., Outcome], simulator: Simulator, tmp_path: Path
    ) -> None:
        outcome = land(
            dataset="cost_report",
            bucket_width="1m",
            table="cost_by_minute",
            start="2026-11-20",
            on_unavailable="partial",
        )

        (partition,) = outcome.results["land"]["partitions"]
        assert partition["complete"] is False
        lines = gzip.decompress(Path(partition["path"]).read_bytes()).splitlines()
        assert json.loads(lines[-1])["ending_at"] <= partition["data_refreshed_at"]

    def test_an_incomplete_bucket_of_today_is_named_as_missing(
        self, land: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        today = NOW.date()
        with Simulator(seed=7, members=5, now=NOW) as living:
            connect(monkeypatch, living)
            outcome = land(
                dataset="cost_report", start=str(today - DAY), end=str(today + DAY), on_unavailable="partial"
            )

        assert outcome.tasks == {"land": "success"}
        assert [day["date"] for day in outcome.results["land"]["partitions"]] == [str(today - DAY)]
        assert outcome.results["land"]["missing"] == [str(today)]

    def test_a_task_without_any_available_day_is_skipped(
        self, land: Callable[..., Outcome], simulator: Simulator
    ) -> None:
        outcome = land(dataset="cost_report", start=str(NOW.date()), on_unavailable="partial")

        assert outcome.tasks == {"land": "skipped"}
        assert not simulator.requests


class TestEmptyDays:
    @pytest.mark.parametrize(("choice", "state", "files"), [("accept", "success", 1), ("skip", "skipped", 1)])
    def test_an_empty_day_lands(
        self, land: Callable[..., Outcome], simulator: Simulator, tmp_path: Path, choice: str, state: str, files: int
    ) -> None:
        simulator.fail(Fault("json", path="users", body='{"data":[],"next_page":null}'))

        outcome = land(dataset="users", start="2026-11-16", on_empty=choice)

        assert outcome.tasks == {"land": state}
        assert len(list(tmp_path.rglob("*.gz"))) == files
        manifest = json.loads((tmp_path / "claude_enterprise/_manifests/users/2026-11-16.json").read_text())
        assert manifest["rows"] == 0

    def test_an_unexpected_empty_day_does_not_land(
        self, land: Callable[..., Outcome], simulator: Simulator, tmp_path: Path
    ) -> None:
        nothing = '{"data":[],"next_page":null}'
        simulator.fail(Fault("json", path="users", query={"date": "2026-11-16"}, body=nothing))

        outcome = land(dataset="users", start="2026-11-16", end="2026-11-18", on_empty="fail")

        assert outcome.tasks == {"land": "failed"}
        assert [path.parent.name for path in tmp_path.rglob("*.gz")] == ["date=2026-11-17"]

    def test_an_unexpected_empty_single_day_does_not_land(
        self, land: Callable[..., Outcome], simulator: Simulator, output: Callable[[], str]
    ) -> None:
        simulator.fail(Fault("json", path="users", body='{"data":[],"next_page":null}'))

        assert land(dataset="users", start="2026-11-16", on_empty="fail").tasks == {"land": "failed"}
        assert "2026-11-16 has no row or a total of zero, and did not land" in " ".join(output().split())


def test_pseudonyms_are_applied_before_writing(
    land: Callable[..., Outcome], simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, simulator, pseudonym_secret="the secret of the tests")
    hidden = {"drop_fields": ["actor.name"], "pseudonymize_fields": ["actor.email_address", "actor.user_id"]}

    assert land(dataset="user_cost_report", start="2026-11-16", **hidden).state == "success"

    (path,) = tmp_path.rglob("*.gz")
    content = gzip.decompress(path.read_bytes())
    assert content.count(b'"actor":') > 10
    assert b"@" not in content
    assert b'"name"' not in content
    assert b'"user_' not in content.replace(b'"user_id"', b"").replace(b'"user_actor"', b"")
    manifest = (tmp_path / "claude_enterprise/_manifests/user_cost_report/2026-11-16.json").read_text()
    assert json.loads(manifest)["pseudonymized_fields"] == ["actor.email_address", "actor.user_id"]
    assert "the secret of the tests" not in manifest
    # the same table cannot mix people in the clear with hidden ones, whatever the day
    for day in ("2026-11-16", "2026-11-17"):
        assert land(dataset="user_cost_report", start=day).tasks == {"land": "failed"}
    assert list(tmp_path.rglob("*.gz")) == [path]


def test_without_a_secret_nothing_is_written(
    land: Callable[..., Outcome], simulator: Simulator, tmp_path: Path, output: Callable[[], str]
) -> None:
    outcome = land(dataset="users", start="2026-11-16", pseudonymize_fields=["user.email_address"])

    assert outcome.tasks == {"land": "failed"}
    assert "pseudonym_secret" in output()
    assert not list(tmp_path.iterdir())
    assert not simulator.requests


class TestXCom:
    def test_records_come_as_dicts(self, land: Callable[..., Outcome], simulator: Simulator) -> None:
        outcome = land(
            "ClaudeEnterpriseAnalyticsOperator",
            dataset="cost_report",
            group_by=["model"],
            start="2026-11-10",
            end="2026-11-12",
        )

        records = outcome.results["land"]
        assert {record["_date"] for record in records} == {"2026-11-10", "2026-11-11"}
        assert all(isinstance(record["amount"], str) for record in records)
        assert records[0]["starting_at"] == "2026-11-10T00:00:00Z"

    def test_perplexity_records_come_as_dicts(self, land: Callable[..., Outcome], simulator: Simulator) -> None:
        records = land("PerplexityAnalyticsOperator", dataset="credit_usage", start="2026-11-10").results["land"]

        assert [record["_date"] for record in records] == ["2026-11-10"]
        assert set(records[0]["by_categories"]) == {"Model", "Credit Source"}

    @pytest.mark.parametrize("cap", [{"max_records": 10}, {"max_bytes": 10_000}])
    def test_beyond_a_cap_it_fails_and_never_truncates(
        self, land: Callable[..., Outcome], simulator: Simulator, output: Callable[[], str], cap: dict[str, int]
    ) -> None:
        outcome = land("ClaudeEnterpriseAnalyticsOperator", dataset="users", start="2026-11-10", retries=2, **cap)

        assert outcome.tasks == {"land": "failed"}
        assert outcome.results == {"land": None}
        assert "ResultTooLargeError" in output()
        assert len(simulator.requests) == 1


def test_tasks_map_over_datasets_and_days(run_dag: RunDag, simulator: Simulator, tmp_path: Path) -> None:
    outcome = run_dag(
        f"""
days = [dict(start="2026-11-%d" % day, end="2026-11-%d" % (day + 1)) for day in (10, 11)]
ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(
    task_id="by_day", dataset="users", path={str(tmp_path)!r}).expand_kwargs(days)
@task
def datasets():
    return ["skills", "plugins"]
ClaudeEnterpriseAnalyticsToObjectStorageOperator.partial(
    task_id="by_dataset", start="2026-11-10", path={str(tmp_path)!r}).expand(dataset=datasets())
@task
def count():
    return sum(1 for _ in ClaudeEnterpriseAnalyticsHook().records("users", "2026-11-10", "2026-11-12"))
count()
""",
        imports=IMPORTS,
    )

    assert set(outcome.tasks.values()) == {"success"}
    landed = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.gz"))
    assert landed == [
        "claude_enterprise/plugins/date=2026-11-10/plugins.ndjson.gz",
        "claude_enterprise/skills/date=2026-11-10/skills.ndjson.gz",
        "claude_enterprise/users/date=2026-11-10/users.ndjson.gz",
        "claude_enterprise/users/date=2026-11-11/users.ndjson.gz",
    ]
    assert outcome.results["count"] == sum(outcome.results[f"by_day[{number}]"]["rows"] for number in (0, 1))


def test_an_unavailable_day_shows_what_to_write(
    land: Callable[..., Outcome], simulator: Simulator, output: Callable[[], str]
) -> None:
    outcome = land(dataset="users")

    assert outcome.tasks == {"land": "failed"}
    text = " ".join(output().split())
    assert "2026-11-20 not available yet" in text
    assert "start=-4, end=-3" in text


def test_relative_days_count_from_run_after_in_a_run_without_a_logical_date(
    run_dag: RunDag, simulator: Simulator, tmp_path: Path
) -> None:
    if AIRFLOW.major < 3:
        pytest.skip("every run of Airflow 2 has a logical date")

    outcome = run_dag(
        f"""
ClaudeEnterpriseAnalyticsOperator(task_id="read", dataset="users", start=-3)
ClaudeEnterpriseAnalyticsToObjectStorageOperator(
    task_id="land", dataset="users", path={str(tmp_path)!r}, start="{{{{ -5 }}}}", end=-3
)
ClaudeEnterpriseAnalyticsToObjectStorageOperator(task_id="own_day", dataset="users", path={str(tmp_path)!r})
""",
        imports=IMPORTS,
        day=None,
    )

    assert outcome.tasks == {"read": "success", "land": "success", "own_day": "failed"}
    assert {record["_date"] for record in outcome.results["read"]} == {"2026-11-17"}
    assert [day["date"] for day in outcome.results["land"]["partitions"]] == ["2026-11-15", "2026-11-16"]


def test_results_of_other_tasks_can_be_inside_an_argument(run_dag: RunDag, simulator: Simulator) -> None:
    outcome = run_dag(
        """
@task
def model():
    return "model"

@task
def product():
    return "chat"

ClaudeEnterpriseAnalyticsOperator(
    task_id="read", dataset="cost_report", start="2026-11-10", group_by=[model()], filters={"products": (product(),)}
)
""",
        imports=IMPORTS,
    )

    assert outcome.state == "success"
    query = simulator.requests[0].query
    assert {value for name, value in query if name.removesuffix("[]") in ("group_by", "products")} == {"model", "chat"}


@pytest.mark.parametrize("end", [None, ""])
def test_an_empty_day_is_the_runs_own(end: str | None) -> None:
    for start in (None, "", "2026-11-10"):
        operator = ClaudeEnterpriseAnalyticsOperator(task_id="read", dataset="users", start=start, end=end)
        own = {"data_interval_start": NOW - timedelta(days=2), "data_interval_end": NOW}
        days = operator.period(own)  # type: ignore[arg-type]
        assert str(days) == ("[2026-11-10, 2026-11-11)" if start else "[2026-11-18, 2026-11-20)")


CLAUDE: dict[str, Any] = {"task_id": "land", "dataset": "users", "path": "file:///tmp/lake"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "user"}, "no dataset 'user'.*users"),
        ({"dataset": "cost_report", "group_by": ["actor"], "table": "t"}, "group_by 'actor'.*product"),
        ({"dataset": "usage_report", "group_by": ["token_type"], "table": "t"}, "group_by 'token_type'"),
        (
            {"dataset": "cost", "group_by": ["model", "product", "speed", "actor", "agent_id", "api_key_id"]},
            "at most 5",
        ),
        ({"dataset": "cost_report", "group_by": ["model"]}, "table of its own"),
        ({"dataset": "cost_report", "bucket_width": "5m", "table": "t"}, "bucket_width '5m'.*1d, 1h, 1m"),
        ({"bucket_width": "1h", "table": "t"}, "bucket_width '1h'.*takes none"),
        ({"filters": {"rbac_group": ["g"]}, "table": "t"}, "filters 'rbac_group'.*rbac_group_id"),
        ({"start": datetime(2026, 11, 10)}, "naive"),
        ({"start": NOW}, "not aligned"),
        ({"start": "2026-11-10", "end": "2026-11-10"}, "is empty"),
        ({"start": "2026-11-10", "end": "2026-11-09"}, "is empty"),
        ({"start": "yesterday"}, "not a date"),
        ({"start": "2025-12-31"}, "before 2026-01-01"),
        ({"table": "../elsewhere"}, "is not a name"),
        ({"file_format": "xml"}, "file_format 'xml'.*ndjson"),
        ({"compression": "lz4"}, "compression 'lz4'.*gzip, zstd, none"),
        ({"restate_days": -1}, "restate_days=-1"),
        ({"max_concurrency": 0}, "max_concurrency=0"),
        ({"on_unavailable": "ignore"}, "on_unavailable='ignore'.*fail, skip"),
        ({"on_unavailable": "partial"}, "partial.*users.*whole days only; allowed: fail, skip, wait"),
        ({"on_empty": "no"}, "on_empty='no'.*accept, fail, skip"),
        ({"on_shrink": "no"}, "on_shrink='no'.*fail, accept"),
        ({"on_cap": "no"}, "on_cap='no'.*report, split"),
        ({"drop_fields": ["user.mail"]}, r"user\.mail.*user\.email_address"),
    ],
)
def test_a_bad_argument_fails_when_the_dag_is_parsed(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        ClaudeEnterpriseAnalyticsToObjectStorageOperator(**{**CLAUDE, **arguments})


def test_bad_arguments_of_other_operators_fail_when_the_dag_is_parsed() -> None:
    with pytest.raises(InvalidArgumentError, match=r"no dataset 'users'.*credit_usage"):
        PerplexityAnalyticsToObjectStorageOperator(task_id="land", dataset="users", path="/tmp/lake")
    with pytest.raises(InvalidArgumentError, match="max_records=0"):
        ClaudeEnterpriseAnalyticsOperator(task_id="land", dataset="users", max_records=0)
    with pytest.raises(InvalidArgumentError, match="takes 1 to 1 values"):
        PerplexityAnalyticsOperator(task_id="land", dataset="credit_usage", filters={"user_email": ["a", "b"]})


def test_templates_are_checked_when_the_task_runs() -> None:
    operator = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land",
        dataset="{{ params.dataset }}",
        path="{{ var.value.lake }}",
        start="{{ ds }}",
        table="{{ params.table }}",
        filters={"user_id": ["{{ params.user }}"]},
    )

    assert set(operator.template_fields) >= {
        "dataset",
        "path",
        "start",
        "end",
        "table",
        "conn_id",
        "filters",
        "group_by",
    }
    assert timedelta(0) <= operator.retry_delay
