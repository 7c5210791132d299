# SPDX-License-Identifier: Apache-2.0
"""What goes between processes is plain and small and comes back as it went, whatever it is about."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.ingest.result import IngestResult, Partition, summary
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Manifest, Revision, Run, decode, encode
from airflow_provider_aianalytics.triggers.availability import AvailabilityTrigger, check_event
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE

DAYS = st.dates(date(2026, 1, 1), date(2030, 1, 1))
SUMS = st.text("0123456789abcdef", min_size=64, max_size=64)
COUNTS = st.integers(0, 2**62)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
MANIFESTS = st.builds(
    Manifest,
    vendor=st.just("claude_enterprise"),
    dataset=st.just("users"),
    table=st.just("users"),
    date=DAYS,
    query=st.dictionaries(
        st.text(max_size=9), st.text(max_size=9) | st.lists(st.text(max_size=9), max_size=3), max_size=3
    ),
    file=st.text(max_size=20),
    format=st.just("ndjson"),
    compression=st.just("gzip"),
    rows=COUNTS,
    bytes=COUNTS,
    sha256=SUMS,
    file_bytes=st.none() | COUNTS,
    file_md5=st.none() | st.text("0123456789abcdef", min_size=32, max_size=32),
    total=st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=6),
    pages=COUNTS,
    requests=COUNTS,
    data_refreshed_at=st.none() | MOMENTS.map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}"),
    fetched_at=MOMENTS.map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"),
    complete=st.booleans(),
    capped_buckets=COUNTS,
    final=st.booleans(),
    organization_id=st.none() | st.text(max_size=20),
    provider_version=st.just("0"),
    run=st.builds(Run, dag_id=st.text(max_size=9), run_id=st.text(max_size=9), task_id=st.text(max_size=9)),
    revisions=st.lists(
        st.builds(
            Revision, fetched_at=st.text(max_size=9), rows=COUNTS, sha256=SUMS, file=st.none() | st.text(max_size=9)
        ),
        max_size=2,
    ).map(tuple),
)


@given(st.lists(MANIFESTS, max_size=4), st.lists(DAYS, min_size=1, max_size=3))
def test_a_summary_is_plain_small_json(manifests: list[Manifest], missing: list[date]) -> None:
    table = LakeTable(
        "s3://bucket/lake", vendor="claude_enterprise", table="users", file_format=FileFormat("ndjson", "gzip")
    )
    landed = IngestResult(
        [Partition(one, table.url(table.data_file(one.date)), "created") for one in manifests], missing
    )

    result = summary(table, build_query(CLAUDE_ENTERPRISE.dataset("users")), landed)

    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert len(json.dumps(result)) < 500 + 500 * len(manifests)
    assert result["start"] < result["end"]
    assert result["rows"] == sum(one.rows for one in manifests)


@given(MANIFESTS)
def test_a_manifest_survives_a_round_trip(manifest: Manifest) -> None:
    assert decode(encode(manifest), where="here") == manifest


@given(MANIFESTS, st.data())
def test_a_damaged_manifest_is_rejected_or_read_in_part(manifest: Manifest, data: st.DataObject) -> None:
    whole = encode(manifest)
    at = data.draw(st.integers(0, len(whole) - 1))
    match data.draw(st.sampled_from(["cut", "flipped", "more"])):
        case "cut":
            damaged = whole[:at]
        case "flipped":
            damaged = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
        case _:
            damaged = whole[:at] + data.draw(st.binary(min_size=1, max_size=9)) + whole[at:]
    try:
        read = decode(damaged, where="here")
    except AIAnalyticsError:
        return
    assert encode(read)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.fixed_dictionaries(
    {
        "vendor": st.sampled_from(["claude_enterprise", "perplexity"]),
        "conn_id": st.text(max_size=20),
        "dataset": st.text(max_size=20),
        "day": DAYS.map(str),
    },
    optional={
        "until": st.sampled_from(["available", "final"]),
        "lag": st.none() | st.floats(0, 1e9),
        "settle": st.none() | st.floats(0, 1e9),
        "next_poll_at": st.none() | MOMENTS.map(datetime.isoformat),
        "deadline": st.none() | MOMENTS.map(datetime.isoformat),
        "timeout": st.none() | st.floats(0, 1e9),
        "jitter": st.floats(0, 1, exclude_max=True),
        "requests": st.integers(0, 10**6),
    },
)


@given(ARGUMENTS)
def test_a_trigger_survives_serialization(arguments: dict[str, Any]) -> None:
    path, fields = AvailabilityTrigger(**arguments).serialize()

    module, _, name = path.rpartition(".")
    again = getattr(import_module(module), name)(**json.loads(json.dumps(fields, allow_nan=False)))
    assert again.serialize() == (path, fields)
    assert {name: fields[name] for name in arguments} == arguments


@given(st.none() | st.dictionaries(st.sampled_from(["status", "error", "message", "requests", "x"]), JSON, max_size=4))
def test_a_foreign_event_never_counts_as_available(event: dict[str, Any] | None) -> None:
    if (event or {}).get("status") == "available":
        check_event(event)
        return
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is, the task does not go on
        check_event(event)
