# SPDX-License-Identifier: Apache-2.0
"""The matrix of faults runs once, for all tests that check its results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest

from tests.faults.fault_cases import CELLS, DATASETS
from tests.faults.harness import Ended, World
from tests.integration.conftest import DAGS, airflow_db, run_dag

__all__ = ["airflow_db", "run_dag"]

Matrix = dict[str, list[Ended]]


@pytest.fixture(scope="session")
def world(airflow_db: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with World(tmp_path_factory.mktemp("world"), DAGS) as world:
        yield world


@pytest.fixture(scope="session")
def matrix(world: World) -> Matrix:
    """What became of each fault."""
    ended: Matrix = defaultdict(list)
    with plain_tracebacks():
        for vendor in DATASETS:
            for one in world.run([cell for cell in CELLS if cell.case.vendor == vendor]):
                ended[one.cell.case.name].append(one)
    return dict(ended)


@pytest.fixture(scope="session")
def repaired(world: World, matrix: Matrix) -> Matrix:
    """What the next run made of what broken stores left."""
    with plain_tracebacks():
        return world.run_again([one for several in matrix.values() for one in several if one.cell.case.store])


@contextmanager
def plain_tracebacks() -> Iterator[None]:
    """Airflow 3.0 and 3.1 draw each traceback with all local variables on the console of ``dag.test()``: much time for
    hundreds of tasks, and what a vendor's answer held. Their workers do not."""
    try:
        from structlog import dev
    except ImportError:  # Airflow 2
        yield
        return
    with mock.patch.object(
        dev.RichTracebackFormatter, "__call__", lambda _, out, error: dev.plain_traceback(out, error)
    ):
        yield
