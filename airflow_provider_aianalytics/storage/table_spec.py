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

LEARNED = ("organization_id", "pseudonym_secret_id")
"""What is unknown of a table until a response or a manifest names it."""
NEIGHBOURS = 5
"""How many manifests that cannot be read are passed over in search of one that can."""


class TableSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a table holds.

    :param query: the parameters of its requests without those of the window: ``group_by[]``, filters, the width.
    :param compression: of a text file; ``None`` in Parquet, whose codec is inside the file.
    :param organization_id: whose data it is; ``None`` where that is unknown: not every answer names it.
    :param pseudonym_secret_id: names the secret of the pseudonyms; ``None`` where that is unknown, as in old manifests.
    """

    vendor: str
    dataset: str
    query: dict[str, str | list[str]]
    format: str
    compression: str | None
    dropped_fields: list[str]
    pseudonymized_fields: list[str]
    organization_id: str | None = None
    pseudonym_secret_id: str | None = None

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
        organization_id: str | None = None,
        pseudonym_secret_id: str | None = None,
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
            organization_id=organization_id,
            pseudonym_secret_id=pseudonym_secret_id,
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
            organization_id=manifest.organization_id,
            pseudonym_secret_id=manifest.pseudonym_secret_id,
        )

    @property
    def hides(self) -> bool:
        return bool(self.dropped_fields or self.pseudonymized_fields)

    def digest(self) -> str:
        """A digest of all but what can be unknown."""
        known = msgspec.structs.replace(self, **dict.fromkeys(LEARNED))
        return _digest(msgspec.json.encode(known))

    def with_learned(self, other: TableSpec) -> TableSpec:
        """The same with what was unknown and is known there."""
        return msgspec.structs.replace(self, **{name: getattr(self, name) or getattr(other, name) for name in LEARNED})

    def differences(self, other: TableSpec) -> tuple[dict[str, object], dict[str, object]]:
        """What differs, by name: here and there. What is unknown in one of them does not differ."""
        here, there = self._flat(), other._flat()
        unknown = {name for name in LEARNED if here[name] is None or there[name] is None}
        names = sorted(name for name in (here | there).keys() - unknown if here.get(name) != there.get(name))
        return {name: here.get(name) for name in names}, {name: there.get(name) for name in names}

    def _flat(self) -> dict[str, object]:
        flat = {name: value for name, value in msgspec.structs.asdict(self).items() if name != "query"}
        return flat | self.query


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _normal(value: str | list[str]) -> str | list[str]:
    return hash_emails(value) if isinstance(value, str) else sorted(map(hash_emails, value))


HINTS = {
    "organization_id": "Give each organization a table (table=…) or a path of its own. If the task's connection is the "
    "wrong one, change conn_id",
    "pseudonym_secret_id": "Put the pseudonym_secret that the table was landed with back into the connection's extra, "
    "or land the new pseudonyms into a table of their own (table=…), or another path",
}
"""What to do where this alone differs."""


def spec_parts(manifest: Manifest) -> tuple[str, ...]:
    """What a table held when a day landed, in digests: the query and format, the organization, the pseudonyms' secret.

    They are equal for all days of a table that is one thing. What is unknown of a day is empty.

    :param manifest: of any vendor; the names of a window's parameters are those of all its datasets.
    """
    vendor = VENDORS.get(manifest.vendor)
    windows = [dataset.window for dataset in vendor.datasets.values()] if vendor is not None else []
    names = {name for window in windows for name in (window.start, window.end) if name} | {"limit"}
    spec = TableSpec.of_manifest(manifest, names)
    return spec.digest(), *(_digest(value.encode()) if (value := getattr(spec, name)) else "" for name in LEARNED)


class SpecGuard:
    """Lets a run write to a table only what the table holds.

    A table without manifests is claimed before its first day lands: each run writes a file of its own into
    ``_tables`` and lists the folder afterwards; a run that finds another spec there gives way. So of two first runs at
    the same moment at most one lands, on any store that lists what was written. The organization is known only from
    an answer: the first run that gets one of a table whose organization is unknown claims the table for it.

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
            self._learn(self.check_day(manifest))
        if landed and not self._spec.hides:
            self._claimed = True
            return
        claims = self._claims()
        for claimed in self._check_claims(claims, self._spec):
            self._learn(claimed)
        self._claimed = bool(claims)
        if self._spec.hides:
            self._check_orphans()

    def _learn(self, table: TableSpec) -> None:
        self._spec = self._spec.with_learned(table)

    def check_day(self, manifest: Manifest) -> TableSpec:
        """Compare with one landed day.

        :return: what it holds.
        :raises QueryMismatchError: when that is something else.
        """
        landed = TableSpec.of_manifest(manifest, self._window_parameters)
        self._compare(landed, self._spec, f"{manifest.date} of table {self._table.table!r} was landed with")
        return landed

    def claim(self, organization_id: str | None = None) -> None:
        """Claim the table for this run's spec, before its first file is written.

        :param organization_id: whose data the run has read, where the answer names it.
        :raises QueryMismatchError: when the table holds another organization's, or when another run has claimed it for
            something else meanwhile.
        """
        with self._lock:  # windows commit side by side
            read = msgspec.structs.replace(self._spec, organization_id=organization_id)
            self._compare(self._spec, read, f"table {self._table.table!r} holds")
            learned = self._spec.with_learned(read)
            if not self._claimed or learned != self._spec:
                self._write_claim(learned)
            self._spec, self._claimed = learned, True

    def _write_claim(self, spec: TableSpec) -> None:
        own = f"{self._table.layout.claims}/{spec.digest()}-{uuid4().hex[:12]}.json"
        self._table.store.write(own, msgspec.json.format(msgspec.json.encode(spec), indent=2) + b"\n")
        try:
            self._check_claims([file for file in self._claims() if file != own], spec)
        except QueryMismatchError:
            self._table.store.remove([own])
            raise

    def _compare(self, table: TableSpec, run: TableSpec, what: str, *, claim: str | None = None) -> None:
        before, wanted = table.differences(run)
        if before:
            raise self._mismatch(f"{what} {before}, not {wanted}", before, claim=claim)

    def _claims(self) -> list[str]:
        return sorted(self._table.store.list(self._table.layout.claims))

    def _check_claims(self, claims: list[str], spec: TableSpec) -> list[TableSpec]:
        """:return: what the table was claimed for, by each claim that can be read."""
        found = []
        for file in claims:
            claimed = self._read_claim(file)
            if claimed is not None:
                self._compare(claimed, spec, f"table {self._table.table!r} was created with", claim=file)
                found.append(claimed)
            elif file.rpartition("/")[2].partition("-")[0] != spec.digest():
                what = f"table {self._table.table!r} was created with something else ({file} cannot be read)"
                raise self._mismatch(what, claim=file)
        return found

    def _read_claim(self, file: str) -> TableSpec | None:
        try:
            return msgspec.json.decode(self._table.store.read(file), type=TableSpec)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

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

    def _mismatch(self, message: str, names: Iterable[str] = (), *, claim: str | None = None) -> QueryMismatchError:
        """:param names: what differs."""
        table, layout = self._table, self._table.layout
        hint = "Give the other query a table of its own (table=…), or another path"
        folders = ", ".join(
            table.url(folder)
            for folder in (layout.data, layout.revisions, layout.unfinished, layout.manifests, layout.claims)
        )
        learned = [name for name in names if name in LEARNED]
        if learned and learned == list(names):
            hint = ". ".join(HINTS[name] for name in learned)
        elif self._spec.hides:
            hint += (
                ". What landed before stays as it is, with the fields that would be hidden now. To land the table anew "
                f"without them, remove {folders}"
            )
        elif claim is not None:
            hint += f". If nothing of it is wanted, remove {folders}"
        return QueryMismatchError(message, where=f"{self._spec.vendor} {self._spec.dataset}", hint=hint)
