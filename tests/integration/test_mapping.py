# SPDX-License-Identifier: Apache-2.0
"""What Airflow's UI shows of a task: the names of its mapped instances, and its fields as they were rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_provider_aianalytics.simulator import Simulator
from tests.integration.conftest import NOW, RunDag

IMPORTS = """
from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook
from airflow_provider_aianalytics.operators.claude_enterprise import *
from airflow_provider_aianalytics.sensors.perplexity import PerplexityAnalyticsSensor
"""
LAND = "ClaudeEnterpriseAnalyticsToObjectStorageOperator"


def rendered(instance: Any) -> dict[str, Any]:
    from airflow.models.renderedtifields import RenderedTaskInstanceFields

    return RenderedTaskInstanceFields.get_templated_fields(instance) or {}


def test_mapped_instances_are_named_and_their_fields_shown(
    run_dag: RunDag, simulator: Simulator, tmp_path: Path
) -> None:
    outcome = run_dag(
        f"""
days = [dict(start="2026-11-%d" % day, end="2026-11-%d" % (day + 1)) for day in (10, 11)]
{LAND}.partial(
    task_id="by_dataset", path={str(tmp_path)!r}, start=-10,
).expand(dataset=["users", "skills"])
{LAND}.partial(
    task_id="named", path={str(tmp_path)!r}, start=-10, doc_md="mine", map_index_template="{{{{ task.table }}}}",
).expand_kwargs([dict(dataset="artifacts", table="a")])
{LAND}.partial(
    task_id="by_day", dataset="plugins", path={str(tmp_path)!r},
).expand_kwargs(days)
PerplexityAnalyticsSensor.partial(
    task_id="wait", day="{{{{ ds }}}}", mode="reschedule",
).expand(dataset=["credit_usage"])
""",
        imports=IMPORTS,
        day=NOW.replace(day=10),
    )

    assert set(outcome.tasks.values()) == {"success"}
    names = {name: instance.rendered_map_index for name, instance in outcome.instances.items()}
    assert names == {
        "by_dataset[0]": "users",
        "by_dataset[1]": "skills",
        "named[0]": "a",
        "by_day[0]": "plugins 2026-11-10",
        "by_day[1]": "plugins 2026-11-11",
        "wait[0]": "credit_usage",
    }
    assert "`summaries`" in outcome.dag.get_task("by_dataset").doc_md
    assert "datasets claude_enterprise/plugins" in outcome.dag.get_task("by_day").doc_md
    assert outcome.dag.get_task("named").doc_md == "mine"
    fields = rendered(outcome.instances["by_dataset[1]"])
    assert (fields["dataset"], fields["start"], fields["path"]) == ("skills", -10, str(tmp_path))
    assert rendered(outcome.instances["by_day[0]"])["end"] == "2026-11-11"
    assert rendered(outcome.instances["wait[0]"])["day"] == "2026-11-10"


def test_templates_are_shown_as_they_were_rendered_and_no_key_with_them(
    run_dag: RunDag, simulator: Simulator, tmp_path: Path
) -> None:
    outcome = run_dag(
        f"""
{LAND}(
    task_id="land", dataset="cost_report", table="cost_by_{{{{ 'model' }}}}", group_by=["{{{{ 'model' }}}}"],
    path="{tmp_path}/{{{{ ds }}}}", start="{{{{ macros.ds_add(ds, -9) }}}}", filters=None,
)
""",
        imports=IMPORTS,
    )

    assert outcome.state == "success"
    fields = rendered(outcome.instances["land"])
    assert fields["table"] == "cost_by_model"
    assert fields["start"] == "2026-11-11"
    assert fields["path"] == f"{tmp_path}/2026-11-20"
    assert "model" in fields["group_by"]
    assert fields["conn_id"] == "claude_enterprise_analytics_default"
    assert simulator.claude_key not in str(fields)


def test_a_custom_task_uses_the_hook(run_dag: RunDag, simulator: Simulator) -> None:
    outcome = run_dag(
        """
@task(map_index_template="{{ dataset }}")
def total(dataset):
    from airflow.providers.common.compat.sdk import get_current_context
    get_current_context()["dataset"] = dataset
    return sum(record["count"] for record in PerplexityAnalyticsHook().records(dataset, "2026-11-10", "2026-11-12"))
total.expand(dataset=["credit_usage", "query_volume"])
""",
        imports=IMPORTS,
    )

    assert set(outcome.tasks.values()) == {"success"}
    assert [instance.rendered_map_index for instance in outcome.instances.values()] == ["credit_usage", "query_volume"]
    assert all(total > 0 for total in outcome.results.values())
