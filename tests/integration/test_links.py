# SPDX-License-Identifier: Apache-2.0
"""The buttons of a task, as Airflow's API reads them: from the serialized DAG and the database."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.get_provider_info import get_provider_info
from airflow_provider_aianalytics.lineage import locations
from airflow_provider_aianalytics.lineage.locations import StorageLocation
from airflow_provider_aianalytics.simulator import Simulator
from tests.integration.conftest import Outcome, RunDag

IMPORTS = """
from airflow_provider_aianalytics.operators.claude_enterprise import *
from airflow_provider_aianalytics.operators.perplexity import *
from airflow_provider_aianalytics.sensors.claude_enterprise import *
"""
LAND = "ClaudeEnterpriseAnalyticsToObjectStorageOperator"
CLAUDE, PERPLEXITY = "Claude Enterprise's own analytics", "Perplexity's own analytics"
CONSOLE = "https://console.aws.amazon.com/s3"


def links(outcome: Outcome, name: str) -> dict[str, str | None]:
    """As the API answers them."""
    try:
        from airflow.serialization.serialized_objects import DagSerialization as Serialization
    except ImportError:
        from airflow.serialization.serialized_objects import SerializedDAG as Serialization
    Serialization._load_operator_extra_links = True  # a scheduler, and so dag.test(), switches it off for its process
    instance = outcome.instances[name]
    task: Any = Serialization.from_dict(Serialization.to_dict(outcome.dag)).get_task(instance.task_id)
    return {link: task.get_extra_links(instance, link) or None for link in task.extra_links}


def xcoms(outcome: Outcome) -> list[tuple[str, str, Any]]:
    """The task, the key and the stored value of each XCom of a run."""
    from airflow.models import xcom
    from airflow.utils.session import create_session

    model: Any = getattr(xcom, "XComModel", None) or xcom.BaseXCom
    with create_session() as session:
        found = session.query(model).filter(model.dag_id == outcome.dag.dag_id)
        return [(row.task_id, row.key, row.value) for row in found]


@pytest.fixture
def on_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lake stays a folder, and its links are those of one on S3."""
    monkeypatch.setattr(locations, "location_of", lambda path: StorageLocation("s3", "ai", "lake"))


def land(run_dag: RunDag, tmp_path: Path, **arguments: Any) -> Outcome:
    lake = {"dataset": "users", "path": str(tmp_path), "start": "2026-11-10", **arguments}
    return run_dag(f'{LAND}(task_id="land", **{lake!r})', imports=IMPORTS)


def test_a_day_links_to_its_manifest(run_dag: RunDag, simulator: Simulator, tmp_path: Path, on_s3: None) -> None:
    outcome = land(run_dag, tmp_path)

    assert outcome.state == "success"
    assert links(outcome, "land") == {
        "Landed manifests": f"{CONSOLE}/object/lake?prefix=ai/claude_enterprise/_manifests/users/2026-11-10.json",
        CLAUDE: "https://claude.ai/analytics",
    }


def test_days_link_to_their_folder_of_manifests(
    run_dag: RunDag, simulator: Simulator, tmp_path: Path, on_s3: None
) -> None:
    outcome = land(run_dag, tmp_path, end="2026-11-12")

    folder = f"{CONSOLE}/buckets/lake?prefix=ai/claude_enterprise/_manifests/users/"
    assert links(outcome, "land")["Landed manifests"] == folder


def test_a_url_that_no_browser_opens_is_no_link(
    run_dag: RunDag, simulator: Simulator, tmp_path: Path, output: Callable[[], str]
) -> None:
    assert links(land(run_dag, tmp_path), "land") == {
        "Landed manifests": None,
        CLAUDE: "https://claude.ai/analytics",
    }
    assert "XCom not found" not in output()


def test_a_task_without_that_link_stores_no_empty_xcom(run_dag: RunDag, simulator: Simulator, tmp_path: Path) -> None:
    outcome = run_dag(
        f"""
{LAND}(task_id="land", dataset="users", path={str(tmp_path)!r}, start="2026-11-10")
ClaudeEnterpriseAnalyticsSensor(task_id="wait", dataset="users", day="2026-11-10")
""",
        imports=IMPORTS,
    )

    stored = xcoms(outcome)
    assert ("land", "return_value") in {(task, key) for task, key, _ in stored}
    assert not [(task, key) for task, key, value in stored if value in ("", '""', "null", None)]


def test_a_task_that_failed_links_to_the_vendor(
    run_dag: RunDag, simulator: Simulator, tmp_path: Path, output: Callable[[], str]
) -> None:
    outcome = land(run_dag, tmp_path, start="2026-11-10", on_empty="fail", conn_id="nowhere", retries=0)

    assert outcome.state == "failed"
    assert links(outcome, "land") == {"Landed manifests": None, CLAUDE: "https://claude.ai/analytics"}
    assert "XCom not found" not in output()


def test_mapped_and_other_tasks_have_links(run_dag: RunDag, simulator: Simulator, tmp_path: Path, on_s3: None) -> None:
    outcome = run_dag(
        f"""
{LAND}.partial(task_id="land", path={str(tmp_path)!r}, start="2026-11-10").expand(dataset=["users", "skills"])
PerplexityAnalyticsOperator(task_id="credits", dataset="credit_usage", start="2026-11-10")
ClaudeEnterpriseAnalyticsSensor(task_id="wait", dataset="users", day="2026-11-10")
""",
        imports=IMPORTS,
    )

    assert set(outcome.tasks.values()) == {"success"}
    for number, table in enumerate(("users", "skills")):
        manifest = f"{CONSOLE}/object/lake?prefix=ai/claude_enterprise/_manifests/{table}/2026-11-10.json"
        assert links(outcome, f"land[{number}]")["Landed manifests"] == manifest
    assert links(outcome, "credits") == {PERPLEXITY: "https://www.perplexity.ai/account/org/analytics"}
    assert links(outcome, "wait") == {CLAUDE: "https://claude.ai/analytics"}


def test_provider_info_names_every_link() -> None:
    """Airflow 2 reads back no link that it does not name."""
    for path in get_provider_info()["extra-links"]:
        module, name = path.rsplit(".", 1)
        link = getattr(importlib.import_module(module), name)()
        assert link.name
    from airflow_provider_aianalytics.operators import claude_enterprise, perplexity

    named = {path.rpartition(".")[2] for path in get_provider_info()["extra-links"]}
    for kind in (
        claude_enterprise.ClaudeEnterpriseAnalyticsToObjectStorageOperator,
        claude_enterprise.ClaudeEnterpriseAnalyticsOperator,
        perplexity.PerplexityAnalyticsToObjectStorageOperator,
        perplexity.PerplexityAnalyticsOperator,
    ):
        assert {type(link).__name__ for link in kind.operator_extra_links} <= named
