# SPDX-License-Identifier: Apache-2.0
"""``focus`` as a command: the file alone on its stream, the notes beside it, and exit codes."""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest

from airflow_provider_aianalytics import cli
from tests.focus.lakes import SETTINGS, Lake


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "focus.toml"
    file.write_text(SETTINGS)
    return str(file)


def test_the_file_is_alone_on_its_stream(lake: Lake, config: str) -> None:
    command = [sys.executable, "-m", "airflow_provider_aianalytics", "focus", lake.path, "--month", "2026-10"]
    done = subprocess.run(
        [*command, "--config", config],
        capture_output=True,
        check=False,
        env=os.environ | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"},
    )

    assert done.returncode == 0, done.stderr
    assert pyarrow.parquet.read_table(io.BytesIO(done.stdout)).to_pylist() == lake.export().rows
    assert b"note: perplexity: credit_price_usd is 0.0123 (from the settings)\n" in done.stderr


def test_airflow_has_the_same_command(lake: Lake, config: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (group,) = cli.get_cli_commands()
    command = next(one for one in group.subcommands if one.name == "focus")
    parser = argparse.ArgumentParser()
    for argument in command.args:
        argument.add_to_parser(parser)

    with pytest.raises(SystemExit) as exited:
        command.func(parser.parse_args([lake.path, "--month", "2026-10", "--config", config, "--format", "csv"]))

    assert exited.value.code == 0
    assert capfdbinary.readouterr().out == lake.export().csv()


def test_no_answer_is_exit_code_2(lake: Lake, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["focus", lake.path, "--month", "2026-10"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "focus: error: perplexity: the API has no price" in err
    assert cli.main(["focus", f"{lake.path}/nowhere", "--month", "2026-10"]) == 2
    assert "no table with costs has landed" in capfd.readouterr().err


@pytest.mark.parametrize("month", ["2026-13", "October", "2026-10-01", "9999-12"])
def test_a_month_that_is_none_is_bad_usage(month: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        cli.main(["focus", "lake", "--month", month])

    assert exited.value.code == 2
    assert f"{month!r} is not a month; write it as 2026-10" in capsys.readouterr().err


def test_a_terminal_gets_no_parquet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    assert cli.main(["focus", "/lake", "--month", "2026-10"]) == 2
    assert "redirect the output" in capsys.readouterr().err
