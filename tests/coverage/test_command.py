# SPDX-License-Identifier: Apache-2.0
"""``coverage`` and ``report`` as commands: exit codes, streams, and what each terminal can show."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
from datetime import date
from typing import Any

import pytest

from airflow_provider_aianalytics import cli
from airflow_provider_aianalytics.clock import CLOCK_VARIABLE, Clock
from tests.coverage.lakes import DAY, NOW, ManifestLake, days_from
from tests.coverage.watched_store import WatchedStore

FIRST = date(2026, 11, 10)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock, "now", lambda self: NOW)


def run(*arguments: str) -> int:
    return cli.main(["coverage", *arguments])


def test_late_missing_and_unreadable_days_are_exit_code_1(
    lake: ManifestLake, capsys: pytest.CaptureFixture[str]
) -> None:
    lake.put_daily(days_from(FIRST, 10))
    assert run(lake.path) == 0
    assert "on time" in capsys.readouterr().out

    last = lake.root / "claude_enterprise/_manifests/users/2026-11-19.json"
    last.unlink()
    assert run(lake.path) == 0  # due at 18:00
    last.with_name("2026-11-18.json").unlink()
    assert run(lake.path) == 1
    assert "late: 2026-11-18\n" in capsys.readouterr().out
    assert run(lake.path, "--lag", "3") == 0
    assert run(lake.path, "--to", "2026-11-17") == 0
    assert run(lake.path, "--from", "2026-11-09", "--to", "2026-11-17") == 1
    lake.put(FIRST + DAY, b"broken")
    assert run(lake.path, "--to", "2026-11-17") == 1
    last.with_name("2026-11-11.json").unlink()
    assert run(lake.path, "--to", "2026-11-17") == 1


def test_the_answer_is_alone_on_its_stream(lake: ManifestLake, capsys: pytest.CaptureFixture[str]) -> None:
    lake.put_daily(days_from(FIRST, 10))

    assert run(lake.path, "--json", "--from", "2026-11-15") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["days"]["final"] == 5
    assert err == ""


def test_calendars_are_shown_with_an_option(lake: ManifestLake, capsys: pytest.CaptureFixture[str]) -> None:
    for table in ("users", "skills"):
        lake.put_daily(days_from(FIRST, 10), table=table)

    assert run(lake.path) == 0
    assert "2026-11  " not in capsys.readouterr().out
    assert run(lake.path, "-v") == 0
    assert capsys.readouterr().out.count("2026-11  ") == 2


@pytest.mark.parametrize("command", ["coverage", "report"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{lake}", "--table", "usrs"], "no table 'usrs' under {lake}; there are claude_enterprise/users"),
        (["{lake}/nowhere"], "no table has landed under {lake}/nowhere"),
        (["{lake}", "--from", "2026-11-02", "--to", "2026-11-01"], "the last day 2026-11-01 is before the first"),
        (["nostore://lake"], "nostore"),
    ],
)
def test_no_answer_is_exit_code_2(
    lake: ManifestLake, capsys: pytest.CaptureFixture[str], command: str, arguments: list[str], message: str
) -> None:
    lake.put(FIRST)

    assert cli.main([command, *(argument.format(lake=lake.path) for argument in arguments)]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"{command}: error: ")
    assert message.format(lake=lake.path) in err
    assert out == ""


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--from", "2026-13-01", "'2026-13-01' is not a day; write it as 2026-11-01"),
        ("--to", "9999-12-31", "'9999-12-31' is not a day of the years 2000 to 2999"),
        ("--lag", "soon", "'soon' is not a number of days, such as 1.5"),
        ("--lag", "1e300", "'1e300' is not a number of days, such as 1.5"),
    ],
)
def test_a_value_that_is_none_is_bad_usage(
    capsys: pytest.CaptureFixture[str], option: str, text: str, message: str
) -> None:
    with pytest.raises(SystemExit) as exited:
        run("lake", option, text)

    assert exited.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("text", ["-1", "0", "99999999999", "many"])
def test_a_report_of_no_number_of_days_is_bad_usage(capsys: pytest.CaptureFixture[str], text: str) -> None:
    with pytest.raises(SystemExit) as exited:
        cli.main(["report", "lake", f"--days={text}"])

    assert exited.value.code == 2
    assert f"'{text}' is not a number of days from 1 to 9999" in capsys.readouterr().err


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding: str, *, tty: bool) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty

    def shown(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("encoding", "tty", "environment", "colours", "sign"),
    [
        ("utf-8", True, {}, True, "■"),
        ("utf-8", True, {"NO_COLOR": "1"}, False, "■"),
        ("utf-8", True, {"TERM": "dumb"}, False, "■"),
        ("utf-8", False, {}, False, "■"),
        ("ascii", False, {}, False, "#"),
        ("latin-1", True, {}, True, "#"),
    ],
)
def test_it_shows_what_the_terminal_can_show(
    lake: ManifestLake,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    tty: bool,
    environment: dict[str, str],
    colours: bool,
    sign: str,
) -> None:
    lake.put_daily(days_from(FIRST, 10))
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal(encoding, tty=tty)
    monkeypatch.setattr(sys, "stdout", terminal)

    assert run(lake.path) == 0
    assert ("\x1b[" in terminal.shown()) is colours
    assert sign in terminal.shown()


def test_a_store_that_fails_is_exit_code_2(
    watched: WatchedStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class DriverError(Exception):
        """Of no family that is known here."""

    def refuse(*_: object, **__: object) -> bytes:
        raise DriverError("the key is not valid")

    monkeypatch.setattr(watched, "cat_file", refuse)

    assert run(watched.url) == 2
    assert capsys.readouterr() == ("", "coverage: error: the key is not valid\n")


def test_output_of_a_driver_is_kept_out_of_the_answer(
    watched: WatchedStore, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    listing = watched.ls

    def talkative(*arguments: Any, **more: Any) -> Any:
        os.write(1, b"listing\n")
        return listing(*arguments, **more)

    monkeypatch.setattr(watched, "ls", talkative)

    assert run(watched.url, "--json") == 0
    out, err = capfd.readouterr()
    assert len(json.loads(out)["tables"]) == 2
    assert "listing" in err


def test_the_module_is_the_command_line(lake: ManifestLake) -> None:
    lake.put(FIRST)
    lake.put(FIRST + 2 * DAY)
    clock = {CLOCK_VARIABLE: f"{NOW.isoformat()}@1@{NOW.timestamp()}"}
    ran = subprocess.run(
        [sys.executable, "-m", "airflow_provider_aianalytics", "coverage", lake.path, "--json", "--to", "2026-11-12"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | clock | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"},
    )

    assert ran.returncode == 1, ran.stderr
    assert json.loads(ran.stdout)["days"]["missing"] == 1


@pytest.mark.parametrize("name", ["coverage", "report"])
def test_airflow_has_the_same_commands(lake: ManifestLake, capsys: pytest.CaptureFixture[str], name: str) -> None:
    lake.put(FIRST)
    lake.put(FIRST + 2 * DAY)
    (group,) = cli.get_cli_commands()
    command = next(one for one in group.subcommands if one.name == name)
    parser = argparse.ArgumentParser()
    for argument in command.args:
        argument.add_to_parser(parser)

    with pytest.raises(SystemExit) as exited:
        command.func(parser.parse_args([lake.path]))

    assert group.name == "aianalytics"
    assert exited.value.code == 1
    assert "missing" in capsys.readouterr().out
