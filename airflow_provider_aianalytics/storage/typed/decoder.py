# SPDX-License-Identifier: Apache-2.0
"""The shape of a record, from its known columns: nested structs that msgspec decodes a record straight into.

A record that is as the catalogue says is decoded in one go. One that deviates in anything is divided, field by field,
into what the shape knows and the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import msgspec

from airflow_provider_aianalytics.storage.typed.cells import TYPES, MisfitError, cell, integers
from airflow_provider_aianalytics.vendors.base import Column, ColumnType

Members = Mapping[str, msgspec.Raw]

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_as_tuple = msgspec.structs.astuple


@dataclass(frozen=True, slots=True)
class Shape:
    """One object of a record.

    :param struct: holds its known fields, and refuses any other.
    :param empty: one without values.
    :param parts: the columns and the inner objects by field name, in the struct's order.
    :param decode: reads such an object when it is as it should be, up to the moments that it may name.
    :param has_moments: whether it names any.
    :param is_integers: whether it holds integers alone.
    """

    struct: type[msgspec.Struct]
    empty: msgspec.Struct
    parts: Mapping[str, Column | Shape]
    decode: Callable[[msgspec.Raw], msgspec.Struct]
    has_moments: bool
    is_integers: bool

    def collect(self, structs: Sequence[msgspec.Struct | None], into: MutableMapping[str, Sequence[Any]]) -> None:
        """Add the values of every column, by its name, in the structs' order."""
        if structs and structs[0] is self.empty and structs.count(self.empty) == len(structs):
            self._collect_nulls(len(structs), into)
            return
        values: Sequence[Any]
        try:
            values = list(chain.from_iterable(map(_as_tuple, structs)))  # type: ignore[arg-type]
        except TypeError:  # some of these objects are null
            values = list(chain.from_iterable(_as_tuple(struct or self.empty) for struct in structs))
        if self.is_integers:
            values = integers(values) or values
        for number, part in enumerate(self.parts.values()):
            column: Any = values[number :: len(self.parts)]
            if isinstance(part, Column):
                into[part.name] = column
            else:
                part.collect(column, into)

    def _collect_nulls(self, number: int, into: MutableMapping[str, Sequence[Any]]) -> None:
        for part in self.parts.values():
            if isinstance(part, Column):
                into[part.name] = [None] * number
            else:
                part._collect_nulls(number, into)


@cache
def shape_of(columns: tuple[Column, ...]) -> Shape:
    """The shape of records with these columns."""
    tree: dict[str, Any] = {}
    for column in columns:
        *parents, name = column.path.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[name] = column
    return _shape(tree)


def _shape(tree: Mapping[str, Any]) -> Shape:
    parts = {name: part if isinstance(part, Column) else _shape(part) for name, part in tree.items()}
    struct = msgspec.defstruct(
        "Record",
        [
            (name, _optional(TYPES[part.type]), None)
            if isinstance(part, Column)
            else (name, _optional(part.struct), part.empty)
            for name, part in parts.items()
        ],
        forbid_unknown_fields=True,
        frozen=True,
        gc=False,
    )
    has_moments = any(
        part.type is ColumnType.TIMESTAMP if isinstance(part, Column) else part.has_moments for part in parts.values()
    )
    is_integers = all(isinstance(part, Column) and part.type is ColumnType.INTEGER for part in parts.values())
    return Shape(struct, struct(), parts, msgspec.json.Decoder(struct).decode, has_moments, is_integers)


def _optional(kind: Any) -> Any:
    return kind | None


def members_of(data: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The fields of an object, undecoded.

    :raises msgspec.DecodeError: when it is not one.
    """
    return _MEMBERS.decode(data)


def divide(
    members: Members, shape: Shape, older: Mapping[str, str], unknown: set[str], path: str = ""
) -> tuple[msgspec.Struct, bytes]:
    """Divide an object into what its shape knows and the rest.

    :param members: its fields.
    :param older: older names of fields: they count where the present one is absent or null, in whatever object.
    :param unknown: takes the paths of the rest.
    :param path: where the object is, ended by a dot.
    :return: the known values, and the rest as a JSON object; empty where there is none.
    :raises MalformedResponseError: when an amount does not fit its column.
    """
    known: dict[str, Any] = {}
    rest: dict[str, bytes] = {}
    rests_within: dict[str, bytes] = {}
    for name, raw in members.items():
        part = shape.parts.get(name)
        data = bytes(raw)
        if part is None:
            rest[name] = data
        elif data == b"null":
            continue
        elif isinstance(part, Column):
            try:
                known[name] = cell(raw, part.type)
            except MisfitError:
                rest[name] = data
        elif data.startswith(b"{"):
            known[name], inner = _divide_inner(raw, part, older, unknown, f"{path}{name}.")
            if inner:
                rests_within[name] = inner
        else:
            rest[name] = data
    for old, name in older.items():
        column = shape.parts.get(name)
        if old in rest and isinstance(column, Column) and _is_or_becomes(known, name, rest[old], column):
            del rest[old]
    unknown.update(f"{path}{name}" for name in rest)
    order = [name for name in members if name in rest or name in rests_within]
    return shape.struct(**known), json_object({name: rest.get(name) or rests_within[name] for name in order})


def _divide_inner(
    raw: msgspec.Raw, shape: Shape, older: Mapping[str, str], unknown: set[str], path: str
) -> tuple[msgspec.Struct, bytes]:
    if not shape.has_moments:
        try:
            return shape.decode(raw), b""
        except msgspec.ValidationError:
            pass
    return divide(members_of(raw), shape, older, unknown, path)


def _is_or_becomes(known: dict[str, Any], name: str, data: bytes, column: Column) -> bool:
    """Whether an older field says the same as the present one, or takes its place."""
    if data == b"null":
        return True
    try:
        value = cell(msgspec.Raw(data), column.type)
    except MisfitError:
        return False
    return bool(known.setdefault(name, value) == value)


def json_object(members: Mapping[str, bytes]) -> bytes:
    """A JSON object of raw values on one line; nothing for no members."""
    if not members:
        return b""
    text = b",".join(b"%s:%s" % (msgspec.json.encode(name), value) for name, value in members.items())
    # A raw line break cannot stand inside a JSON string, so it is white space between tokens.
    return b"{%s}" % text.replace(b"\r", b"").replace(b"\n", b"")


def joined(objects: Iterable[bytes]) -> bytes:
    """JSON objects as one; nothing for none."""
    inner = [data[1:-1] for data in objects if data]
    return b"{%s}" % b",".join(inner) if inner else b""
