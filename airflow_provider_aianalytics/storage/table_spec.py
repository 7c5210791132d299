# SPDX-License-Identifier: Apache-2.0
"""What a table holds. It is the same for all of its days, so that readers never find two things in one table."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterable, Mapping
from datetime import date
from uuid import uuid4

import msgspec

from airflow_provider_aianalytics.exceptions import AIAnalyticsError, ManifestVersionError, QueryMismatchError
from airflow_provider_aianalytics.extraction.redaction import hash_emails
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.layout import partition_day
from airflow_provider_aianalytics.storage.manifest import Manifest
from airflow_provider_aianalytics.vendors.registry import VENDORS

log = logging.getLogger(__name__)

NEIGHBOURS = 5
"""How many manifests that cannot be read are passed over in search of one that can."""


class TableSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What a table holds.

    :param query: the parameters of its requests without those of the window: ``group_by[]``, filters, the width.
    :param compression: of a text file; ``None`` in Parquet, whose codec is inside the file.
    """

    vendor: str
    dataset: str
    query: dict[str, str | list[str]]
    format: str
    compression: str | None
    dropped_fields: list[str]
    pseudonymized_fields: list[str]

    @classmethod
    def of(
        cls,
        *,
        vendor: str,
        dataset: str,
        query: Mapping[str, str | list[str]],
        window_parameters: Iterable[str],
        format: str,  # noqa: A002 - the name in manifests
        compression: str,
        dropped_fields: Iterable[str],
        pseudonymized_fields: Iterable[str],
    ) -> TableSpec:
        """A spec in its normal form: lists sorted, addresses hashed, the window's parameters left out."""
        window = set(window_parameters)
        return cls(
            vendor=vendor,
            dataset=dataset,
            query={name: _normal(value) for name, value in sorted(query.items()) if name not in window},
            format=format,
            compression=None if format == "parquet" else compression,
            dropped_fields=sorted(dropped_fields),
            pseudonymized_fields=sorted(pseudonymized_fields),
        )

    @classmethod
    def of_manifest(cls, manifest: Manifest, window_parameters: Iterable[str]) -> TableSpec:
        """What the table held when a day landed."""
        return cls.of(
            vendor=manifest.vendor,
            dataset=manifest.dataset,
            query=manifest.query,
            window_parameters=window_parameters,
            format=manifest.format,
            compression=manifest.compression,
            dropped_fields=manifest.dropped_fields,
            pseudonymized_fields=manifest.pseudonymized_fields,
        )

    @property
    def hides(self) -> bool:
        return bool(self.dropped_fields or self.pseudonymized_fields)

    def digest(self) -> str:
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:32]

    def differences(self, other: TableSpec) -> tuple[dict[str, object], dict[str, object]]:
        """What differs, by name: here and there."""
        here, there = self._flat(), other._flat()
        names = sorted(name for name in here | there if here.get(name) != there.get(name))
        return {name: here.get(name) for name in names}, {name: there.get(name) for name in names}

    def _flat(self) -> dict[str, object]:
        flat = {name: value for name, value in msgspec.structs.asdict(self).items() if name != "query"}
        return flat | self.query


def _normal(value: str | list[str]) -> str | list[str]:
    return hash_emails(value) if isinstance(value, str) else sorted(map(hash_emails, value))


def spec_digest(manifest: Manifest) -> str:
    """A digest of what a table held when a day landed, equal for all days of a table that is one thing.

    :param manifest: of any vendor; the names of a window's parameters are those of all its datasets.
    """
    vendor = VENDORS.get(manifest.vendor)
    windows = [dataset.window for dataset in vendor.datasets.values()] if vendor is not None else []
    names = {name for window in windows for name in (window.start, window.end) if name} | {"limit"}
    return TableSpec.of_manifest(manifest, names).digest()


class SpecGuard:
    """Lets a run write to a table only what the table holds.

    A table without manifests is claimed before its first day lands: each run writes a file of its own into
    ``_tables`` and lists the folder afterwards; a run that finds another spec there gives way. So of two first runs at
    the same moment at most one lands, on any store that lists what was written.

    :param table: the table.
    :param spec: what this run would land.
    :param window_parameters: the names of the parameters of a window, which differ from day to day.
    """

    def __init__(self, table: LakeTable, spec: TableSpec, window_parameters: Iterable[str]) -> None:
        self._table = table
        self._spec = spec
        self._window_parameters = frozenset(window_parameters)
        self._claimed = False
        self._lock = threading.Lock()

    def check(self, manifests: Iterable[Manifest | None]) -> None:
        """Compare with what has landed, before any request is sent.

        :param manifests: those of the run's own days.
        :raises QueryMismatchError: when the table holds something else.
        """
        landed = [manifest for manifest in manifests if manifest is not None] or self._neighbours()
        for manifest in landed:
            self.check_day(manifest)
        if landed and not self._spec.hides:
            self._claimed = True
            return
        claims = self._claims()
        self._check_claims(claims)
        self._claimed = bool(claims)
        if self._spec.hides:
            self._check_orphans()

    def check_day(self, manifest: Manifest) -> None:
        """Compare with one landed day.

        :raises QueryMismatchError: when it holds something else.
        """
        landed = TableSpec.of_manifest(manifest, self._window_parameters)
        if landed != self._spec:
            before, wanted = landed.differences(self._spec)
            raise self._mismatch(
                f"{manifest.date} of table {self._table.table!r} was landed with {before}, not {wanted}"
            )

    def claim(self) -> None:
        """Claim the table for this run's spec, before its first file is written.

        :raises QueryMismatchError: when another run has claimed it for something else meanwhile.
        """
        with self._lock:  # windows commit side by side
            if not self._claimed:
                self._write_claim()

    def _write_claim(self) -> None:
        own = f"{self._table.layout.claims}/{self._spec.digest()}-{uuid4().hex[:12]}.json"
        self._table.store.write(own, msgspec.json.format(msgspec.json.encode(self._spec), indent=2) + b"\n")
        try:
            self._check_claims(self._claims())
        except QueryMismatchError:
            self._table.store.remove([own])
            raise
        self._claimed = True

    def _claims(self) -> list[str]:
        return sorted(self._table.store.list(self._table.layout.claims))

    def _check_claims(self, claims: list[str]) -> None:
        for file in claims:
            if file.rpartition("/")[2].partition("-")[0] != self._spec.digest():
                raise self._mismatch(
                    f"table {self._table.table!r} was created with {self._claimed_as(file)}", claim=file
                )

    def _claimed_as(self, file: str) -> str:
        try:
            claimed = msgspec.json.decode(self._table.store.read(file), type=TableSpec)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return f"something else ({file} cannot be read)"
        before, wanted = claimed.differences(self._spec)
        return f"{before}, not {wanted}"

    def _neighbours(self) -> list[Manifest]:
        """The last landed day that can be read: what the table holds."""
        for day in reversed(self._table.landed_days()[-NEIGHBOURS:]):
            try:
                manifest = self._table.manifest(day)
            except ManifestVersionError:
                raise
            except AIAnalyticsError as error:
                log.warning("%s", error)
                continue
            if manifest is not None:
                return [manifest]
        return []

    def _check_orphans(self) -> None:
        """Make sure that no file of unknown origin lies in a table whose fields are hidden: it may hold them.

        :raises QueryMismatchError: naming the files.
        """
        name = f"/{self._table.table}{self._table.file_format.suffix}"
        days = {file: day for file in self._table.data_files() if (day := partition_day(file)) is not None}
        suspicious = [file for file in days if not file.endswith(name)]
        if not self._claimed:
            # A claim is older than every file that was written under it. Without one, each file needs a manifest.
            described = self._described_days()
            saved = {revision.file for manifest in described.values() for revision in manifest.revisions}
            suspicious += [file for file, day in days.items() if day not in described]
            suspicious += [file for file in self._table.store.list(self._table.layout.revisions) if file not in saved]
        if suspicious:
            raise QueryMismatchError(
                f"files that no manifest describes may hold the fields that table {self._table.table!r} hides: "
                + ", ".join(map(self._table.url, sorted(set(suspicious))[:5])),
                where=f"{self._spec.vendor} {self._spec.dataset}",
                hint="Look at them and remove them; nothing was read and nothing was written",
            )

    def _described_days(self) -> dict[date, Manifest]:
        manifests = self._table.manifests(self._table.landed_days())
        described = {day: manifest for day, manifest in manifests.items() if manifest is not None}
        for manifest in described.values():
            self.check_day(manifest)
        return described

    def _mismatch(self, message: str, *, claim: str | None = None) -> QueryMismatchError:
        table, layout = self._table, self._table.layout
        hint = "Give the other query a table of its own (table=…), or another path"
        folders = ", ".join(
            table.url(folder)
            for folder in (layout.data, layout.revisions, layout.unfinished, layout.manifests, layout.claims)
        )
        if self._spec.hides:
            hint += (
                ". What landed before stays as it is, with the fields that would be hidden now. To land the table anew "
                f"without them, remove {folders}"
            )
        elif claim is not None:
            hint += f". If nothing of it is wanted, remove {folders}"
        return QueryMismatchError(message, where=f"{self._spec.vendor} {self._spec.dataset}", hint=hint)
