# SPDX-License-Identifier: Apache-2.0
"""The example DAGs run unchanged against the simulator, and land the data that they document."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from inspect import unwrap
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from airflow_provider_aianalytics.extraction.polling import WaitTarget
from airflow_provider_aianalytics.simulator import Fault, Simulator
from tests.integration.conftest import DAGS, NOW, connect, too_recent
from tests.test_examples import EXAMPLES, supported

NOON = datetime(2026, 11, 14, 12, tzinfo=UTC)

Run = Callable[..., "Ran"]


@dataclass
class Ran:
    """What became of an example's run."""

    state: str
    tasks: dict[str, str] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(seed=7, members=25, now=NOW, requests_per_minute=None) as sim:
        connect(monkeypatch, sim, pseudonym_secret="the secret of the tests")
        yield sim


@pytest.fixture
def load(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Copy an example into the dags folder and import it."""
    monkeypatch.setenv("AIRFLOW_VAR_AI_LAKE", str(tmp_path))
    copies = set()

    def module(name: str) -> ModuleType:
        if EXAMPLES / f"{name}.py" not in supported():
            pytest.skip("needs a newer Airflow")
        path = DAGS / f"{name}.py"
        shutil.copy(EXAMPLES / path.name, path)
        copies.add(path)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        loaded = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        return loaded

    yield module
    for path in copies:
        path.unlink()
        sys.modules.pop(path.stem, None)


@pytest.fixture
def run(load: Callable[[str], Any]) -> Run:
    def example(name: str, *, day: datetime = NOON, conf: dict[str, Any] | None = None) -> Ran:
        dag = load(name).dag
        by = "logical_date" if "logical_date" in dag.test.__code__.co_varnames else "execution_date"
        done = dag.test(**{by: day}, run_conf=conf)
        ran = Ran(str(done.state))
        for instance in done.get_task_instances():
            number = "" if instance.map_index < 0 else f"[{instance.map_index}]"
            ran.tasks[f"{instance.task_id}{number}"] = str(instance.state)
            ran.results[f"{instance.task_id}{number}"] = instance.xcom_pull(
                task_ids=instance.task_id, map_indexes=instance.map_index
            )
        return ran

    return example


def each(tables: Iterable[str], days: list[str]) -> dict[str, list[str]]:
    return dict.fromkeys(tables, days)


def days(first: str, last: str) -> list[str]:
    """The days from the first to the last, both inside."""
    low, high = date.fromisoformat(first), date.fromisoformat(last)
    return [(low + timedelta(days=number)).isoformat() for number in range((high - low).days + 1)]


def manifests(lake: Path, table: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(lake.glob(f"*/_manifests/{table}/*.json"))]


def landed(lake: Path) -> dict[str, list[str]]:
    """The days of every table, each with the one file that its manifest names."""
    found = {}
    for folder in lake.glob("*/_manifests/*"):
        described = manifests(lake, folder.name)
        data = sorted(str(path.relative_to(lake)) for path in (folder.parent.parent / folder.name).glob("*/*"))
        assert [manifest["file"] for manifest in described] == data
        found[folder.name] = [manifest["date"] for manifest in described]
    return found


ENGAGEMENT = ["users", "summaries", "chat_projects", "skills", "connectors", "plugins", "artifacts"]
BY_RANGE = ["summaries", "cost_report", "usage_report", "user_cost_report", "user_usage_report"]
PERPLEXITY = ["credit_usage", "query_volume", "member_credit_usage", "member_query_volume"]


@dataclass(frozen=True)
class Case:
    """One example that lands days.

    :param tables: what must be there afterwards, and nothing else.
    :param requests: how many requests it takes: the fewest that the vendor's limits allow.
    """

    tables: dict[str, list[str]]
    requests: int
    day: datetime = NOON
    conf: dict[str, Any] | None = None


BY_EVENTS = {"monthly_close", "new_day_event"}
"""Runs that asset events make, which needs a scheduler: ``dag.test()`` makes none such."""
MONTH = days("2026-10-14", "2026-11-13")
TWO_WEEKS = days("2026-10-30", "2026-11-13")
"""The day of a run and the 14 days before, which the vendor can still correct."""
CASES = {
    "claude_enterprise_daily": Case({"users": days("2026-10-27", "2026-11-10"), "cost_by_model": MONTH}, 16),
    "claude_enterprise_adoption": Case(each(["users", "summaries"], TWO_WEEKS), 16),
    "claude_enterprise_sensor": Case(
        each(ENGAGEMENT, days("2026-11-02", "2026-11-16")), 91, day=NOON + timedelta(days=3)
    ),
    "claude_enterprise_on_time": Case({"users": days("2026-10-27", "2026-11-10")}, 15),
    "claude_enterprise_chargeback": Case({"chargeback": MONTH}, 1),
    "claude_enterprise_monthly_close": Case(
        {"closed_cost_by_member": days("2026-09-01", "2026-09-30")}, 1, day=datetime(2026, 10, 5, tzinfo=UTC)
    ),
    "backfill_by_day": Case(each([table for table in ENGAGEMENT if table != "summaries"], ["2026-10-30"]), 6),
    "backfill_in_one_run": Case(
        each([*BY_RANGE, *PERPLEXITY], days("2026-09-01", "2026-10-02")),
        22,
        conf={"start": "2026-09-01", "end": "2026-10-03"},
    ),
    "perplexity_daily": Case(
        each(["credit_usage", "member_credit_usage", "connectors", "task_durations"], days("2026-11-10", "2026-11-13")),
        4,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_lands_the_documented_days(name: str, run: Run, simulator: Simulator, tmp_path: Path) -> None:
    case = CASES[name]

    ran = run(name, day=case.day, conf=case.conf)

    assert set(ran.tasks.values()) == {"success"}
    assert landed(tmp_path) == case.tables
    assert all(manifest["complete"] for table in case.tables for manifest in manifests(tmp_path, table))
    assert all(sum(manifest["rows"] for manifest in manifests(tmp_path, table)) for table in case.tables)
    assert len(simulator.requests) == case.requests


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_backfill_in_one_run_ends_with_the_latest_day_of_all_datasets(
    by_hand: bool, load: Callable[[str], Any], run: Run, tmp_path: Path
) -> None:
    if not by_hand:
        run("backfill_in_one_run", day=NOON, conf={"start": "2026-11-08"})
    elif "run_after" in load("backfill_in_one_run").dag.test.__code__.co_varnames:
        sys.modules["backfill_in_one_run"].dag.test(logical_date=None, run_after=NOON, run_conf={"start": "2026-11-08"})
    else:
        pytest.skip("every run of this Airflow has a logical date")

    assert landed(tmp_path) == each([*BY_RANGE, *PERPLEXITY], days("2026-11-08", "2026-11-09"))


def test_one_task_waits_and_lands(
    run: Run, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: Callable[[], str]
) -> None:
    refusal = too_recent(date(2026, 11, 13), date(2026, 11, 12))
    simulator.fail(Fault("status", path="users", query={"date": "2026-11-13"}, status=400, times=1, body=refusal))
    # The rule polls hours apart, which the test does not wait for.
    monkeypatch.setattr(WaitTarget, "next_poll", lambda self, looked, **_: looked)

    ran = run("claude_enterprise_adoption")

    assert set(ran.tasks.values()) == {"success"}
    assert landed(tmp_path) == each(["users", "summaries"], TWO_WEEKS)
    assert "next check at" in output()
    # the other 14 days, the day that was refused, one poll, the day; and one window of the other dataset
    assert sorted(request.status for request in simulator.requests) == [*[200] * 17, 400]


def test_the_closed_month_is_final(run: Run, tmp_path: Path) -> None:
    ran = run("claude_enterprise_monthly_close", day=datetime(2026, 10, 5, tzinfo=UTC))

    assert ran.tasks == {"is_final": "success", "land": "success"}
    assert {day["final"] for day in ran.results["land"]["partitions"]} == {True}


def test_the_closed_month_is_exported(run: Run, simulator: Simulator, tmp_path: Path) -> None:
    import duckdb

    ran = run("focus_export", day=datetime(2026, 10, 5, tzinfo=UTC))

    assert set(ran.tasks.values()) == {"success"}
    assert landed(tmp_path) == each(["focus_cost", "focus_tokens", "focus_credits"], days("2026-09-01", "2026-09-30"))
    assert ran.results["export"].endswith("/focus/2026-09.parquet")
    rows = duckdb.sql(
        f"""select ProviderName, sum(ContractedCost), sum(PricingQuantity), max(x_IsFinal)
        from '{tmp_path}/focus/2026-09.parquet' group by all order by all"""
    ).fetchall()
    totals = {
        table: sum(Decimal(one["total"] or 0) for one in manifests(tmp_path, table)) for table in landed(tmp_path)
    }
    assert [(name, final) for name, _, _, final in rows] == [("Anthropic", True), ("Perplexity", True)]
    assert rows[0][1] * 100 == totals["focus_cost"] > 0
    assert rows[1][2] == totals["focus_credits"] > 0


def test_minutes_of_today_land_beside_hours_and_days(run: Run, simulator: Simulator, tmp_path: Path) -> None:
    ran = run("claude_enterprise_spend_by_minute", day=NOW)

    assert set(ran.tasks.values()) == {"success"}
    tables = landed(tmp_path)
    assert len(simulator.requests) == 12  # 36 hours by minute are 9 pages; then 2 of hours and 1 of days
    assert tables["cost_by_minute"] == ["2026-11-19", "2026-11-20"]
    assert tables["cost_by_hour"] == days("2026-11-13", "2026-11-20")
    yesterday, today = manifests(tmp_path, "cost_by_minute")
    assert (yesterday["complete"], today["complete"]) == (True, False)
    # the same money by minute, by hour and by day
    totals = {table: manifests(tmp_path, table)[tables[table].index("2026-11-19")]["total"] for table in tables}
    assert len(totals) == 3
    assert len({Decimal(total) for total in totals.values()}) == 1


def test_perplexity_lands_the_hours_so_far(run: Run, tmp_path: Path) -> None:
    ran = run("perplexity_hourly", day=NOW)

    assert set(ran.tasks.values()) == {"success"}
    assert landed(tmp_path) == each(
        [f"{name}_by_hour" for name in ("credit_usage", "query_volume", "daily_active_users")],
        ["2026-11-19", "2026-11-20"],
    )
    for name in ("credit_usage", "query_volume", "daily_active_users"):
        yesterday, today = manifests(tmp_path, f"{name}_by_hour")
        assert (yesterday["rows"], yesterday["complete"], today["complete"]) == (24, True, False)
        assert 0 < today["rows"] < 24


def test_no_person_is_in_the_chargeback(run: Run, tmp_path: Path) -> None:
    import duckdb

    assert run("claude_enterprise_chargeback").state == "success"

    files = f"{tmp_path}/claude_enterprise/chargeback/*/*.parquet"
    columns = [name for name, *_ in duckdb.sql(f"describe from read_parquet('{files}')").fetchall()]
    assert "amount_cents" in columns
    rows = duckdb.sql(
        f"""select actor_name, actor_email_address, actor_user_id, sum(amount_cents), count(distinct product)
        from read_parquet('{files}') where actor_type = 'user_actor' group by all"""
    ).fetchall()
    assert len(rows) > 10
    for name, address, user, cents, products in rows:
        assert name is None
        assert {len(pseudonym) for pseudonym in (address, user) if pseudonym is not None} == {64}
        assert isinstance(cents, Decimal)
        assert products >= 1


@pytest.mark.parametrize(("limit", "alert"), [(0, "success"), (1_000_000, "skipped")])
def test_an_alert_is_raised_only_above_the_limit(run: Run, tmp_path: Path, limit: int, alert: str) -> None:
    ran = run("claude_enterprise_spend_alert", conf={"limit_usd": limit})

    assert ran.tasks == {"spend": "success", "is_too_much": "success", "alert": alert}
    if alert == "success":
        cents = sum(Decimal(record["amount"]) for record in ran.results["spend"])
        assert ran.results["alert"].startswith(f"2026-11-13 cost US$ {cents / 100:,.2f}, most of it ")
    assert landed(tmp_path) == {}


@pytest.mark.parametrize(("limit", "state"), [(100, "success"), (0, "failed")])
def test_long_tasks_fail_the_check(run: Run, output: Callable[[], str], limit: int, state: str) -> None:
    ran = run("perplexity_duration_alert", conf={"limit_percent": limit})

    assert ran.tasks == {"durations": "success", "check": state}
    if state == "failed":
        assert "took > 1 h on 2026-11-13" in output()
    else:
        (record,) = ran.results["durations"]
        (count,) = [e["count"] for e in record["by_categories"]["Duration"] if e["category"] == "> 1 h"]
        assert ran.results["check"] == pytest.approx(100 * count / record["count"])


def test_the_warehouse_loads_each_content_once(run: Run, tmp_path: Path) -> None:
    import duckdb

    warehouse = tmp_path.parent / f"{tmp_path.name}.duckdb"
    conf = {"warehouse": str(warehouse)}
    assert run("load_to_warehouse", conf=conf).results["load"] == MONTH
    # the next day: one day is new, and the vendor restated what it restated
    ran = run("load_to_warehouse", day=NOON + timedelta(days=1), conf=conf)
    assert ran.state == "success"
    changed = {day["date"] for day in ran.results["land"]["partitions"] if day["status"] != "unchanged"}
    assert set(ran.results["load"]) == changed
    assert "2026-11-14" in changed

    with duckdb.connect(str(warehouse)) as database:
        totals = dict(
            database.sql("select _date::varchar, sum(amount_cents) from cost_by_product group by 1").fetchall()
        )
    described = manifests(tmp_path, "cost_by_product")
    assert totals == {manifest["date"]: Decimal(manifest["total"]) for manifest in described if manifest["rows"]}
    assert len(described) == 32


def test_the_answers_are_tables_of_both_vendors(
    run: Run, load: Callable[[str], Any], simulator: Simulator, tmp_path: Path
) -> None:
    import duckdb

    module = load("answers")
    by = "logical_date" if "logical_date" in module.land.test.__code__.co_varnames else "execution_date"
    assert str(module.land.test(**{by: NOON}).state) == "success"
    warehouse = tmp_path.parent / f"{tmp_path.name}.duckdb"
    ran = run("answers", conf={"warehouse": str(warehouse), "credit_price_usd": "0.02"})

    assert ran.tasks == {"build": "success"}
    with duckdb.connect(str(warehouse)) as database:
        rows = {name: len(database.table(name)) for name in module.MODELS}
        spend = dict(database.sql("select vendor, sum(usd) from daily_spend group by all").fetchall())
        members = [member for (member,) in database.sql("select distinct member from member_month").fetchall()]
    assert ran.results["build"] == rows
    assert all(rows.values())
    cents = sum(Decimal(manifest["total"]) for manifest in manifests(tmp_path, "answers_spend"))
    assert spend["claude_enterprise"] == cents / 100
    assert spend["perplexity"] > 0
    assert {len(member) for member in members} == {64}


def test_the_warehouse_adds_a_new_column(run: Run, tmp_path: Path) -> None:
    """As files have after an upgrade that knows a new field of the vendor."""
    import duckdb

    warehouse = tmp_path.parent / f"{tmp_path.name}.duckdb"
    with duckdb.connect(str(warehouse)) as database:
        database.execute("create table cost_by_product (_date date, product varchar)")
    assert run("load_to_warehouse", conf={"warehouse": str(warehouse)}).results["load"] == MONTH

    with duckdb.connect(str(warehouse)) as database:
        (total,) = database.sql("select sum(amount_cents) from cost_by_product").fetchall()
    assert total == (sum(Decimal(manifest["total"]) for manifest in manifests(tmp_path, "cost_by_product")),)


def test_a_partitioned_run_lands_its_partition(
    load: Callable[[str], Any], simulator: Simulator, tmp_path: Path
) -> None:
    """Airflow's ``dag.test()`` cannot make such a run, so the task gets the context that one would have."""
    dag = load("claude_enterprise_partitioned").dag
    task = dag.get_task("users")
    task.path = str(tmp_path)
    instance = SimpleNamespace(
        dag_id=dag.dag_id, run_id="run", task_id="users", map_index=-1, try_number=1, max_tries=2
    )

    summary = unwrap(type(task).execute)(
        task, {"ti": instance, "task": task, "dag_run": SimpleNamespace(partition_key="2026-11-10")}
    )

    assert [day["date"] for day in summary["partitions"]] == days("2026-10-27", "2026-11-10")
    assert landed(tmp_path) == {"users": days("2026-10-27", "2026-11-10")}


def test_every_example_is_run_here() -> None:
    source = Path(__file__).read_text()
    run_here = {name for name in re.findall(r'"(\w+)"', source) if name not in BY_EVENTS}
    assert {path.stem for path in EXAMPLES.glob("*.py")} - run_here <= BY_EVENTS


def test_the_first_line_of_a_landed_day_is_the_vendors_record(run: Run, tmp_path: Path) -> None:
    assert run("claude_enterprise_daily").state == "success"

    path = max((tmp_path / "claude_enterprise/users").rglob("*.gz"))
    assert gzip.decompress(path.read_bytes()).startswith(b'{"_date":"2026-11-10","user":{"type":"user"')
