# SPDX-License-Identifier: Apache-2.0
"""From records to typed columns, exactly: what has no column goes to ``_extra``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from airflow_provider_aianalytics.exceptions import MalformedResponseError
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.storage.typed.cells import MisfitError, moment
from airflow_provider_aianalytics.storage.typed.decoder import divide, joined, members_of, shape_of
from airflow_provider_aianalytics.storage.typed.schema import DATE, EXTRA, record_columns
from airflow_provider_aianalytics.vendors.base import ColumnType, Dataset

Columns = list[Sequence[Any]]
"""The values of some rows, column by column: ``str``, ``int``, ``float``, ``bool``, ``date``, ``datetime`` in UTC, and
``str`` of plain digits for amounts; ``None`` for null. A column of an ``array`` has none."""

LEGACY_NAMES = {"email": "email_address"}
"""Older names of fields, in whatever object."""


class RecordReader:
    """Reads a dataset's records; a row is a record.

    :param dataset: the catalogue row.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.columns = record_columns(dataset)
        self.unknown: set[str] = set()
        """The paths of the fields that had to go to ``_extra`` so far."""
        self._where = str(dataset)
        self._older = {**LEGACY_NAMES, **_older_bounds(dataset)}
        # A bucket's bounds are with_prefix in front of its rows, which have none of their own.
        bounds = dataset.bounds or () if dataset.results else ()
        self._with_prefix = shape_of(tuple(column for column in dataset.columns if column.path in bounds))
        self._shape = shape_of(tuple(column for column in dataset.columns if column.path not in bounds))
        self._moments = [column.name for column in dataset.columns if column.type is ColumnType.TIMESTAMP]

    def read(self, batches: Sequence[Batch]) -> Columns:
        """The values of the batches' records, in order.

        :raises MalformedResponseError: when an amount does not fit its column, or a record is no JSON object.
        """
        try:
            try:
                return self._read(batches, trusting=True)
            except MisfitError:  # a moment that is spelled well and does not exist
                return self._read(batches, trusting=False)
        except MalformedResponseError as error:
            raise MalformedResponseError(error.message, where=self._where, hint=error.hint) from None
        except msgspec.DecodeError as error:
            raise MalformedResponseError(f"a record is no JSON object ({error})", where=self._where) from None

    def _read(self, batches: Sequence[Batch], *, trusting: bool) -> Columns:
        structs: list[msgspec.Struct | None] = []
        with_prefix: list[msgspec.Struct | None] = []
        extras: dict[int, bytes] = {}
        for batch in batches:
            first = len(structs)
            self._structs(batch.records, structs, extras, trusting=trusting)
            shared, extra = self._divide_splice(batch.prefix)
            with_prefix += [shared] * len(batch.records)
            if extra:
                extras.update({row: joined((extra, extras.get(row, b""))) for row in range(first, len(structs))})
        values: dict[str, Sequence[Any]] = {}
        self._with_prefix.collect(with_prefix, values)
        self._shape.collect(structs, values)
        for name in self._moments:
            values[name] = _moments(values[name])
        values[DATE.name] = [batch.day for batch in batches for _ in batch.records]
        rests: list[str | None] = [None] * len(structs)
        values[EXTRA.name] = rests
        for row, extra in extras.items():
            rests[row] = extra.decode()
        return [values[column.name] for column in self.columns]

    def _structs(
        self,
        records: Sequence[msgspec.Raw],
        structs: list[msgspec.Struct | None],
        extras: dict[int, bytes],
        *,
        trusting: bool,
    ) -> None:
        """Add the records' known values, and by row what is left of them."""
        decode, add = self._shape.decode, structs.append
        for record in records:
            try:
                if trusting:
                    add(decode(record))
                    continue
            except msgspec.ValidationError:
                pass
            known, extra = divide(members_of(record), self._shape, self._older, self.unknown)
            if extra:
                extras[len(structs)] = extra
            add(known)

    def _divide_splice(self, prefix: bytes) -> tuple[msgspec.Struct, bytes]:
        members = members_of(prefix[:-1] + b"}")
        del members[DATE.name]
        return divide(members, self._with_prefix, {}, self.unknown)


def _older_bounds(dataset: Dataset) -> Mapping[str, str]:
    return dict(zip(dataset.legacy_bounds or (), dataset.bounds or (), strict=True)) if dataset.legacy_bounds else {}


def _moments(spelled: Sequence[str | int | None]) -> list[Any]:
    # Few are different: the bounds of buckets.
    known = {value: moment(value) for value in set(spelled) if value is not None}
    return [None if value is None else known[value] for value in spelled]
