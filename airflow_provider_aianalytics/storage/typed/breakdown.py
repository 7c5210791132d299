# SPDX-License-Identifier: Apache-2.0
"""Breakdowns laid out as rows: a total, then for each axis its categories and what belongs to none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from airflow_provider_aianalytics.exceptions import MalformedResponseError
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.storage.typed.cells import INT64, MisfitError, cell, whole_number
from airflow_provider_aianalytics.storage.typed.decoder import json_object, members_of
from airflow_provider_aianalytics.storage.typed.rows import Columns, RecordReader
from airflow_provider_aianalytics.storage.typed.schema import BREAKDOWN, EXTRA, typed_columns
from airflow_provider_aianalytics.vendors.base import ColumnType, Dataset

_LIST = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Category:
    """One category of an axis, with whatever else the vendor says of it.

    :param title: ``None`` where the vendor gives null.
    """

    title: str | None
    count: int
    extra: str | None


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a breakdown.

    :param is_whole: whether every entry of the vendor's list could be read as a category.
    """

    label: str
    categories: list[Category]
    is_whole: bool = True


class BreakdownReader:
    """Reads records that are broken down by category; :mod:`.schema` says which rows each of them gives.

    :param dataset: the catalogue row.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.columns = typed_columns(dataset)
        self._records = RecordReader(dataset)
        self._fields = dataset.breakdown
        self._measure = dataset.column(dataset.measure or "").name
        self._where = str(dataset)

    @property
    def unknown(self) -> set[str]:
        """The paths of the fields that had to go to ``_extra`` so far."""
        return self._records.unknown

    def read(self, batches: Sequence[Batch]) -> Columns:
        """The rows of the batches' records, in order.

        :raises MalformedResponseError: when a record is no JSON object, or a count leaves 64 bits.
        """
        broken_down: list[list[Axis]] = []
        rests = []
        for batch in batches:
            records = []
            for record in batch.records:
                rest, axes = self._take_apart(record)
                records.append(rest)
                broken_down.append(axes)
            rests.append(replace(batch, records=records))
        names = [column.name for column in self._records.columns]
        rows: list[tuple[Any, ...]] = []
        for values, axes in zip(zip(*self._records.read(rests), strict=True), broken_down, strict=True):
            rows += self._rows(dict(zip(names, values, strict=True)), axes)
        return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in self.columns]

    def _rows(self, record: dict[str, Any], axes: list[Axis]) -> Iterator[tuple[Any, ...]]:
        names = (*(column.name for column in BREAKDOWN), self._measure, EXTRA.name)
        for row in self._counts(record[self._measure], record[EXTRA.name], axes):
            cells = {**record, **dict(zip(names, row, strict=True))}
            yield tuple(cells[column.name] for column in self.columns)

    def _counts(self, count: int | None, extra: str | None, axes: list[Axis]) -> Iterator[tuple[Any, ...]]:
        yield "total", None, None, count, extra
        for axis in axes:
            for category in axis.categories:
                yield "category", axis.label, category.title, category.count, category.extra
            # A residual is known only where every part of it is.
            rest = None
            if count is not None and axis.is_whole:
                rest = count - sum(category.count for category in axis.categories)
            if rest is not None and rest not in INT64:
                raise MalformedResponseError(
                    f"the categories of {axis.label!r} do not add up to a count of 64 bits", where=self._where
                )
            yield "unattributed", axis.label, None, rest, None

    def _take_apart(self, record: msgspec.Raw) -> tuple[msgspec.Raw, list[Axis]]:
        """The record without the categories that could be read, and these."""
        try:
            members = members_of(record)
        except msgspec.DecodeError as error:
            raise MalformedResponseError(f"a record is no JSON object ({error})", where=self._where) from None
        rest = {name: bytes(value) for name, value in members.items()}
        axes: list[Axis] = []
        for name in self._fields:
            data = rest.pop(name, b"null")
            if data.startswith(b"["):
                axis, left = self._axis(name, data)
                axes.append(axis)
            elif data.startswith(b"{"):
                lists = members_of(data)
                lefts = {}
                for label, entries in lists.items():
                    if not bytes(entries).startswith(b"["):
                        lefts[label] = bytes(entries)
                        continue
                    axis, left = self._axis(label, bytes(entries))
                    axes.append(axis)
                    if left:
                        lefts[label] = left
                left = json_object(lefts)
            else:
                left = b"" if data == b"null" else data
            if left:
                rest[name] = left
        return msgspec.Raw(json_object(rest) or b"{}"), axes

    def _axis(self, label: str, data: bytes) -> tuple[Axis, bytes]:
        """The categories of a list, and a list of the entries that are none; empty where all are."""
        categories: list[Category] = []
        left: list[bytes] = []
        for entry in map(bytes, _LIST.decode(data)):
            category = _category(entry)
            if category is None:
                left.append(entry)
            else:
                categories.append(category)
        return Axis(label, categories, is_whole=not left), b"[%s]" % b",".join(left) if left else b""


def _category(entry: bytes) -> Category | None:
    """A category; ``None`` for an entry that is none."""
    if not entry.startswith(b"{"):
        return None
    members = members_of(entry)
    try:
        title, value = members.pop("category"), members.pop("count")
        label = None if bytes(title) == b"null" else cell(title, ColumnType.STRING)
    except (KeyError, MisfitError):
        return None
    count = whole_number(bytes(value).decode().strip('"'))  # some come as texts
    if count is None:
        return None
    extra = json_object({name: bytes(value) for name, value in members.items()})
    return Category(None if label is None else str(label), count, extra.decode() or None)
