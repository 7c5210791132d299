# SPDX-License-Identifier: Apache-2.0
"""The simulated Perplexity Computer Analytics API: requests in, exact bytes out.

Section numbers are those of the wire contract.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache

from ..http import Request, Response
from . import encoder
from .cursors import CursorCodec, Position
from .errors import ApiError
from .organization import DAY, HOUR, Dataset, Organization, SyncState, email, has_left, seconds, sync_state, watermark
from .parameters import V1, V2, Query, QueryParser
from .settings import PerplexitySettings
from .usage import Usage, active_users, member_usages, organization_usage

__all__ = ["V1", "V2", "PerplexityApi", "PerplexitySettings"]

_PREFIXES = ("/v1/analytics/", "/v2/analytics/")
_DEFAULTS = PerplexitySettings()


class PerplexityApi:
    """The analytics API of one organization. It caches encoded records; requests change no other state.

    :param seed: generates the organization and all of its activity.
    :param members: how many members there are, including the one that leaves.
    :param key: the organization's only active key (1).
    :param settings: the behaviour that section 7 leaves open.
    :param shrunk: for days that a fault makes smaller, the share that remains; may change at any time.
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
        self._members = {email(self._org, member): member for member in range(members)}
        self._cursors = CursorCodec(seed, settings.cursor_lifetime)
        self._parser = QueryParser(self._org, self._members, self._cursors)
        self._bucket = lru_cache(maxsize=8192)(self._encode_bucket)
        self._day_rows = lru_cache(maxsize=32)(self._encode_day_rows)

    def serves(self, path: str) -> bool:
        """Whether the path is one of this vendor's analytics paths, known or not."""
        return path.startswith(_PREFIXES)

    def respond(self, request: Request) -> Response:
        """Check the key, the toggle and the parameters, in this order (3), then serve one page."""
        try:
            self._authenticate(request)
            now = seconds(request.now)
            query = self._parser.parse(request.path, request.query, now)
            items, following = self._page(query, now)
        except ApiError as error:
            return error.response()
        cursor = None
        if following:
            pinned_end = query.end if self.settings.omitted_end == "freeze" else None
            cursor = self._cursors.encode(following, query.fingerprint, pinned_end, now)
        return encoder.page(query.dataset, items, cursor, self.settings, query.path == V2)

    def truth(self, path: str, query: Sequence[tuple[str, str]], now: datetime) -> list[bytes]:
        """The exact bytes of every ``data`` item of a query at ``now``, from all pages; ``limit`` is ignored.

        :raises ValueError: when the API would reject the query.
        """
        pairs = [(name, value) for name, value in query if name not in ("limit", "page")]
        try:
            parsed = self._parser.parse(path, pairs, seconds(now))
        except ApiError as error:
            raise ValueError(str(error)) from None
        items = self._member_days if path == V2 else self._buckets
        return [item.encode() for item in items(parsed, seconds(now))]

    def emails(self, now: datetime) -> list[str]:
        """The addresses of the members at ``now``: the values that ``user_email`` accepts."""
        return [name for name, member in self._members.items() if not has_left(self._org, member, seconds(now))]

    def _authenticate(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.encode(errors="replace"), self._key):
            raise ApiError(401, "unauthorized", "Missing or invalid API key.")
        if not self.settings.enabled:
            raise ApiError(404, "feature_disabled", "The Analytics API is not enabled for this organization.")

    def _page(self, query: Query, now: int) -> tuple[list[str], Position | None]:
        """The items of one page, and where the next page starts, if there is one."""
        if query.path == V1:
            following = query.position.start + query.limit * query.width
            items = list(self._buckets(query, now, query.limit))
            return items, Position(following) if following < query.end else None
        items = []
        remaining = query.limit
        last = query.position
        for day, rows in self._days(query, now):
            if not remaining:
                return items, last
            served = rows[:remaining]
            items.append(self._member_day(day, [row for _, row in served]))
            remaining -= len(served)
            last = Position(day, served[-1][0])
            if len(rows) > len(served):
                return items, last
        return items, None

    def _buckets(self, query: Query, now: int, limit: int | None = None) -> Iterator[str]:
        synced_until = watermark(self._org, now)
        for start in range(query.position.start, query.end, query.width)[:limit]:
            state = sync_state(self._org, query.dataset.name, start - start % DAY, now, synced_until)
            yield self._bucket(query.dataset, start, query.width, query.member, state)

    def _member_days(self, query: Query, now: int) -> Iterator[str]:
        for day, rows in self._days(query, now):
            yield self._member_day(day, [row for _, row in rows])

    def _member_day(self, day: int, rows: Sequence[str]) -> str:
        return encoder.member_day(day, day + DAY, rows, self.settings)

    def _days(self, query: Query, now: int) -> Iterator[tuple[int, Sequence[tuple[int, str]]]]:
        """Each day with its rows that no earlier page had; days without rows are omitted (5)."""
        synced_until = watermark(self._org, now)
        for day in range(query.position.start, query.end, DAY):
            state = sync_state(self._org, query.dataset.name, day, now, synced_until)
            rows: Sequence[tuple[int, str]] = self._day_rows(query.dataset, day, state)
            if not self.settings.removed_rows:
                rows = [row for row in rows if not has_left(self._org, row[0], now)]
            if day == query.position.start:
                rows = [row for row in rows if row[0] > query.position.after]
            if rows:
                yield day, rows

    def _encode_bucket(self, dataset: Dataset, start: int, width: int, member: int | None, state: SyncState) -> str:
        day = start - start % DAY
        hours = range(start, min(start + width, day + state.hours * HOUR), HOUR)
        if dataset.name == "daily_active_users":
            usage = active_users(self._org, dataset, hours, state.thousandths, member)
        elif member is None:
            usage = organization_usage(self._org, dataset, hours, state.thousandths)
        else:
            nothing = Usage(0, tuple((0,) * len(axis.titles) for axis in dataset.axes))
            usage = member_usages(self._org, dataset, hours, state.thousandths, member).get(member, nothing)
        return encoder.bucket(self._org, dataset, start, start + width, usage)

    def _encode_day_rows(self, dataset: Dataset, day: int, state: SyncState) -> tuple[tuple[int, str], ...]:
        hours = range(day, day + state.hours * HOUR, HOUR)
        usages = member_usages(self._org, dataset, hours, state.thousandths)
        return tuple(
            (member, encoder.member_row(self._org, dataset, day, member, usage)) for member, usage in usages.items()
        )
