# SPDX-License-Identifier: Apache-2.0
"""Every fault, in two formats, at three places, through the operator in a real Airflow: the data is complete and
correct, or an error of ours says why and what was there before is untouched."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import pytest

from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from tests.faults.conftest import Matrix
from tests.faults.fault_cases import CELLS, CLAUDE, DATASETS, DAY, DAYS, FAULT_CASES, FORMATS, PLACES, Cell, D
from tests.faults.harness import ROWS_A_PAGE, Ended, Tree, World, data_name, manifest_name, rows_of, unpacked
from tests.support import report_lines, truth

ON_THE_WIRE = [case for case in FAULT_CASES if not case.store and not case.whole_days]
OF_DAYS = [case for case in FAULT_CASES if not case.store and case.whole_days]
OF_STORES = [case for case in FAULT_CASES if case.store]


@dataclass
class Figures:
    """What docs/reliability.md states."""

    faults: int = 0
    cells: int = 0
    complete: int = 0
    refused: int = 0
    rows_lost: int = 0
    rows_doubled: int = 0
    partial_files: int = 0

    def compare(self, name: str, content: bytes, allowed: list[bytes]) -> None:
        """Check that a file is one of several."""
        if content in allowed:
            return
        try:
            rows, right = rows_of(name, content), rows_of(name, allowed[-1])
        except Exception:
            self.partial_files += 1
            return
        self.rows_lost += (right - rows).total()
        self.rows_doubled += (rows - right).total()


def days_asked(cell: Cell) -> tuple[date, ...]:
    return DAYS if cell.case.whole_days else (D,)


def trees_of(world: World, cell: Cell) -> tuple[Tree, Tree]:
    """What was there before, and what there is to be."""
    return world.old[cell.case.vendor, cell.file_format], world.new[cell.case.vendor, cell.file_format]


def check_day(world: World, ended: Ended, day: date) -> None:
    """A day is landed as the vendor has it now, and its earlier content is a revision."""
    cell = ended.cell
    old, new = trees_of(world, cell)
    data, manifest = (
        data_name(cell.case.vendor, cell.file_format, day),
        manifest_name(cell.case.vendor, day),
    )
    before, now = (unpacked(data, tree[data]) for tree in (old, new))
    assert unpacked(data, ended.after[data]) == now, f"{cell}: {day}"
    fields = json.loads(ended.after[manifest])
    assert fields["sha256"] == json.loads(new[manifest])["sha256"]
    revisions = {unpacked(data, ended.after[revision["file"]]) for revision in fields["revisions"]}
    assert revisions == ({before} if before != now else set()), f"{cell}: {day}"


def check_untouched(ended: Ended, day: date) -> None:
    cell = ended.cell
    for name in (data_name(cell.case.vendor, cell.file_format, day), manifest_name(cell.case.vendor, day)):
        assert ended.after[name] == ended.before[name], f"{cell}: {name}"


def check_error(ended: Ended, expected: type[Exception]) -> None:
    assert ended.state == "failed", ended.cell
    assert isinstance(ended.error, expected), f"{ended.cell}: {ended.trace}"
    if isinstance(ended.error, AIAnalyticsError):
        vendor = ended.cell.case.vendor
        assert ended.error.where.startswith(f"{vendor} {DATASETS[vendor]}"), str(ended.error)
        assert "2026-11-1" in str(ended.error)
        assert ended.error.hint
        assert ".." not in str(ended.error)


def test_the_days_before_and_after_are_what_the_vendor_has(world: World) -> None:
    """Without any fault: the yardstick of everything below."""
    for vendor, dataset in DATASETS.items():
        lines = truth(world.simulator, vendor, dataset, DAYS[0], DAYS[-1] + DAY)
        for file_format in FORMATS:
            old, new = world.old[vendor, file_format], world.new[vendor, file_format]
            for day in DAYS:
                name = data_name(vendor, file_format, day)
                rows = rows_of(name, new[name])
                if file_format == "ndjson":
                    assert rows == {line.decode(): 1 for line in lines[day]}
                if vendor == CLAUDE:
                    assert rows.total() == len(lines[day]) > 2 * ROWS_A_PAGE, "three pages"
                assert max(rows.values()) == 1
                assert (unpacked(name, old[name]) != unpacked(name, new[name])) == (vendor == CLAUDE or day == D)


@pytest.mark.parametrize("name", [case.name for case in ON_THE_WIRE])
def test_the_wire(world: World, matrix: Matrix, name: str) -> None:
    for ended in matrix[name]:
        cell = ended.cell
        expected = cell.case.ending(cell.place)
        if expected is None:
            assert ended.state == "success", f"{cell}: {ended.trace}"
            check_day(world, ended, D)
            revisions = {file for file in ended.after if "/_revisions/" in file}
            assert set(ended.after) == set(ended.before) | revisions
            for day in set(DAYS) - {D}:
                check_untouched(ended, day)
        else:
            check_error(ended, expected)
            assert ended.after == ended.before, cell


@pytest.mark.parametrize("name", [case.name for case in OF_DAYS])
def test_days_that_shrink(world: World, matrix: Matrix, name: str) -> None:
    for ended in matrix[name]:
        check_error(ended, ended.cell.case.ending(ended.cell.place) or Exception)
        for place, day in enumerate(DAYS):
            if place == ended.cell.place:
                check_untouched(ended, day)
            else:
                check_day(world, ended, day)


@pytest.mark.parametrize("name", [case.name for case in OF_STORES])
def test_stores_and_disks(world: World, matrix: Matrix, repaired: Matrix, name: str) -> None:
    for ended, after in zip(matrix[name], repaired[name], strict=True):
        check_error(ended, OSError)
        old, new = trees_of(world, ended.cell)
        for day in days_asked(ended.cell):
            data = data_name(CLAUDE, ended.cell.file_format, day)
            seen, *whole = (unpacked(data, tree[data]) for tree in (ended.after, old, new))
            assert seen in whole, "a reader sees a whole day, old or new"
        assert after.state == "success", after.trace
        for day in days_asked(ended.cell):
            check_day(world, after, day)
        assert not [file for file in after.after if "/_spool/" in file]


def test_an_interrupted_commit_is_repaired_and_logged(matrix: Matrix, repaired: Matrix, world: World) -> None:
    fields = world.recording.text()
    for name in ("the store takes the data and its answer is lost", "the manifest cannot be renamed"):
        for ended in repaired[name]:
            assert f"{ended.url}/{data_name(CLAUDE, ended.cell.file_format, DAYS[ended.cell.place])}" in fields


def test_every_fault_was_used(matrix: Matrix) -> None:
    """Else a cell would be green for nothing."""
    for name in {case.name for case in FAULT_CASES if case.faults and not case.whole_days}:
        for ended in matrix[name]:
            assert ended.hits, ended.cell


def test_the_figures_are_those_of_the_documentation(
    world: World, matrix: Matrix, repaired: Matrix, record_property: pytest.RecordProperty
) -> None:
    figures = Figures(faults=len(matrix))
    for cells in (matrix, repaired):
        for ended in (one for several in cells.values() for one in several):
            old, new = trees_of(world, ended.cell)
            for day in DAYS:
                name = data_name(ended.cell.case.vendor, ended.cell.file_format, day)
                figures.compare(name, ended.after[name], [old[name], new[name]])
    for ended in (one for several in matrix.values() for one in several):
        figures.cells += 1
        figures.complete += ended.state == "success"
        figures.refused += ended.state == "failed"
    report_lines.append(
        f"{figures.faults} faults x {len(FORMATS)} formats x {len(PLACES)} places = {figures.cells} runs: "
        f"{figures.complete} complete, {figures.refused} refused with a typed error; rows lost {figures.rows_lost}, "
        f"rows doubled {figures.rows_doubled}, partial files seen {figures.partial_files}"
    )
    for name, value in asdict(figures).items():
        record_property(name, value)
    stated = (Path(__file__).parents[2] / "docs/reliability.md").read_text()
    assert f"| tried | {figures.faults} faults, " in stated
    assert f": {figures.cells} runs |" in stated
    assert f"| complete | {figures.complete} runs: " in stated
    assert f"| refused with a typed error | {figures.refused} runs: " in stated
    assert figures.cells == len(CELLS) == figures.complete + figures.refused
    assert (figures.rows_lost, figures.rows_doubled, figures.partial_files) == (0, 0, 0)
