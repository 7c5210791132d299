# SPDX-License-Identifier: Apache-2.0
"""What a run reports to OpenLineage and to Airflow's collector of hook lineage."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.clock import CLOCK_VARIABLE
from airflow_provider_aianalytics.lineage.collect import report_input, source_dataset
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.storage.typed.schema import typed_columns
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY
from tests.integration.conftest import NOW, RunDag
from tests.support import clock_setting

LAND = "ClaudeEnterpriseAnalyticsToObjectStorageOperator"
IMPORTS = "from airflow_provider_aianalytics.operators.claude_enterprise import *"
API = "https://api.anthropic.com/v1/organizations/analytics"
RUN = """
import sys
from datetime import datetime, timezone
from pathlib import Path
from airflow.utils import db
db.initdb()
sys.path.insert(0, str(Path(sys.argv[1]).parent))
dag = __import__(Path(sys.argv[1]).stem).dag
run = dag.test(datetime(2026, 11, 20, tzinfo=timezone.utc))
print("STATE", run.state)
"""
DAG = """
from datetime import datetime
from airflow.providers.common.compat.sdk import DAG
from airflow_provider_aianalytics.operators.claude_enterprise import *
with DAG("lineage", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    land = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land", dataset="cost_report", start="2026-11-09", end="2026-11-12", file_format="parquet",
        path={path!r})
    raw = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="raw", dataset="users", start="2026-11-10", path={path!r})
    small = ClaudeEnterpriseAnalyticsOperator(task_id="small", dataset="summaries", start="2026-11-10")
    failing = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="failing", dataset="skills", start="2026-11-10", path={path!r}, conn_id="nowhere")
    land >> raw >> small >> failing
"""


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, dict[str, Any]], str, Path]:
    """The last event of each task of a DAG in an Airflow with OpenLineage, the text of all events, and the lake."""
    pytest.importorskip("airflow.providers.openlineage")
    home = tmp_path_factory.mktemp("openlineage")
    lake, log, dags = home / "lake", home / "events", home / "dags"
    dags.mkdir()
    (dags / "lineage.py").write_text(DAG.format(path=str(lake)))
    with Simulator(seed=7, members=50, now=NOW, requests_per_minute=None) as sim:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_CONN_")},
            CLOCK_VARIABLE: clock_setting(NOW),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "file", "log_file_path": str(log), "append": True}),
            "AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT": json.dumps(
                {"conn_type": "claude_enterprise_analytics", "password": sim.claude_key, "host": sim.url}
            ),
        }
        command = [sys.executable, "-c", RUN, str(dags / "lineage.py")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=800, check=False)
        assert "STATE" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
        events_text = log.read_text()
        assert sim.claude_key not in events_text
    last = {}
    for event in map(json.loads, events_text.splitlines()):
        name = event["job"]["name"]
        if event["eventType"] in ("COMPLETE", "FAIL") and name.startswith("lineage."):
            last[name.removeprefix("lineage.")] = event
    return last, events_text, lake


Events = tuple[dict[str, dict[str, Any]], str, Path]


def names(datasets: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(dataset["namespace"], dataset["name"]) for dataset in datasets]


@pytest.mark.timeout(900)
class TestOpenLineage:
    def test_the_api_is_the_input_and_the_table_the_output(self, events: Events) -> None:
        events_text, _, lake = events
        event = events_text["land"]
        assert event["eventType"] == "COMPLETE"
        assert names(event["inputs"]) == [("https://api.anthropic.com", "/v1/organizations/analytics/cost_report")]
        assert names(event["outputs"]) == [("file", f"{lake}/claude_enterprise/cost_report")]

    def test_a_typed_table_shows_its_documented_columns(self, events: Events) -> None:
        (output,) = events[0]["land"]["outputs"]
        fields = {field["name"]: field["type"] for field in output["facets"]["schema"]["fields"]}
        assert list(fields) == [column.name for column in typed_columns(CLAUDE_ENTERPRISE.dataset("cost_report"))]
        assert fields["_date"] == "date"
        assert fields["amount_cents"] == "decimal(38, 12)"
        assert fields["_extra"] == "string"
        described = {field["name"]: field["description"] for field in output["facets"]["schema"]["fields"]}
        assert described["amount_cents"].endswith("(contract section 8.1). Unit: US cents.")
        assert "schema" not in events[0]["raw"]["outputs"][0].get("facets", {})

    def test_what_was_written_is_counted(self, events: Events) -> None:
        events_text, _, lake = events
        for name, table, days in (("land", "cost_report", 3), ("raw", "users", 1)):
            files = [path for path in (lake / "claude_enterprise" / table).rglob("*") if path.is_file()]
            statistics = events_text[name]["outputs"][0]["outputFacets"]["outputStatistics"]
            assert statistics["fileCount"] == len(files) == days
            assert statistics["size"] == sum(path.stat().st_size for path in files)
        (users,) = (lake / "claude_enterprise" / "users").rglob("*.gz")
        rows = gzip.decompress(users.read_bytes()).count(b"\n")
        assert events_text["raw"]["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == rows > 0

    def test_small_results_have_an_input_too(self, events: Events) -> None:
        event = events[0]["small"]
        assert names(event["inputs"]) == [("https://api.anthropic.com", "/v1/organizations/analytics/summaries")]
        assert event["outputs"] == []

    def test_a_failed_run_still_reports_its_input(self, events: Events) -> None:
        event = events[0]["failing"]
        assert event["eventType"] == "FAIL"
        assert names(event["inputs"]) == [("https://api.anthropic.com", "/v1/organizations/analytics/skills")]
        assert event["outputs"] == []


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """What Airflow's collector of hook lineage receives, if a plugin reads it."""
    from airflow.providers.common.compat import sdk
    from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

    collector = sdk.HookLineageCollector()
    monkeypatch.setattr(sdk, "get_hook_lineage_collector", lambda: collector, raising=False)
    return lambda: get_hook_lineage_collector().collected_assets


class TestHookLineage:
    def test_landing_reads_the_api_and_writes_the_table(
        self, run_dag: RunDag, simulator: Simulator, tmp_path: Path, collected: Callable[[], Any]
    ) -> None:
        outcome = run_dag(
            f'{LAND}(task_id="land", dataset="users", path={str(tmp_path)!r}, start="2026-11-10", end="2026-11-12")',
            imports=IMPORTS,
        )

        assert outcome.state == "success"
        lineage = collected()
        assert f"{API}/users" in [read.asset.uri for read in lineage.inputs]
        assert [wrote.asset.uri for wrote in lineage.outputs] == [f"file://{tmp_path}/claude_enterprise/users"]

    def test_records_and_pages_read_the_api(self, simulator: Simulator, collected: Callable[[], Any]) -> None:
        from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook

        hook = PerplexityAnalyticsHook()
        assert list(hook.records("credit_usage", "2026-11-10", "2026-11-11"))
        assert list(hook.pages("query_volume", "2026-11-10", "2026-11-11"))

        api = "https://api.perplexity.ai/v1/analytics/computer/usage"
        uris = [read.asset.uri for read in collected().inputs]
        assert uris == [f"{api}?dataset=credit_usage", f"{api}?dataset=query_volume"]

    def test_a_failing_collector_does_not_fail_the_task(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        from airflow.providers.common.compat import sdk

        def refuse(**_: object) -> None:
            raise ValueError("no such URI")

        collector = sdk.HookLineageCollector()
        monkeypatch.setattr(collector, "add_input_asset", refuse, raising=False)
        monkeypatch.setattr(collector, "add_input_dataset", refuse, raising=False)
        monkeypatch.setattr(sdk, "get_hook_lineage_collector", lambda: collector, raising=False)

        report_input(object(), CLAUDE_ENTERPRISE, CLAUDE_ENTERPRISE.dataset("users"))

        assert "is not collected: no such URI" in caplog.text


def test_every_dataset_has_a_name_of_its_own() -> None:
    for vendor in (CLAUDE_ENTERPRISE, PERPLEXITY):
        assert len({source_dataset(vendor, dataset) for dataset in vendor.datasets.values()}) == len(vendor.datasets)


def test_openlineage_is_not_imported_before_it_is_used() -> None:
    code = (
        "import sys, airflow_provider_aianalytics.operators.claude_enterprise;"
        "import airflow_provider_aianalytics.lineage.collect;"
        "print('LOADED', [name for name in sys.modules if name.startswith('openlineage')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert "LOADED []" in done.stdout
