# SPDX-License-Identifier: Apache-2.0
"""Reads the parameters of a request as strictly as the vendor's documentation (contract sections 2, 7.0, 8.0, 9)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime

from .errors import invalid

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$")
_DATE = re.compile(r"\d{4}-\d\d-\d\d$")
LONGEST_LIST = 100
"""The most entries of a list parameter (contract section 2)."""


class Parameters:
    """The parameters of one request. Methods raise :class:`ApiError` for values that the vendor rejects.

    :param query: the decoded pairs, in order.
    """

    def __init__(self, query: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in query:
            self._values.setdefault(name, []).append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def reject_unknown(self, known: Collection[str]) -> None:
        """Reject parameters that the endpoint does not have."""
        for name in self._values:
            if name not in known:
                raise invalid(f"{name}: unknown query parameter.")

    def text(self, name: str) -> str | None:
        """A single value."""
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1:
            raise invalid(f"{name}: must be given once.")
        return values[0]

    def choice(self, name: str, allowed: Collection[str], default: str) -> str:
        """One of the allowed values."""
        value = self.text(name)
        if value is not None and value not in allowed:
            raise invalid(f"{name}: must be one of {', '.join(sorted(allowed))}. Got {value!r}.")
        return default if value is None else value

    def flag(self, name: str) -> bool:
        """``true`` or ``false``."""
        return self.choice(name, ("true", "false"), "false") == "true"

    def limit(self, default: int, highest: int) -> int:
        """The page size. A value out of range is rejected (with the message of a similar API, contract section 3)."""
        value = self.text("limit")
        if value is None:
            return default
        if not re.fullmatch(r"-?\d{1,9}", value) or not 1 <= int(value) <= highest:
            raise invalid(f"The limit parameter must be between 1 and {highest}, inclusive. Got {value}.")
        return int(value)

    def day(self, name: str) -> date | None:
        """A UTC date."""
        value = self.text(name)
        if value is None:
            return None
        try:
            if _DATE.match(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        raise invalid(f"{name}: must be a date of the form YYYY-MM-DD. Got {value!r}.")

    def timestamp(self, name: str) -> datetime | None:
        """An RFC 3339 date-time. One without a zone is rejected (unknown, contract section 15.5)."""
        value = self.text(name)
        if value is None:
            return None
        try:
            if _TIMESTAMP.match(value):
                return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise invalid(f"{name}: must be an RFC 3339 date-time with a time zone. Got {value!r}.")

    def values(self, name: str, allowed: Collection[str] | None = None) -> tuple[str, ...]:
        """The values of a list parameter; empty when the request does not have it."""
        values = self._values.get(f"{name}[]", [])
        if len(values) > LONGEST_LIST:
            raise invalid(f"{name}[]: at most {LONGEST_LIST} entries. Got {len(values)}.")
        for value in values:
            if allowed is not None and value not in allowed:
                raise invalid(f"{name}[]: unsupported value {value!r}. Allowed: {', '.join(sorted(allowed))}.")
        return tuple(values)

    def filters(self, allowed: Collection[str]) -> dict[str, frozenset[str]]:
        """The values of each dimension in ``filter[]=dimension:value`` (contract section 2)."""
        values_by_dimension: dict[str, set[str]] = {}
        for entry in self.values("filter"):
            dimension, colon, value = entry.partition(":")
            if not colon or dimension not in allowed:
                raise invalid(f"filter[]: unsupported dimension {dimension!r}. Allowed: {', '.join(sorted(allowed))}.")
            values_by_dimension.setdefault(dimension, set()).add(value)
        return {name: frozenset(values) for name, values in values_by_dimension.items()}

    def has_values(self, name: str) -> bool:
        """Whether the request has a list parameter."""
        return f"{name}[]" in self._values
