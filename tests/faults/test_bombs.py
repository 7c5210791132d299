# SPDX-License-Identifier: Apache-2.0
"""Answers of a few kilobytes that unpack to gigabytes: the memory of a task and of a triggerer stays bounded."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zlib

import pytest
import zstandard

from tests.faults.servers import send_body, serving

MEGABYTE = bytes(1 << 20)
PROBE = """
import asyncio, resource, sys
from datetime import date
from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.rate_limit import Backoff
from airflow_provider_aianalytics.hooks.async_http import AsyncAnalyticsHook
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook

hook = ClaudeEnterpriseAnalyticsHook()
query = build_query(hook.vendor.dataset("users"))
hook.endpoint
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    if sys.argv[1] == "task":
        hook.probe(query, date(2026, 5, 10), backoff=Backoff(attempts=1))
    else:
        asyncio.run(AsyncAnalyticsHook(hook).probe(query, date(2026, 5, 10)))
except AIAnalyticsError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, type(error).__name__)
"""


def _zstd() -> bytes:
    compressor = zstandard.ZstdCompressor(level=19).compressobj()
    return b"".join(compressor.compress(MEGABYTE) for _ in range(900)) + compressor.flush()


def _gzip(megabytes: int) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(compressor.compress(MEGABYTE) for _ in range(megabytes)) + compressor.flush()


BOMBS = {
    "zstd": ("zstd", _zstd),
    "gzip": ("gzip", lambda: _gzip(600)),
    "gzip in gzip": ("gzip, gzip", lambda: gzip.compress(_gzip(600))),
}


@pytest.mark.parametrize("process", ["task", "triggerer"])
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_costs_no_more_than_300_mb(bomb: str, process: str) -> None:
    encoding, make = BOMBS[bomb]
    body = make()
    with serving(lambda connection: send_body(connection, body, encoding)) as url:
        connection = {
            "conn_type": "claude_enterprise_analytics",
            "password": "sk-ant-api01-of-the-tests",
            "host": url,
            "extra": {"requests_per_minute": 100_000, "timeout": 20},
        }
        environment = {**os.environ, "AIRFLOW_CONN_CLAUDE_ENTERPRISE_ANALYTICS_DEFAULT": json.dumps(connection)}
        ended = subprocess.run(
            [sys.executable, "-c", PROBE, process],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
    kilobytes, error = ended.stdout.splitlines()[-1].split()
    assert int(kilobytes) < 300 * 1024
    assert error in ("OversizedResponseError", "MalformedResponseError", "VendorUnavailableError")
