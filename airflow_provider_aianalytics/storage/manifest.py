# SPDX-License-Identifier: Apache-2.0
"""What a landed day is and where it came from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from airflow_provider_aianalytics import __version__
from airflow_provider_aianalytics.exceptions import AIAnalyticsError, ManifestVersionError
from airflow_provider_aianalytics.extraction.measure import is_amount
from airflow_provider_aianalytics.extraction.responses import parse_timestamp
from airflow_provider_aianalytics.storage.encoders.compression import COMPRESSIONS
from airflow_provider_aianalytics.storage.encoders.formats import FORMATS
from airflow_provider_aianalytics.storage.layout import Layout

SCHEMA_VERSION = 1
MOVE_AWAY = "Move it away to land the day anew"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The task run that landed a day.

    :param map_index: -1 where the task is not mapped.
    :param try_number: 1 for the first try.
    :param started_at: when the DAG run was started, RFC 3339, UTC: one that was deleted and made again under its old
        name is another.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    try_number: int = 1
    started_at: str | None = None

    def is_same_task_run(self, other: Run) -> bool:
        return msgspec.structs.replace(self, try_number=other.try_number) == other

    def has_name_of(self, other: Run) -> bool:
        """Whether it is the same task run, or what that was before its DAG run was cleared."""
        return self.is_same_task_run(msgspec.structs.replace(other, started_at=self.started_at))


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier content of a day, replaced by a restatement or found without a manifest.

    :param fetched_at: when it was read, RFC 3339, UTC; of a content without a manifest, when it was found.
    :param file: where it is saved, relative to the lake's path; ``None`` where revisions are not kept.
    :param total: the exact total of the dataset's measure; ``None`` where it has none, and in older manifests.
    """

    fetched_at: str
    rows: int
    sha256: str
    file: str | None = None
    total: Decimal | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One landed day of one table.

    :param query: all parameters of the window's first request, as they were sent.
    :param file: the data, relative to the lake's path.
    :param bytes: the length of the uncompressed content.
    :param sha256: the digest of the uncompressed content.
    :param file_bytes: the length of the file in the lake.
    :param file_md5: the digest of the file in the lake. Many stores report it without a read, so that a reader can
        check that the data is what this manifest describes. ``None`` for an uncompressed or Parquet file on a disk:
        ``sha256`` is enough.
    :param total: the exact total of the dataset's measure, ``None`` where it has none.
    :param figures: what the day came to, by the names of the catalogue (``spend_usd_cents``, ``tokens``, ``credits``,
        ``active_members``), exact; empty where the dataset has none, where privacy hides it, and in older manifests.
    :param pages: the pages of the window that the day was read in.
    :param requests: the requests that window took, retries included.
    :param data_refreshed_at: the vendor's watermark as it was sent, ``None`` where it has none.
    :param fetched_at: when the window was read, RFC 3339, UTC.
    :param complete: whether the vendor's data covered the whole day.
    :param capped_buckets: how many buckets have as many groups as the vendor serves, so that more may be missing;
        such a day is not complete.
    :param final: whether the vendor will not restate it any more.
    :param organization_id: the organization as the vendor names it, ``None`` where it does not.
    :param dropped_fields: the fields that were left out before anything was written.
    :param pseudonymized_fields: the fields whose values were replaced before anything was written.
    :param pseudonym_secret_id: a digest that identifies the secret of the pseudonyms without revealing it;
        ``None`` where nothing is pseudonymized, and in older manifests.
    :param shrink_accepted_at: ``fetched_at`` of the last content that was accepted although it was much smaller.
    :param revisions: what restatements replaced, oldest first.
    """

    schema_version: int = SCHEMA_VERSION
    vendor: str
    dataset: str
    table: str
    date: date
    query: dict[str, str | list[str]]
    file: str
    format: str
    compression: str
    rows: int
    bytes: int
    sha256: str
    file_bytes: int | None = None
    file_md5: str | None = None
    total: Decimal | None = None
    figures: dict[str, Decimal] = {}
    pages: int
    requests: int
    data_refreshed_at: str | None
    fetched_at: str
    complete: bool
    capped_buckets: int = 0
    final: bool
    organization_id: str | None
    provider_version: str
    run: Run
    dropped_fields: tuple[str, ...] = ()
    pseudonymized_fields: tuple[str, ...] = ()
    pseudonym_secret_id: str | None = None
    shrink_accepted_at: str | None = None
    revisions: tuple[Revision, ...] = ()


class _Version(msgspec.Struct):
    schema_version: int = SCHEMA_VERSION
    provider_version: str = ""


_DECODER = msgspec.json.Decoder(Manifest)
_VERSION = msgspec.json.Decoder(_Version)


def encode(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def decode(data: bytes, *, where: str) -> Manifest:
    """Read a manifest.

    :param where: its address, for the message.
    :raises ManifestVersionError: when a newer version of this package wrote it.
    :raises AIAnalyticsError: when it is not one.
    """
    try:
        version = _VERSION.decode(data)
        if version.schema_version > SCHEMA_VERSION:
            raise ManifestVersionError(
                f"a manifest of schema_version {version.schema_version}; version {__version__} of this package knows "
                f"up to {SCHEMA_VERSION}",
                where=where,
                hint=f"Install airflow-provider-aianalytics {version.provider_version} or newer, which wrote it",
            )
        return _DECODER.decode(data)
    except (UnicodeDecodeError, RecursionError, msgspec.DecodeError) as error:
        raise AIAnalyticsError(
            f"not a manifest of this package ({error})",
            where=where,
            hint=MOVE_AWAY,
        ) from None


def decode_of(data: bytes, *, vendor: str, table: str, day: date, where: str) -> Manifest:
    """Read the manifest of a day.

    :param where: its address, for the message.
    :raises AIAnalyticsError: when it is none, or another day's: that names a file of its own.
    """
    manifest = decode(data, where=where)
    if odd := _odd(manifest):
        raise AIAnalyticsError(f"not a manifest of this package ({odd})", where=where, hint=MOVE_AWAY)
    if (manifest.vendor, manifest.table, manifest.date) != (vendor, table, day):
        raise AIAnalyticsError(
            f"the manifest of {manifest.vendor}/{manifest.table} {manifest.date}", where=where, hint=MOVE_AWAY
        )
    return manifest


def _odd(manifest: Manifest) -> str | None:
    """What no version of this package has written, ``None`` where all is well: somebody edited the file."""
    amounts = [manifest.total, *manifest.figures.values(), *(old.total for old in manifest.revisions)]
    checks = {
        "total": all(amount is None or is_amount(amount) for amount in amounts),
        "fetched_at": _is_moment(manifest.fetched_at),
        "data_refreshed_at": manifest.data_refreshed_at is None or _is_moment(manifest.data_refreshed_at),
        "format": manifest.format in FORMATS,
        "compression": manifest.compression in COMPRESSIONS,
        "rows": manifest.rows >= 0 and manifest.bytes >= 0,
        "file": _is_of_its_day(manifest),
    }
    return next((f"{name} is odd" for name, is_well in checks.items() if not is_well), None)


def _is_moment(text: str) -> bool:
    try:
        parse_timestamp(text)
    except ValueError:
        return False
    return True


def _is_of_its_day(manifest: Manifest) -> bool:
    """Whether the data lies in the day's own folder, and not elsewhere in or outside of the lake."""
    folder, _, name = manifest.file.rpartition("/")
    own = Layout(manifest.vendor, manifest.table, "").day_folder(manifest.date)
    return folder == own and name.startswith(f"{manifest.table}.")


def query_as_sent(parameters: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Parameters as JSON: a list for each ``name[]``."""
    query: dict[str, Any] = {}
    for name, value in parameters:
        if name.endswith("[]"):
            query.setdefault(name, []).append(value)
        else:
            query[name] = value
    return query


def format_timestamp(moment: datetime) -> str:
    """A UTC moment as manifests spell it, to the microsecond."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
