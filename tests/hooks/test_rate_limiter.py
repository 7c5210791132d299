# SPDX-License-Identifier: Apache-2.0
"""The rate limiter that tasks share: restarts, damaged files, other users' folders, and processes that hang."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.hooks import rate_limiter
from airflow_provider_aianalytics.hooks.connection import Endpoint
from airflow_provider_aianalytics.hooks.rate_limiter import SharedRateLimiter

ENDPOINT = Endpoint(base_url="https://api.example.com", key="key", read_timeout=1.0, requests_per_minute=60)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(rate_limiter, "FOLDER", tmp_path / "shared")
    monkeypatch.setattr(rate_limiter, "HOME_FOLDER", tmp_path / "home")
    return tmp_path / "shared"


def file_in(folder: Path) -> Path:
    (file,) = folder.glob("*.budget")
    return file


def test_a_restart_of_the_machine_causes_no_wait(folder: Path) -> None:
    before = SharedRateLimiter(ENDPOINT)
    uptime = 30 * 86_400.0
    before.reserve(uptime, 61.0)
    before.on_rate_limited(uptime, 60.0)

    after = SharedRateLimiter(ENDPOINT)

    assert after.reserve(100.0, 61.0) == 0.0
    waits = [after.reserve(100.0 + 70.0 * minute, 61.0) for minute in range(1, 20)]
    assert waits == [0.0] * 19
    assert after.remaining(100.0 + 70.0 * 20) > 50, "the share has grown again"


@pytest.mark.parametrize(
    "change",
    [
        {"share": 0},
        {"share": -3},
        {"share": 10**9},
        {"step": 0},
        {"window": 0.0},
        {"window": 1e300},
        {"blocked": 1e300},
        {"changed": 1e300},
        {"quiet": 1e300, "share": 4},
        {"sent": [1e300] * 100},
        {"sent": [-1e300] * 100},
        {"requests": -1},
        {"requests": 10**12},
        {"sent": "none"},
    ],
    ids=str,
)
def test_invalid_values_in_the_file_are_discarded(folder: Path, change: dict[str, Any]) -> None:
    SharedRateLimiter(ENDPOINT).reserve(1000.0, 61.0)
    file = file_in(folder)
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    limiter = SharedRateLimiter(ENDPOINT)

    assert [limiter.reserve(2000.0 + 300 * minute, 61.0) for minute in range(3)] == [0.0] * 3
    assert limiter.remaining(2600.0) > 0


def test_a_folder_of_somebody_else_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir()
    owner = folder.stat().st_uid
    real = os.getuid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    SharedRateLimiter(ENDPOINT).reserve(0.0, 61.0)
    assert not list(folder.iterdir())
    monkeypatch.setattr(os, "getuid", real)

    folder.rmdir()
    folder.symlink_to(folder.parent)
    SharedRateLimiter(ENDPOINT).reserve(0.0, 61.0)

    assert len(list(rate_limiter.HOME_FOLDER.glob("*.budget"))) == 1


def test_a_folder_that_others_can_write_to_is_made_private(folder: Path) -> None:
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)

    SharedRateLimiter(ENDPOINT).reserve(0.0, 61.0)

    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_locked_file_is_waited_for_with_a_timeout_and_logged_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rate_limiter, "LOCK_WAIT", 0.01)
    SharedRateLimiter(ENDPOINT).reserve(0.0, 61.0)
    limiter = SharedRateLimiter(ENDPOINT)
    with file_in(folder).open("rb") as locked, caplog.at_level(logging.WARNING):
        fcntl.flock(locked, fcntl.LOCK_EX)
        waits = [limiter.reserve(1.0, 61.0) for _ in range(61)]

    assert waits[:60] == [0.0] * 60
    assert waits[60] > 60, "the process' own budget"
    assert len([record for record in caplog.records if "not shared" in record.message]) == 1
