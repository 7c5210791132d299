# SPDX-License-Identifier: Apache-2.0
"""``views`` as a command: exit codes, streams, prices, and what is missing."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from airflow_provider_aianalytics import cli
from airflow_provider_aianalytics.views.command import ARGUMENTS
from airflow_provider_aianalytics.views.prices import credit_prices, read_credit_prices
from airflow_provider_aianalytics.views.sql import DIALECTS
from tests.coverage.lakes import ManifestLake
from tests.views.lakes import SimulatedLake

START = date(2026, 11, 4)


def run(*arguments: str) -> int:
    return cli.main(["views", *arguments])


def test_the_script_is_alone_on_its_stream(lake: SimulatedLake, capfd: pytest.CaptureFixture[str]) -> None:
    lake.land("claude_enterprise", "cost_report", START, START + timedelta(days=1))
    capfd.readouterr()

    assert run(str(lake.root), "--dialect", "duckdb") == 0
    out, _ = capfd.readouterr()
    assert out == lake.script()
    assert out.startswith("CREATE OR REPLACE VIEW claude_enterprise_cost_report AS\n")


def test_all_dialects_are_choices() -> None:
    (choices,) = [more["choices"] for flags, more in ARGUMENTS if flags == ("--dialect",)]

    assert choices == DIALECTS


def test_an_empty_lake_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path), "--dialect", "duckdb") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert f"views: error: no table has landed under {tmp_path}" in err


@pytest.mark.usefixtures("system_clock")
def test_the_home_folder_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    ManifestLake(tmp_path / "lake").put(START, dataset="cost_report", table="cost_report", format="parquet")

    assert run("~/lake", "--dialect", "duckdb") == 0
    assert f"'{tmp_path}/lake/claude_enterprise/cost_report/" in capsys.readouterr().out
    assert cli.main(["coverage", "~/lake"]) in (0, 1)
    assert "cost_report" in capsys.readouterr().out


def test_a_table_of_another_version_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = ManifestLake(tmp_path)
    lake.put(START, dataset="of_the_future", table="new")
    lake.put(START, dataset="cost_report", table="cost_report", format="parquet")

    assert run(str(tmp_path), "--dialect", "snowflake") == 0
    out, _ = capsys.readouterr()
    assert "claude_enterprise_cost_report" in out
    assert "claude_enterprise_new" not in out


def test_without_sqlglot_the_message_names_the_extra(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['sqlglot'] = None\n"
        "from airflow_provider_aianalytics.cli import main\n"
        f"raise SystemExit(main(['views', {str(tmp_path)!r}, '--dialect', 'duckdb']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "pip install 'airflow-provider-aianalytics[views]'" in done.stderr


def test_the_command_line_does_not_load_sqlglot() -> None:
    code = "import sys, airflow_provider_aianalytics.cli as cli; cli.parser(); print('sqlglot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "False"


def test_prices() -> None:
    assert credit_prices("0.01").prices == ((date.min, Decimal("0.01")),)
    assert credit_prices("2026-07-01=0.012, 2026-01-01=0.01").prices == (
        (date(2026, 1, 1), Decimal("0.01")),
        (date(2026, 7, 1), Decimal("0.012")),
    )


@pytest.mark.parametrize("text", ["", "free", "-0.01", "nan", "1e9", "0.1,0.2", "yesterday=0.01", "0.000000000000001"])
def test_what_is_no_price_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run("/tmp/ai", "--dialect", "duckdb", f"--credit-price-usd={text}")
    assert stopped.value.code == 2
    assert "--credit-price-usd" in capsys.readouterr().err


def test_a_file_has_a_day_and_a_price_a_line(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("date,price\n2026-01-01,0.01\n2026-07-01,0.012\n")

    assert read_credit_prices(str(file)) == credit_prices("2026-01-01=0.01,2026-07-01=0.012")


def test_tables_that_would_have_one_view_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = ManifestLake(tmp_path)
    for table in ("a-b", "a.b"):
        lake.put(START, dataset="cost_report", table=table)

    assert run(str(tmp_path), "--dialect", "duckdb") == 2
    assert "claude_enterprise/a-b, claude_enterprise/a.b" in capsys.readouterr().err
