# SPDX-License-Identifier: Apache-2.0
"""Drop or pseudonymize fields before anything is written."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from airflow_provider_aianalytics.exceptions import InvalidArgumentError, MalformedResponseError
from airflow_provider_aianalytics.vendors.base import Dataset

if TYPE_CHECKING:
    from airflow_provider_aianalytics.extraction.records import Batch

Object = dict[str, msgspec.Raw]
Change = Callable[[msgspec.Raw], bytes | None]

_OBJECT = msgspec.json.Decoder(Object)
_NULL = b"null"
_SECRET_NAME = b"the name of a pseudonym secret"


@dataclass(frozen=True, slots=True)
class Privacy:
    """The fields to drop or to pseudonymize.

    :param dataset: the catalogue row.
    :param drop: dotted names of fields to leave out.
    :param pseudonymize: dotted names of fields whose values are replaced by their HMAC-SHA-256 in hexadecimal, the
        same for the same value in every dataset, so that joins still work; null stays null. An address is trimmed and
        lower-cased first, so a person has one pseudonym.
    :param secret: the HMAC's key; never shown.
    :raises InvalidArgumentError: for a name that the dataset does not have, or without a secret where one is needed.
    """

    dataset: Dataset
    drop: tuple[str, ...] = ()
    pseudonymize: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "drop", field_names("drop_fields", self.drop))
        object.__setattr__(self, "pseudonymize", field_names("pseudonymize_fields", self.pseudonymize))
        check_fields(self.dataset, "drop_fields", self.drop)
        check_fields(self.dataset, "pseudonymize_fields", self.pseudonymize)
        if self.pseudonymize and not self.secret:
            raise InvalidArgumentError(
                f"{self.dataset}: pseudonymize_fields needs a secret, and the connection "
                'has none: put "pseudonym_secret" into its extra; nothing was written'
            )

    @property
    def secret_id(self) -> str | None:
        """Identifies the secret without revealing it: 32 bits of an HMAC; ``None`` where nothing is pseudonymized."""
        if not self.pseudonymize:
            return None
        return hmac.new(self.secret.encode(), _SECRET_NAME, hashlib.sha256).hexdigest()[:8]

    def apply(self, batch: Batch) -> Batch:
        """Apply it to a batch. Other fields keep their bytes."""
        if not self.drop and not self.pseudonymize:
            return batch
        changes: list[tuple[list[str], Change]] = [(name.split("."), _dropped) for name in self.drop]
        changes += [(name.split("."), self._pseudonym) for name in self.pseudonymize]
        return replace(batch, records=[self._changed(record, changes) for record in batch.records])

    def _changed(self, record: msgspec.Raw, changes: list[tuple[list[str], Change]]) -> msgspec.Raw:
        for path, change in changes:
            record = self._at(record, path, change)
        return record

    def _at(self, value: msgspec.Raw, path: list[str], change: Change) -> msgspec.Raw:
        try:
            fields = _OBJECT.decode(value)
        except msgspec.ValidationError:
            if bytes(value) == _NULL:
                return value
            raise MalformedResponseError(f"{'.'.join(path)} cannot be hidden: its parent is not an object") from None
        name, *rest = path
        for known_name in (name, *(old for old, new in self.dataset.legacy_names.items() if new == name)):
            if known_name not in fields:
                continue
            if rest:
                fields[known_name] = self._at(fields[known_name], rest, change)
                continue
            changed = change(fields[known_name])
            if changed is None:
                del fields[known_name]
            else:
                fields[known_name] = msgspec.Raw(changed)
        return msgspec.Raw(msgspec.json.encode(fields))

    def _pseudonym(self, value: msgspec.Raw) -> bytes | None:
        raw = bytes(value)
        if raw == _NULL:
            return raw
        text = msgspec.json.decode(raw) if raw.startswith(b'"') else raw.decode()
        if "@" in text:  # one person has one pseudonym, however the address is written
            text = text.strip().lower()
        return b'"%s"' % hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest().encode()


def field_names(option: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names in any iterable, sorted, without duplicates.

    :param option: the argument, for the message.
    :raises InvalidArgumentError: for anything else, and for an iterator that is exhausted: it would hide nothing.
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise InvalidArgumentError(f"{option} takes a list of dotted names, not {names!r}")
    given = list(names)
    if not given and iter(names) is names:
        raise InvalidArgumentError(
            f"{option} is an iterator with nothing left in it, so it would hide nothing; give a list of dotted names"
        )
    for name in given:
        if not isinstance(name, str):
            raise InvalidArgumentError(f"{option} takes a list of dotted names; {name!r} is none")
    return tuple(sorted(set(given)))


def is_inside(path: str, name: str) -> bool:
    """Whether a field is the one with a name, or lies in the object of that name; both dotted."""
    return path == name or path.startswith(f"{name}.")


def check_fields(dataset: Dataset, option: str, names: Iterable[str]) -> None:
    """Refuse unknown names: a misspelled field would land in the clear.

    :raises InvalidArgumentError: naming the fields there are.
    """
    known = [column.path for column in dataset.columns]
    for name in names:
        if not any(is_inside(path, name) for path in known):
            raise InvalidArgumentError(f"{dataset}: {option} {name!r} is not a field of it; it has {', '.join(known)}")
        if name in (dataset.bounds or ()):
            raise InvalidArgumentError(f"{dataset}: {option} {name!r} is the day of the row and must stay")
        if dataset.measure is not None and is_inside(dataset.measure, name):
            raise InvalidArgumentError(
                f"{dataset}: {option} {name!r} is the amount that shows empty days and shrunken ones, and must stay"
            )


def _dropped(value: msgspec.Raw) -> bytes | None:
    return None
