# SPDX-License-Identifier: Apache-2.0
"""What has landed, from the manifests alone."""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_aianalytics import cli
from airflow_provider_aianalytics.coverage import READERS, Day, State, Table, as_json, as_text, coverage, gaps, judge
from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.storage.manifest import Manifest, Run, encode

DAY = timedelta(days=1)
FIRST = date(2026, 10, 30)


def manifest(day: date, *, vendor: str = "claude_enterprise", table: str = "users", **facts: Any) -> bytes:
    known: dict[str, Any] = {
        "dataset": table,
        "query": {"date": day.isoformat()},
        "file": f"{vendor}/{table}/date={day}/{table}.ndjson.gz",
        "format": "ndjson",
        "compression": "gzip",
        "rows": 812,
        "bytes": 1000,
        "sha256": "0" * 64,
        "pages": 1,
        "requests": 1,
        "data_refreshed_at": None,
        "fetched_at": "2026-11-20T12:00:00.000000Z",
        "complete": True,
        "final": True,
        "organization_id": None,
        "provider_version": "0.1.0",
        "run": Run(dag_id="d", run_id="r", task_id="t"),
    }
    return encode(Manifest(vendor=vendor, table=table, date=day, **(known | facts)))


Land = Callable[..., None]


@pytest.fixture
def land(tmp_path: Path) -> Land:
    """Put the manifest of a day where the lake keeps it, or other bytes in its place."""

    def put(
        day: date,
        data: bytes | None = None,
        *,
        vendor: str = "claude_enterprise",
        table: str = "users",
        **facts: Any,
    ) -> None:
        folder = tmp_path / vendor / "_manifests" / table
        folder.mkdir(parents=True, exist_ok=True)
        found = manifest(day, vendor=vendor, table=table, **facts) if data is None else data
        (folder / f"{day}.json").write_bytes(found)

    return put


def states(table: Table) -> dict[str, str]:
    return {str(day.date): day.state.label for day in table.days}


def test_each_day_has_its_state(land: Land, tmp_path: Path) -> None:
    land(FIRST)
    land(FIRST + DAY, final=False)
    land(FIRST + 2 * DAY, final=False, complete=False)
    land(FIRST + 3 * DAY, rows=0)
    land(FIRST + 4 * DAY, b'{"schema_version": 1, "vendor": ')
    land(FIRST + 6 * DAY)

    (table,) = coverage(str(tmp_path))

    assert (table.vendor, table.name) == ("claude_enterprise", "users")
    assert states(table) == {
        "2026-10-30": "final",
        "2026-10-31": "provisional",
        "2026-11-01": "incomplete",
        "2026-11-02": "empty",
        "2026-11-03": "unreadable",
        "2026-11-04": "missing",
        "2026-11-05": "final",
    }
    assert table.rows == 4 * 812
    assert gaps([table]) == 2


def test_a_manifest_of_another_day_or_table_is_not_believed(land: Land, tmp_path: Path) -> None:
    land(FIRST, manifest(FIRST + DAY))
    land(FIRST + DAY, manifest(FIRST + DAY, table="skills"))

    (table,) = coverage(str(tmp_path))

    assert [day.state for day in table.days] == [State.UNREADABLE, State.UNREADABLE]
    assert str(table.days[0].error).endswith(
        "users/2026-10-30.json: the manifest of claude_enterprise/users 2026-10-31"
    )


@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=50).map(str.encode)))
@example(data=b"")
@example(data=b"\xff\xfe")
@example(data=b'{"vendor": "\xff"}')
@example(data=b"[" * 5000)
@example(data=manifest(FIRST).replace(b"claude", b"\xc3\x28aude"))
def test_garbage_is_a_gap_and_never_a_crash(data: bytes) -> None:
    day = judge(data, vendor="claude_enterprise", table="users", day=FIRST, where="there")

    assert day.state is State.UNREADABLE
    assert day.error is not None
    assert day.error.startswith("there: ")


@pytest.mark.parametrize(
    ("first", "last", "range_"),
    [
        (None, None, ("2026-10-30", "2026-11-03")),
        (date(2026, 11, 2), None, ("2026-11-02", "2026-11-03")),
        (None, date(2026, 10, 31), ("2026-10-30", "2026-10-31")),
        (date(2026, 10, 28), date(2026, 11, 5), ("2026-10-28", "2026-11-05")),
        (date(2026, 12, 1), None, ("2026-12-01", "2026-12-01")),
        (None, date(2026, 9, 30), ("2026-09-30", "2026-09-30")),
    ],
)
def test_the_range_is_what_landed_unless_asked_for(
    land: Land, tmp_path: Path, first: date | None, last: date | None, range_: tuple[str, str]
) -> None:
    land(FIRST)
    land(FIRST + 4 * DAY)

    (table,) = coverage(str(tmp_path), first=first, last=last)

    assert (str(table.days[0].date), str(table.days[-1].date)) == range_
    assert [day.date for day in table.days] == sorted({day.date for day in table.days})
    assert {str(day.date) for day in table.days if day.state is State.FINAL} <= {"2026-10-30", "2026-11-03"}


@given(
    landed=st.sets(st.dates(date(2026, 1, 1), date(2026, 3, 31)), min_size=1),
    bounds=st.tuples(*[st.none() | st.dates(date(2025, 12, 1), date(2026, 4, 30))] * 2),
)
def test_every_day_of_the_range_is_told_once(
    landed: set[date], bounds: tuple[date | None, date | None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, last = bounds
    if first and last and last < first:
        first, last = last, first
    lake = tmp_path_factory.mktemp("lake")
    folder = lake / "claude_enterprise/_manifests/users"
    folder.mkdir(parents=True)
    for day in landed:
        (folder / f"{day}.json").write_bytes(manifest(day))

    (table,) = coverage(str(lake), first=first, last=last)

    told = [day.date for day in table.days]
    assert told == [told[0] + place * DAY for place in range(len(told))]
    assert first in (None, told[0])
    assert last in (None, told[-1])
    assert {day.date for day in table.days if not day.state.is_gap} == landed & set(told)


def test_tables_are_chosen_by_vendor_and_name(land: Land, tmp_path: Path) -> None:
    for vendor, table in (
        ("claude_enterprise", "users"),
        ("claude_enterprise", "connectors"),
        ("perplexity", "connectors"),
    ):
        land(FIRST, vendor=vendor, table=table)

    def named(**chosen: str) -> list[str]:
        return [f"{table.vendor}/{table.name}" for table in coverage(str(tmp_path), **chosen)]

    assert named() == ["claude_enterprise/connectors", "claude_enterprise/users", "perplexity/connectors"]
    assert named(table="connectors") == ["claude_enterprise/connectors", "perplexity/connectors"]
    assert named(vendor="perplexity") == ["perplexity/connectors"]
    with pytest.raises(
        InvalidArgumentError, match=r"no vendor 'perplexity' table 'users' under .*; there are claude_ent"
    ):
        named(vendor="perplexity", table="users")


def test_what_is_no_manifest_is_passed_over(land: Land, tmp_path: Path) -> None:
    land(FIRST)
    manifests = tmp_path / "claude_enterprise/_manifests"
    for stray in ("users/2026-11-31.json", "users/2026-11-20.json.tmp", "users/notes.txt", "README.md"):
        (manifests / stray).write_text("not this")
    for folder in ("claude_enterprise/users/date=2026-11-05", "claude_enterprise/_spool", "elsewhere", "_other"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "LICENSE").write_text("a file beside the vendors")

    assert [states(table) for table in coverage(str(tmp_path))] == [{"2026-10-30": "final"}]


class WatchedStore(MemoryFileSystem):  # type: ignore[misc]
    """An object store that takes its time and remembers what it was asked."""

    protocol = "watched"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.listed: list[str] = []
        self.read: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()

    def ls(self, path: str, detail: bool = True, **more: Any) -> Any:
        self.listed.append(path)
        return super().ls(path, detail=detail, **more)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **more: Any) -> Any:
        with self._lock:
            self.read.append(path)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        time.sleep(0.001)
        with self._lock:
            self._at_once -= 1
        return super().cat_file(path, start, end, **more)


@pytest.fixture
def watched() -> Iterator[WatchedStore]:
    """A store of its own for each test: Airflow keeps what is attached once."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    store = WatchedStore()
    conn_id = f"watched-{uuid.uuid4().hex}"
    store.url = f"memory://{conn_id}@lake"
    importlib.import_module(f"{ObjectStoragePath.__module__.rpartition('.')[0]}.store").attach(
        "memory", conn_id=conn_id, fs=store
    )
    for table in ("users", "skills"):
        for place in range(100):
            day = FIRST + place * DAY
            store.pipe_file(f"/lake/claude_enterprise/_manifests/{table}/{day}.json", manifest(day, table=table))
            store.pipe_file(f"/lake/claude_enterprise/{table}/date={day}/{table}.ndjson.gz", b"data")
    yield store
    WatchedStore.store.clear()


def test_it_lists_once_a_table_and_reads_once_a_day_a_few_at_a_time(watched: WatchedStore) -> None:
    tables = coverage(watched.url, last=FIRST + 49 * DAY)

    assert [(len(table.days), gaps([table])) for table in tables] == [(50, 0), (50, 0)]
    assert len(watched.read) == len(set(watched.read)) == 2 * 50
    assert all("/_manifests/" in path for path in watched.read)
    assert 1 < watched.most_at_once <= READERS
    assert len(watched.listed) == 4  # the lake, its vendor, two tables


# --- telling ----------------------------------------------------------------------------------------------------------


def calendar(letters: str, *, first: date = FIRST, name: str = "users") -> Table:
    """A table whose days are written as the ASCII signs of their states."""
    by_sign = {state.plain: state for state in State}
    days = (
        Day(
            first + place * DAY,
            state := by_sign[letter],
            rows=None if state.is_gap else 0 if state is State.EMPTY else 10,
            final=None if state.is_gap else state is State.FINAL,
            error="there: broken" if state is State.UNREADABLE else None,
        )
        for place, letter in enumerate(letters)
    )
    return Table("claude_enterprise", name, tuple(days))


def test_a_month_is_a_line() -> None:
    told = as_text("s3://lake/ai", [calendar("##x" + "#" * 27 + ".x!x++~")], signs=False)

    assert told == (
        "s3://lake/ai\n"
        "\n"
        "claude_enterprise/users   2026-10-30 to 2026-12-05   37 days   320 rows\n"
        "           1       5         10        15        20        25        30\n"
        "  2026-10                                                            # #\n"
        "  2026-11  x # # # # # # # # # # # # # # # # # # # # # # # # # # # . x\n"
        "  2026-12  ! x + + ~\n"
        "  missing: 2026-11-01, 2026-11-30, 2026-12-02\n"
        "  unreadable: there: broken\n"
        "\n"
        "# final 29   + provisional 2   ~ incomplete 1   . empty 1   x missing 3   ! unreadable 1\n"
    )


def test_every_state_has_a_sign_of_its_own() -> None:
    for drawn in ([state.sign for state in State], [state.plain for state in State], [state.label for state in State]):
        assert len(set(drawn)) == len(State)
        assert all(drawn)
    assert "".join(state.plain for state in State).isascii()


@given(letters=st.text(alphabet="#+~.x!", min_size=1, max_size=800), first=st.dates(date(2024, 1, 1), date(2027, 1, 1)))
def test_every_day_is_drawn_under_its_number(letters: str, first: date) -> None:
    table = calendar(letters, first=first)
    text = as_text("lake", [table], signs=False)
    drawn = {}
    for year, month, line in re.findall(r"^  (\d{4})-(\d\d)  (.*)$", text, re.MULTILINE):
        for column, sign in enumerate(line):
            if sign != " ":
                assert column % 2 == 0
                drawn[date(int(year), int(month), column // 2 + 1)] = sign

    assert drawn == {day.date: day.state.plain for day in table.days}
    assert max(map(len, text.splitlines())) <= 90


def test_colours_add_nothing_but_colour() -> None:
    tables = [calendar("##.x!+~")]

    assert "\x1b" not in as_text("lake", tables)
    assert re.sub(r"\x1b\[[0-9;]*m", "", as_text("lake", tables, colours=True)) == as_text("lake", tables)


def test_runs_of_missing_days_are_told_as_runs() -> None:
    assert "missing: 2026-10-31 to 2026-11-02, 2026-11-04\n" in as_text("lake", [calendar("#xxx#x#")])


def test_machines_are_told_everything() -> None:
    told = json.loads(as_json("lake", [calendar("#+.x!"), Table("perplexity", "spaces", ())]))

    counted = {"final": 1, "provisional": 1, "incomplete": 0, "empty": 1, "missing": 1, "unreadable": 1}
    assert told["path"] == "lake"
    assert told["days"] == counted
    users, spaces = told["tables"]
    assert (users["vendor"], users["table"], users["first"], users["last"], users["rows"], users["days"]) == (
        "claude_enterprise",
        "users",
        "2026-10-30",
        "2026-11-03",
        20,
        counted,
    )
    assert users["calendar"] == [
        {"date": "2026-10-30", "state": "final", "rows": 10, "final": True},
        {"date": "2026-10-31", "state": "provisional", "rows": 10, "final": False},
        {"date": "2026-11-01", "state": "empty", "rows": 0, "final": False},
        {"date": "2026-11-02", "state": "missing"},
        {"date": "2026-11-03", "state": "unreadable", "error": "there: broken"},
    ]
    assert (spaces["first"], spaces["last"], spaces["calendar"]) == (None, None, [])


# --- the command ------------------------------------------------------------------------------------------------------


def run(*arguments: str) -> int:
    return cli.show_coverage(cli.parser().parse_args(["coverage", *arguments]))


def test_exit_codes_and_streams(land: Land, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lake = str(tmp_path)
    land(FIRST)
    land(FIRST + 2 * DAY)

    assert run(lake) == 1
    assert "missing: 2026-10-31" in capsys.readouterr().out
    assert run(lake, "--to", "2026-10-30") == 0
    assert run(lake, "--from", "2026-10-29", "--to", "2026-10-30") == 1
    capsys.readouterr()
    assert run(lake, "--json", "--from", "2026-11-01") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["days"]["final"] == 1
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{lake}", "--table", "usrs"], "no table 'usrs' under {lake}; there are claude_enterprise/users"),
        (["{lake}/nowhere"], "no table has landed under {lake}/nowhere"),
        (["{lake}", "--from", "2026-11-02", "--to", "2026-11-01"], "the last day 2026-11-01 is before the first"),
        (["nostore://lake"], "nostore"),
    ],
)
def test_what_cannot_be_answered_is_exit_code_2(
    land: Land, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    land(FIRST)

    assert run(*(argument.format(lake=tmp_path) for argument in arguments)) == 2
    out, err = capsys.readouterr()
    assert said.format(lake=tmp_path) in err
    assert out == ""


def test_a_day_that_is_none_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        run("lake", "--from", "2026-13-01")

    assert exited.value.code == 2
    assert "'2026-13-01' is not a day; write it as 2026-11-01" in capsys.readouterr().err


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
    land: Land,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    tty: bool,
    environment: dict[str, str],
    colours: bool,
    sign: str,
) -> None:
    land(FIRST)
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal(encoding, tty=tty)
    monkeypatch.setattr(sys, "stdout", terminal)

    assert run(str(tmp_path)) == 0
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


def test_what_a_driver_says_meanwhile_is_kept_out_of_the_answer(
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


def test_the_module_is_the_command_line(land: Land, tmp_path: Path) -> None:
    land(FIRST)
    land(FIRST + 2 * DAY)
    ran = subprocess.run(
        [sys.executable, "-m", "airflow_provider_aianalytics", "coverage", str(tmp_path), "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"},
    )

    assert ran.returncode == 1, ran.stderr
    assert json.loads(ran.stdout)["days"]["missing"] == 1


def test_airflow_has_the_same_command(land: Land, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    land(FIRST)
    land(FIRST + 2 * DAY)
    (group,) = cli.get_cli_commands()
    command = next(one for one in group.subcommands if one.name == "coverage")
    parser = argparse.ArgumentParser()
    for argument in command.args:
        argument.add_to_parser(parser)

    with pytest.raises(SystemExit) as exited:
        command.func(parser.parse_args([str(tmp_path), "--json"]))

    assert (group.name, command.name) == ("aianalytics", "coverage")
    assert exited.value.code == 1
    assert json.loads(capsys.readouterr().out)["days"]["missing"] == 1
