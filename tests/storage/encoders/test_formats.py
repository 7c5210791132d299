# SPDX-License-Identifier: Apache-2.0
"""Files hold what was written, say rightly what that is, and are equal where their content is."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
import zstandard

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.measure import measure_sum
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.storage.encoders.base import Content
from airflow_provider_aianalytics.storage.encoders.compression import COMPRESSIONS
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.encoders.ndjson import NdjsonFile
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE

SUFFIXES = {"gzip": ".ndjson.gz", "zstd": ".ndjson.zst", "none": ".ndjson"}
every_compression = pytest.mark.parametrize("compression", SUFFIXES)


def batch(*records: str) -> Batch:
    return Batch(date(2026, 9, 1), b'{"_date":"2026-09-01",', [msgspec.Raw(record.encode()) for record in records])


BATCHES = [batch(), batch('{"amount":"1.50"}'), batch(*(f'{{"amount":"0.{n:06}","n":"é{n}"}}' for n in range(5000)))]


def write(path: Path, compression: str, batches: list[Batch]) -> Content:
    with NdjsonFile(
        path, FileFormat("ndjson", compression), measure_sum(CLAUDE_ENTERPRISE.dataset("cost_report"))
    ) as file:
        for part in batches:
            file.write(part)
        return file.finish()


def unpacked(path: Path, compression: str) -> bytes:
    data = path.read_bytes()
    match compression:
        case "gzip":
            return gzip.decompress(data)
        case "zstd":
            return zstandard.ZstdDecompressor().stream_reader(data).read()
        case _:
            return data


@every_compression
def test_a_round_trip(tmp_path: Path, compression: str) -> None:
    content = write(tmp_path / "file", compression, BATCHES)
    data = unpacked(tmp_path / "file", compression)
    rows = [json.loads(line) for line in data.splitlines()]
    assert content.rows == len(rows) == 5001
    assert content.bytes == len(data)
    assert content.sha256 == hashlib.sha256(data).hexdigest()
    assert content.total == sum(Decimal(row["amount"]) for row in rows)
    assert all(row["_date"] == "2026-09-01" for row in rows)


@every_compression
def test_an_empty_day_is_a_readable_file(tmp_path: Path, compression: str) -> None:
    content = write(tmp_path / "file", compression, [])
    assert unpacked(tmp_path / "file", compression) == b""
    assert content == Content(0, 0, hashlib.sha256(b"").hexdigest(), Decimal(0))


@every_compression
def test_equal_content_gives_equal_bytes(tmp_path: Path, compression: str) -> None:
    one = write(tmp_path / "one", compression, BATCHES)
    other = write(tmp_path / "other", compression, BATCHES)
    assert one == other
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_the_content_is_the_same_under_every_compression(tmp_path: Path) -> None:
    assert len({write(tmp_path / compression, compression, BATCHES).sha256 for compression in SUFFIXES}) == 1


def test_a_dataset_without_a_measure_has_no_total(tmp_path: Path) -> None:
    with NdjsonFile(tmp_path / "file", FileFormat("ndjson", "none")) as file:
        file.write(batch('{"a":1}'))
        assert file.finish().total is None


@every_compression
def test_a_file_given_up_leaves_nothing_and_can_be_started_again(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "file"
    file = NdjsonFile(path, FileFormat("ndjson", compression))
    file.write(batch('{"stale":1}'))
    file.discard()
    assert not path.exists()
    assert write(path, compression, [batch('{"amount":"1"}')]).rows == 1
    assert unpacked(path, compression) == b'{"_date":"2026-09-01","amount":"1"}\n'


def test_an_existing_file_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError):
        NdjsonFile(tmp_path / "file", FileFormat("ndjson", "none"))


@every_compression
def test_the_endings(compression: str) -> None:
    assert FileFormat("ndjson", compression).suffix == SUFFIXES[compression]
    assert set(COMPRESSIONS) == set(SUFFIXES)


@pytest.mark.parametrize(
    ("name", "compression", "value", "allowed"),
    [
        ("json", "gzip", "json", "ndjson"),
        ("NDJSON", "gzip", "NDJSON", "ndjson"),
        ("", "gzip", "''", "ndjson"),
        ("ndjson", "gz", "gz", "gzip, zstd, none"),
        ("ndjson", None, "None", "gzip, zstd, none"),
        ("ndjson", "brotli", "brotli", "gzip, zstd, none"),
    ],
)
def test_a_bad_name_is_refused_with_the_allowed_ones(name: str, compression: str, value: str, allowed: str) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        FileFormat(name, compression)
    assert value in str(refusal.value)
    assert allowed in str(refusal.value)
