# SPDX-License-Identifier: Apache-2.0
"""The simulated Perplexity Computer Analytics API: requests in, exact bytes out.

``settings.py`` has the knobs, ``data.py`` the made-up numbers, ``encoder.py`` their
JSON. Section numbers are those of the wire contract.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from ..http import Request, Response
from . import encoder
from .data import (
    DAY,
    HOUR,
    Dataset,
    Organization,
    Reach,
    Usage,
    active_users,
    datasets,
    email,
    has_left,
    member_usages,
    organization_usage,
    reach,
    seconds,
    watermark,
)
from .errors import ApiError, invalid, malformed
from .settings import PerplexitySettings

__all__ = ["V1", "V2", "PerplexityApi", "PerplexitySettings"]

V1 = "/v1/analytics/computer/usage"
V2 = "/v2/analytics/computer/usage"

_PREFIXES = ("/v1/analytics/", "/v2/analytics/")
_PARAMETERS = {
    V1: ("dataset", "start_time", "end_time", "bucket_width", "limit", "page", "user_email"),
    V2: ("dataset", "group_by", "start_time", "end_time", "limit", "page"),
}
_WIDTHS = {"1d": DAY, "1h": HOUR}
_LIMITS = {(V1, DAY): (7, 31), (V1, HOUR): (24, 168), (V2, DAY): (50, 100)}
_LONGEST_WINDOW = 90 * DAY
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_UNKNOWN_MEMBER = "user_email does not match a member of this organization."
_CURSOR_VERSION = 1
_DEFAULTS = PerplexitySettings()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page begins. ``after`` is the last v2 member of the first day that was served already."""

    start: int
    after: int = -1


@dataclass(frozen=True, slots=True)
class _Query:
    """A request that passed every check; ``start`` and ``end`` lie on the grid of ``width``."""

    path: str
    dataset: Dataset
    width: int
    start: int
    end: int
    limit: int
    member: int | None
    fingerprint: str
    place: _Place


class PerplexityApi:
    """One organization's analytics API. It remembers answers, but no request changes one.

    :param seed: decides everything the organization did.
    :param members: how many members there are, the one that leaves included.
    :param key: the organization's only active key (1).
    :param settings: the knobs of section 7.
    :param shrunk: days that a fault makes smaller, with the share that is left; may change at any time.
    """

    def __init__(
        self,
        seed: int,
        members: int,
        key: str,
        settings: PerplexitySettings = _DEFAULTS,
        shrunk: Mapping[date, float] | None = None,
    ) -> None:
        if members < 0:
            raise ValueError(f"members must not be negative, not {members}")
        self.settings = settings
        self._org = Organization(seed, members, settings, {} if shrunk is None else shrunk)
        self._key = key.encode()
        self._secret = hashlib.sha256(f"perplexity cursor {seed}".encode()).digest()
        self._members = {email(self._org, member): member for member in range(members)}
        self._bucket = lru_cache(maxsize=8192)(self._spell_bucket)
        self._day_rows = lru_cache(maxsize=32)(self._spell_day_rows)

    def answers(self, path: str) -> bool:
        """Whether the path is one of this vendor's analytics paths, known or not."""
        return path.startswith(_PREFIXES)

    def answer(self, request: Request) -> Response:
        """Check the key, the toggle and the parameters, in this order (3), then serve one page."""
        try:
            self._admit(request)
            now = seconds(request.now)
            query = self._understand(request.path, request.query, now)
            items, following = self._page(query, now)
            cursor = self._cursor(query, following, now) if following else None
        except ApiError as refused:
            return refused.response()
        return encoder.page(query.dataset, items, cursor, self.settings, query.path == V2)

    def truth(self, path: str, query: Sequence[tuple[str, str]], now: datetime) -> list[bytes]:
        """The exact bytes of every ``data`` item of the complete query at ``now``; ``limit`` and ``page`` do not count.

        :raises ValueError: when the API would refuse the query.
        """
        asked = [(name, value) for name, value in query if name not in ("limit", "page")]
        try:
            understood = self._understand(path, asked, seconds(now))
        except ApiError as refused:
            raise ValueError(str(refused)) from None
        serve = self._member_days if path == V2 else self._buckets
        return [item.encode() for item in serve(understood, seconds(now))]

    def emails(self, now: datetime) -> list[str]:
        """The addresses of the members at ``now``: the values ``user_email`` accepts."""
        return [name for name, member in self._members.items() if not has_left(self._org, member, seconds(now))]

    def _admit(self, request: Request) -> None:
        scheme, _, sent = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(sent.encode(errors="replace"), self._key):
            raise ApiError(401, "unauthorized", "Missing or invalid API key.")
        if not self.settings.enabled:
            raise ApiError(404, "feature_disabled", "The Analytics API is not enabled for this organization.")

    def _understand(self, path: str, asked: Sequence[tuple[str, str]], now: int) -> _Query:
        """Every check of a request: first how it is written, then what it means (3)."""
        if path not in _PARAMETERS:
            raise ApiError(404, "not_found", f"No such path: {path}")
        values = self._values(path, asked)
        dataset = self._dataset(path, values)
        if path == V2:
            _choice(values, "group_by", ("user_email",))
        width = _WIDTHS[_choice(values, "bucket_width", tuple(_WIDTHS), "1d")] if path == V1 else DAY
        start = _time(values, "start_time")
        if start is None:
            raise malformed("start_time is required.")
        sent_end = _time(values, "end_time")
        limit = self._limit(values, *_LIMITS[path, width])
        address = values.get("user_email")
        if address is not None and not _EMAIL.fullmatch(address):
            raise malformed("user_email is not an email address.")

        fingerprint = _fingerprint(path, values)
        place, frozen_end = self._place(values["page"], fingerprint, now) if "page" in values else (None, None)
        end = frozen_end if frozen_end is not None else self._end(start, sent_end, width, now)
        start -= start % width
        member = self._member(address, now)
        return _Query(path, dataset, width, start, end, limit, member, fingerprint, place or _Place(start))

    def _values(self, path: str, asked: Sequence[tuple[str, str]]) -> dict[str, str]:
        values: dict[str, str] = {}
        for name, value in asked:
            if name not in _PARAMETERS[path]:
                if self.settings.unknown_parameter == "reject":
                    raise malformed(f"Unknown parameter: {name}")
                continue
            if name in values and self.settings.repeated_parameter == "reject":
                raise malformed(f"{name} is repeated.")
            values[name] = value
        return values

    def _dataset(self, path: str, values: Mapping[str, str]) -> Dataset:
        offered = {name: row for name, row in datasets(self.settings).items() if path == V1 or row.by_member}
        return offered[_choice(values, "dataset", tuple(offered))]

    def _limit(self, values: Mapping[str, str], default: int, highest: int) -> int:
        sent = values.get("limit")
        if sent is None:
            return default
        if not re.fullmatch(r"-?[0-9]{1,18}", sent):
            raise malformed("limit must be an integer.")
        if not 1 <= int(sent) <= highest and self.settings.limit_out_of_range == "reject":
            raise malformed(f"limit must be between 1 and {highest}.")
        return min(max(int(sent), 1), highest)

    def _end(self, start: int, sent_end: int | None, width: int, now: int) -> int:
        """The exclusive end on the grid: capped at now, snapped down, and never past the frontier (2.5)."""
        if start > (now if sent_end is None else sent_end):
            raise invalid("start_time must not be after end_time.")
        if start == sent_end and self.settings.equal_bounds == "reject":
            raise invalid("start_time must be before end_time.")
        end = now if sent_end is None else min(sent_end, now)
        if end - start > _LONGEST_WINDOW:
            raise invalid("The window must not exceed 90 days.")
        if self.settings.frontier == "watermark":
            end = min(end, watermark(self._org, now))
        return end - end % width

    def _member(self, address: str | None, now: int) -> int | None:
        """One generic refusal for every address that is not a current member's (2.7)."""
        if address is None:
            return None
        member = self._members.get(address)
        if member is None or has_left(self._org, member, now):
            raise invalid(_UNKNOWN_MEMBER)
        return member

    def _page(self, query: _Query, now: int) -> tuple[list[str], _Place | None]:
        """One page of items, and where the next one begins, if there is more."""
        if query.path == V1:
            following = query.place.start + query.limit * query.width
            items = list(self._buckets(query, now, query.limit))
            return items, _Place(following) if following < query.end else None
        items = []
        room = query.limit
        last = query.place
        for day, rows in self._days(query, now):
            if not room:
                return items, last
            shown = rows[:room]
            items.append(self._member_day(day, [row for _, row in shown]))
            room -= len(shown)
            last = _Place(day, shown[-1][0])
            if len(rows) > len(shown):
                return items, last
        return items, None

    def _buckets(self, query: _Query, now: int, limit: int | None = None) -> Iterator[str]:
        synced = watermark(self._org, now)
        for start in range(query.place.start, query.end, query.width)[:limit]:
            day = start - start % DAY
            held = reach(self._org, query.dataset.name, day, now, synced)
            yield self._bucket(query.dataset, start, query.width, query.member, held)

    def _member_days(self, query: _Query, now: int) -> Iterator[str]:
        for day, rows in self._days(query, now):
            yield self._member_day(day, [row for _, row in rows])

    def _member_day(self, day: int, rows: Sequence[str]) -> str:
        return encoder.member_day(day, day + DAY, rows, self.settings)

    def _days(self, query: _Query, now: int) -> Iterator[tuple[int, Sequence[tuple[int, str]]]]:
        """Each day with the rows not served yet; days without rows are omitted (5)."""
        synced = watermark(self._org, now)
        for day in range(query.place.start, query.end, DAY):
            rows: Sequence[tuple[int, str]] = self._day_rows(
                query.dataset, day, reach(self._org, query.dataset.name, day, now, synced)
            )
            if not self.settings.removed_rows:
                rows = [row for row in rows if not has_left(self._org, row[0], now)]
            if day == query.place.start:
                rows = [row for row in rows if row[0] > query.place.after]
            if rows:
                yield day, rows

    def _spell_bucket(self, dataset: Dataset, start: int, width: int, member: int | None, held: Reach) -> str:
        day = start - start % DAY
        hours = range(start, min(start + width, day + held.hours * HOUR), HOUR)
        if dataset.name == "daily_active_users":
            usage = active_users(self._org, dataset, hours, held.kept, member)
        elif member is None:
            usage = organization_usage(self._org, dataset, hours, held.kept)
        else:
            nothing = Usage(0, tuple((0,) * len(axis.titles) for axis in dataset.axes))
            usage = member_usages(self._org, dataset, hours, held.kept, member).get(member, nothing)
        return encoder.bucket(self._org, dataset, start, start + width, usage)

    def _spell_day_rows(self, dataset: Dataset, day: int, held: Reach) -> tuple[tuple[int, str], ...]:
        usages = member_usages(self._org, dataset, range(day, day + held.hours * HOUR, HOUR), held.kept)
        return tuple(
            (member, encoder.member_row(self._org, dataset, day, member, usage)) for member, usage in usages.items()
        )

    def _cursor(self, query: _Query, place: _Place, now: int) -> str:
        end = query.end if self.settings.omitted_end == "freeze" else None
        facts = {"v": _CURSOR_VERSION, "q": query.fingerprint, "n": place.start, "a": place.after, "e": end, "i": now}
        return self._sign(json.dumps(facts, separators=(",", ":")).encode())

    def _sign(self, facts: bytes) -> str:
        seal = hmac.digest(self._secret, facts, "sha256")[:16]
        return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in (facts, seal))

    def _place(self, cursor: str, fingerprint: str, now: int) -> tuple[_Place, int | None]:
        """Where a cursor points, and the end it froze; anything but our own cursor for this query is refused (2.6)."""
        refusal = invalid("page is not a cursor of this query.")
        encoded = cursor.partition(".")[0]
        try:
            facts = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except ValueError:
            raise refusal from None
        # Signing what was read again refuses other spellings of the same bytes as well.
        if not hmac.compare_digest(self._sign(facts).encode(), cursor.encode(errors="replace")):
            raise refusal
        known = json.loads(facts)
        if known["v"] != _CURSOR_VERSION or known["q"] != fingerprint:
            raise refusal
        lifetime = self.settings.cursor_lifetime
        if lifetime is not None and now - known["i"] > lifetime.total_seconds():
            raise invalid("page has expired.")
        return _Place(known["n"], known["a"]), known["e"]


def _fingerprint(path: str, values: Mapping[str, str]) -> str:
    """What must stay identical from page to page: every other parameter as it was sent, ``limit`` too (2.6)."""
    others = sorted((name, value) for name, value in values.items() if name != "page")
    return hashlib.sha256(json.dumps([path, others]).encode()).hexdigest()[:16]


def _choice(values: Mapping[str, str], name: str, allowed: Sequence[str], default: str | None = None) -> str:
    value = values.get(name, default)
    if value is None:
        raise malformed(f"{name} is required.")
    if value not in allowed:
        raise malformed(f"{name} must be one of: {', '.join(allowed)}.")
    return value


def _time(values: Mapping[str, str], name: str) -> int | None:
    """Unix seconds of at most 18 digits; a sign, a fraction or a date is malformed (2.1)."""
    value = values.get(name)
    if value is None:
        return None
    if not re.fullmatch(r"[0-9]{1,18}", value):
        raise malformed(f"{name} must be unix seconds, an integer not below 0.")
    return int(value)
