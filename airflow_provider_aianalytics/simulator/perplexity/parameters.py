# SPDX-License-Identifier: Apache-2.0
"""Parses and checks the parameters of a request (contract sections 2 and 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .cursors import CursorCodec, Position, fingerprint
from .errors import ApiError, invalid, malformed
from .organization import DAY, HOUR, Dataset, Organization, datasets, has_left, watermark

V1 = "/v1/analytics/computer/usage"
V2 = "/v2/analytics/computer/usage"

_PARAMETERS = {
    V1: ("dataset", "start_time", "end_time", "bucket_width", "limit", "page", "user_email"),
    V2: ("dataset", "group_by", "start_time", "end_time", "limit", "page"),
}
_WIDTHS = {"1d": DAY, "1h": HOUR}
_LIMITS = {(V1, DAY): (7, 31), (V1, HOUR): (24, 168), (V2, DAY): (50, 100)}
_LONGEST_WINDOW = 90 * DAY
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


@dataclass(frozen=True, slots=True)
class Query:
    """A valid query; ``start`` and ``end`` are multiples of ``width``.

    :param member: the member that ``user_email`` selects.
    :param position: where the page starts.
    """

    path: str
    dataset: Dataset
    width: int
    start: int
    end: int
    limit: int
    member: int | None
    fingerprint: str
    position: Position


class QueryParser:
    """Checks the parameters of requests to one organization.

    :param organization: whose datasets, members and settings apply.
    :param members: the index of each member by address.
    :param cursors: decodes the parameter ``page``.
    """

    def __init__(self, organization: Organization, members: Mapping[str, int], cursors: CursorCodec) -> None:
        self._org = organization
        self._settings = organization.settings
        self._members = members
        self._cursors = cursors

    def parse(self, path: str, pairs: Sequence[tuple[str, str]], now: int) -> Query:
        """The query of a request. All syntax is checked before values are checked against each other (3).

        :raises ApiError: when the API rejects the query.
        """
        if path not in _PARAMETERS:
            raise ApiError(404, "not_found", f"No such path: {path}")
        params = self._params(path, pairs)
        dataset = self._dataset(path, params)
        if path == V2:
            _choice(params, "group_by", ("user_email",))
        width = _WIDTHS[_choice(params, "bucket_width", tuple(_WIDTHS), "1d")] if path == V1 else DAY
        start = _time(params, "start_time")
        if start is None:
            raise malformed("start_time is required.")
        requested_end = _time(params, "end_time")
        limit = self._limit(params, *_LIMITS[path, width])
        address = params.get("user_email")
        if address is not None and not _EMAIL.fullmatch(address):
            raise malformed("user_email is not an email address.")

        bound = fingerprint(path, params)
        position, pinned_end = self._cursors.decode(params["page"], bound, now) if "page" in params else (None, None)
        end = pinned_end if pinned_end is not None else self._end(start, requested_end, width, now)
        start -= start % width
        member = self._member(address, now)
        return Query(path, dataset, width, start, end, limit, member, bound, position or Position(start))

    def _params(self, path: str, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
        params: dict[str, str] = {}
        for name, value in pairs:
            if name not in _PARAMETERS[path]:
                if self._settings.unknown_parameter == "reject":
                    raise malformed(f"Unknown parameter: {name}")
                continue
            if name in params and self._settings.repeated_parameter == "reject":
                raise malformed(f"{name} is repeated.")
            params[name] = value
        return params

    def _dataset(self, path: str, params: Mapping[str, str]) -> Dataset:
        offered = {name: row for name, row in datasets(self._settings).items() if path == V1 or row.by_member}
        return offered[_choice(params, "dataset", tuple(offered))]

    def _limit(self, params: Mapping[str, str], default: int, highest: int) -> int:
        text = params.get("limit")
        if text is None:
            return default
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise malformed("limit must be an integer.")
        if not 1 <= int(text) <= highest and self._settings.limit_out_of_range == "reject":
            raise malformed(f"limit must be between 1 and {highest}.")
        return min(max(int(text), 1), highest)

    def _end(self, start: int, requested_end: int | None, width: int, now: int) -> int:
        """The exclusive end: at most now, rounded down to the width, and not past the frontier (2.5)."""
        if start > (now if requested_end is None else requested_end):
            raise invalid("start_time must not be after end_time.")
        if start == requested_end and self._settings.equal_bounds == "reject":
            raise invalid("start_time must be before end_time.")
        end = now if requested_end is None else min(requested_end, now)
        if end - start > _LONGEST_WINDOW:
            raise invalid("The window must not exceed 90 days.")
        if self._settings.frontier == "watermark":
            end = min(end, watermark(self._org, now))
        return end - end % width

    def _member(self, address: str | None, now: int) -> int | None:
        """The member of an address. The error is the same for every address that is no current member's (2.7)."""
        if address is None:
            return None
        member = self._members.get(address)
        if member is None or has_left(self._org, member, now):
            raise invalid("user_email does not match a member of this organization.")
        return member


def _choice(params: Mapping[str, str], name: str, allowed: Sequence[str], default: str | None = None) -> str:
    value = params.get(name, default)
    if value is None:
        raise malformed(f"{name} is required.")
    if value not in allowed:
        raise malformed(f"{name} must be one of: {', '.join(allowed)}.")
    return value


def _time(params: Mapping[str, str], name: str) -> int | None:
    """Unix seconds of at most 18 digits; a sign, a fraction or a date is malformed (2.1)."""
    value = params.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", value):
        raise malformed(f"{name} must be unix seconds, an integer not below 0.")
    return int(value)
