# SPDX-License-Identifier: Apache-2.0
"""A manifest says the same after a round trip, and what is none is refused in words."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from airflow_provider_aianalytics.exceptions import AIAnalyticsError
from airflow_provider_aianalytics.storage.manifest import (
    Manifest,
    Revision,
    Run,
    decode,
    decode_of,
    encode,
    format_timestamp,
    query_as_sent,
)

RUN = Run(
    dag_id="dag",
    run_id="manual__1",
    task_id="land",
    map_index=2,
    try_number=3,
    started_at="2026-09-04T03:00:00.000000Z",
)
MANIFEST = Manifest(
    vendor="claude_enterprise",
    dataset="cost_report",
    table="cost_by_model",
    date=date(2026, 9, 1),
    query={"group_by[]": ["model"], "limit": "31"},
    file="claude_enterprise/cost_by_model/date=2026-09-01/cost_by_model.ndjson.gz",
    format="ndjson",
    compression="gzip",
    rows=2,
    bytes=100,
    sha256="0" * 64,
    total=Decimal("41280.000000"),
    pages=1,
    requests=2,
    data_refreshed_at="2026-09-22T12:00:00Z",
    fetched_at="2026-09-22T13:00:00.000001Z",
    complete=True,
    final=False,
    organization_id="org_1",
    provider_version="0.1.0",
    run=RUN,
    revisions=(Revision(fetched_at="2026-09-21T13:00:00.000000Z", rows=1, sha256="1" * 64, file=None),),
)
PROMISED = {
    "schema_version",
    "vendor",
    "dataset",
    "table",
    "date",
    "query",
    "file",
    "format",
    "compression",
    "rows",
    "bytes",
    "sha256",
    "pages",
    "requests",
    "data_refreshed_at",
    "fetched_at",
    "complete",
    "final",
    "organization_id",
    "provider_version",
    "run",
    "revisions",
}


def test_it_is_plain_json_with_the_promised_fields() -> None:
    """Design section 4."""
    fields = json.loads(encode(MANIFEST))
    assert set(fields) >= PROMISED
    assert fields["date"] == "2026-09-01"
    assert fields["run"] == {
        "dag_id": "dag",
        "run_id": "manual__1",
        "task_id": "land",
        "map_index": 2,
        "try_number": 3,
        "started_at": "2026-09-04T03:00:00.000000Z",
    }
    assert set(fields["revisions"][0]) == {"fetched_at", "rows", "sha256", "file", "total"}


@given(
    st.builds(
        lambda **changes: replace(MANIFEST, **changes),
        query=st.dictionaries(st.text(), st.text() | st.lists(st.text())),
        rows=st.integers(0, 2**63 - 1),
        total=st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=6),
        data_refreshed_at=st.none() | st.text(),
        organization_id=st.none() | st.text(),
        date=st.dates(),
    )
)
def test_a_round_trip(manifest: Manifest) -> None:
    assert decode(encode(manifest), where="here") == manifest


def test_the_spelling_of_a_total_survives() -> None:
    read = decode(encode(MANIFEST), where="here")
    assert str(read.total) == "41280.000000"


def test_what_a_later_version_adds_is_no_obstacle() -> None:
    fields = json.loads(encode(MANIFEST)) | {"added_later": {"a": 1}}
    assert decode(json.dumps(fields).encode(), where="here") == MANIFEST


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b'{"vendor":"\xff"}',
        encode(MANIFEST)[:-20],
        encode(MANIFEST).replace(b'"rows": 2', b'"rows": "two"'),
        encode(MANIFEST).replace(b"2026-09-01", b"2026-09-31"),
        encode(MANIFEST).replace(b"claude_enterprise", b"\xff", 1),
        b"[" * 100_000,
    ],
    ids=range(12),
)
def test_garbage_is_refused_with_its_address_and_a_way_out(data: bytes) -> None:
    with pytest.raises(AIAnalyticsError) as refusal:
        decode(data, where="s3://lake/_manifests/x.json")
    assert "s3://lake/_manifests/x.json" in str(refusal.value)
    assert refusal.value.hint


def test_tries_of_one_task_run_are_the_same_run() -> None:
    assert RUN.is_same_task_run(replace(RUN, try_number=9))
    for change in ({"run_id": "other"}, {"map_index": 3}, {"task_id": "other"}, {"dag_id": "other"}):
        assert not RUN.is_same_task_run(replace(RUN, **change))


def test_parameters_as_json() -> None:
    sent = (("models[]", "a"), ("bucket_width", "1d"), ("models[]", "b"), ("filter[]", "x:y"))
    assert query_as_sent(sent) == {"models[]": ["a", "b"], "bucket_width": "1d", "filter[]": ["x:y"]}


def test_moments_sort_as_text() -> None:
    moments = [datetime(2026, 9, 1, 9, tzinfo=UTC), datetime(2026, 9, 1, 9, 0, 0, 1, tzinfo=UTC)]
    assert [format_timestamp(moment) for moment in moments] == [
        "2026-09-01T09:00:00.000000Z",
        "2026-09-01T09:00:00.000001Z",
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("total", "NaN"),
        ("total", "1E+99999"),
        ("figures", {"spend_usd_cents": "Infinity"}),
        ("fetched_at", "soon"),
        ("data_refreshed_at", "2026-09-22"[:7]),
        ("format", "xlsx"),
        ("compression", "lz4"),
        ("rows", -1),
        ("bytes", -1),
        ("file", "../../../etc/passwd"),
        ("file", "claude_enterprise/cost_by_model/date=2026-09-02/cost_by_model.ndjson.gz"),
    ],
)
def test_an_odd_manifest_is_none(field: str, value: object) -> None:
    data = json.dumps(json.loads(encode(MANIFEST)) | {field: value}).encode()
    asked = {"vendor": MANIFEST.vendor, "table": MANIFEST.table}
    name = {"figures": "total", "bytes": "rows"}.get(field, field)

    assert decode_of(encode(MANIFEST), day=MANIFEST.date, where="here", **asked) == MANIFEST
    with pytest.raises(
        AIAnalyticsError, match=rf"^here: not a manifest of this package \({name} is odd\)\. Move it away"
    ):
        decode_of(data, day=MANIFEST.date, where="here", **asked)
