# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: T201 (it talks to a person)
"""``make demo``: a simulator of both vendors, the example DAGs in a real Airflow for several days, and what landed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import FrameType

from airflow_provider_aianalytics.clock import CLOCK_VARIABLE
from tests.support import clock_setting, shown_day

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".demo"
LAKE = HOME / "lake"
REPORT = HOME / "report.html"
DAYS = 5
NOW = shown_day(os.environ.get("TODAY", ""), datetime.now(UTC))
CLOCK = clock_setting(NOW)
DAGS = ("claude_enterprise_daily", "perplexity_daily")
ANSWERS = HOME / "answers.duckdb"
QUESTIONS = {
    "spend by week and vendor, in US dollars": """
        select date_trunc('week', date)::date as week, vendor, sum(usd)::decimal(18, 2) as usd
        from daily_spend group by all order by all
    """,
    "members active in a week, by surface": """
        select date_trunc('week', date)::date as week, vendor, surface, count(distinct member) as members
        from daily_active group by all order by all
    """,
    "the ten who spend most, under pseudonyms": """
        select member[:12] || '…' as pseudonym, sum(usd)::decimal(18, 2) as usd
        from daily_spend where member is not null group by member order by sum(usd) desc nulls last, member limit 10
    """,
}

RUN_DAG = """
import importlib, sys
from datetime import datetime
sys.path.insert(0, {dags!r})
dag = getattr(importlib.import_module({module!r}), {name!r})
by = "logical_date" if "logical_date" in dag.test.__code__.co_varnames else "execution_date"
for text in {days!r}:
    run = dag.test(**{{by: datetime.fromisoformat(text)}}, run_conf={conf!r})
    print("@", dag.dag_id, text[:10], run.state, flush=True)
"""


def main() -> int:
    signal.signal(signal.SIGTERM, _interrupted)
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    try:
        with simulator() as (url, keys):
            environment = airflow_environment(url, keys)
            say("migrating Airflow's database")
            call(["airflow", "db", "migrate"], environment)
            failed = sum(run_days(dag, environment) for dag in DAGS)
            failed += run_days("answers", environment, name="land", days=1)
            failed += run_days("answers", environment, days=1, conf={"warehouse": str(ANSWERS)})
        show_landed()
        show_answers()
        show_report(environment)
    except KeyboardInterrupt:
        say("stopped")
        return 130
    return 1 if failed else 0


@contextmanager
def simulator() -> Iterator[tuple[str, dict[str, str]]]:
    """Both vendors on 127.0.0.1, until the block ends."""
    command = [sys.executable, "-m", "airflow_provider_aianalytics.simulator", "--port", "0", "--seed", "7"]
    command += ["--now", NOW.isoformat(), "--speed", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stdout is not None
        word, _, facts = process.stdout.readline().partition(" ")
        if word != "ready":
            raise SystemExit("the simulator did not start")
        keys = json.loads(facts)
        url = keys.pop("url")
        say(f"the simulator of both vendors answers on {url}")
        yield url, keys
    finally:
        process.terminate()
        process.wait(10)


def airflow_environment(url: str, keys: dict[str, str]) -> dict[str, str]:
    connections = {
        f"AIRFLOW_CONN_{vendor.upper()}_ANALYTICS_DEFAULT": json.dumps(
            {
                "conn_type": f"{vendor}_analytics",
                "password": keys[key],
                "host": url,
                "extra": {"pseudonym_secret": "for the demo alone"},
            }
        )
        for vendor, key in (("claude_enterprise", "claude_key"), ("perplexity", "perplexity_key"))
    }
    return {
        **os.environ,
        **connections,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        CLOCK_VARIABLE: CLOCK,
        "AIRFLOW_HOME": str(HOME / "airflow"),
        "AIRFLOW_VAR_AI_LAKE": str(LAKE),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags_examples"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__API_AUTH__JWT_SECRET": "for-the-demo-alone-" * 4,
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def run_days(
    module: str,
    environment: dict[str, str],
    *,
    name: str = "dag",
    days: int = DAYS,
    conf: dict[str, str] | None = None,
) -> int:
    """Run a DAG for the last days, one run a day; return how many failed.

    :param name: the DAG's name in its module.
    """
    today = NOW.replace(hour=12, minute=0, second=0, microsecond=0)
    dates = [(today - timedelta(days=number)).isoformat() for number in range(days, 0, -1)]
    script = RUN_DAG.format(dags=str(ROOT / "dags_examples"), module=module, name=name, days=dates, conf=conf or {})
    title = module if name == "dag" else f"{module}_{name}"
    say(f"running {title} for {days} day{'s' if days > 1 else ''}")
    states = []
    with (HOME / f"{title}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                if line.startswith("@ "):
                    _, _, day, state = line.split()
                    states.append(state)
                    print(f"   run of {day}: {state}", flush=True)
            process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(10)
    failed = days - sum(state.endswith("success") for state in states)
    if failed:
        say(f"{failed} runs failed; the log is {log.name}")
    return failed


def show_landed() -> None:
    say("landed, as the manifests tell:")
    print(f"   {'table':<42}{'days':>5}  {'from':<11}{'to':<11}{'rows':>8}{'bytes':>11}{'final':>6}")
    for folder in sorted(LAKE.glob("*/_manifests/*")):
        manifests = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
        print(
            f"   {folder.parent.parent.name + '/' + folder.name:<42}{len(manifests):>5}  "
            f"{manifests[0]['date']:<11}{manifests[-1]['date']:<11}{sum(m['rows'] for m in manifests):>8,}"
            f"{sum(m['bytes'] for m in manifests):>11,}{sum(m['final'] for m in manifests):>6}"
        )
    print(f"   in {LAKE}")


def show_answers() -> None:
    import duckdb

    with duckdb.connect(str(ANSWERS), read_only=True) as database:
        for title, question in QUESTIONS.items():
            say(f"{title}, from the views of the landed files:")
            for row in database.sql(question).fetchall():
                print("   " + "".join(_cell(value) for value in row))


def _cell(value: object) -> str:
    if value is None:
        return f"{'unknown':>14}"
    return f"{value:>14,}" if isinstance(value, int | Decimal) else f"{value!s:<20}"


def show_report(environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "airflow_provider_aianalytics", "report", str(LAKE)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 2:  # 1 only says that the page has days to act on
        raise SystemExit(f"the report failed:\n{done.stderr}")
    REPORT.write_text(done.stdout)
    say("what landed, as a page; open this file in a browser:")
    print(f"   {REPORT.as_uri()}")


def call(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")


def say(text: str) -> None:
    print(f"-- {text}", flush=True)


def _interrupted(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
