# SPDX-License-Identifier: Apache-2.0
"""Rows of ``/users`` and ``/summaries`` (contract sections 7.1 and 7.2), from the days of activity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Protocol

from ..json_text import compact
from . import users
from .activity import Activity, Day, bits
from .encoder import JsonEncoder
from .engagement_query import EngagementQuery
from .errors import invalid
from .organization import CHAT, CODE, COWORK, DESIGN, OFFICE, SCIENCE, Organization
from .settings import ClaudeSettings
from .usage import project_uses

Shrunk = Mapping[date, float]
_SPLIT = (
    ("chat", CHAT),
    ("claude_code", CODE),
    ("claude_design", DESIGN),
    ("office_agent", OFFICE),
    ("science", SCIENCE),
)


class Rows(Protocol):
    """Renders the rows of an engagement endpoint."""

    def complete(self, query: EngagementQuery, era: str, shrunk: Shrunk) -> list[bytes]:
        """All rows of the query, in order."""


class Filters:
    """The filters on members: their groups on a day, and user ids.

    :param organization: the organization of the members.
    :param wanted: the filters of the query.
    """

    def __init__(self, organization: Organization, wanted: Mapping[str, frozenset[str]]) -> None:
        groups = wanted.get("rbac_group_id")
        self.groups = (
            None if groups is None else [g.index for g in organization.groups if groups & {g.id, g.display_name}]
        )
        ids = wanted.get("user_id")
        self._users: int | None = None
        if ids is not None:
            self._users = sum(1 << m.index for m in organization.members if m.id in ids)

    def mask(self, activity: Activity, day: date) -> int:
        """The members that pass, as a bit mask; -1 without a filter."""
        found = -1 if self._users is None else self._users
        if self.groups is not None:
            group_masks, members = activity.group_masks(day), 0
            for group in self.groups:
                members |= group_masks[group]
            found &= members
        return found


class UserRows:
    """Renders ``/users``.

    :param activity: the organization's days.
    :param settings: which metrics are disabled or missing.
    :param encoder: encodes the rows.
    """

    def __init__(self, activity: Activity, settings: ClaudeSettings, encoder: JsonEncoder) -> None:
        self._activity = activity
        self._org = activity.organization
        self._settings = settings
        self._encoder = encoder

    def complete(self, query: EngagementQuery, era: str, shrunk: Shrunk) -> list[bytes]:
        """All rows of the query, in order."""
        filters = dict(query.filters)
        collected = (
            self._in_projects(query, filters, shrunk)
            if "project_id" in filters
            else self._collect(query, Filters(self._org, filters), shrunk)
        )
        rows: list[tuple[int | None, int | None, Sequence[int | None], date, int]] = []
        for (member, group), (parts, last, people) in collected.items():
            numbers: Sequence[int | None] = parts[0] if len(parts) == 1 else users.combine(parts, days=len(query.days))
            numbers = users.null_disabled(
                numbers, plugins=self._settings.plugin_metrics, edits=self._settings.file_edit_metrics
            )
            rows.append((member, group, numbers, last, people.bit_count()))
        rows.sort(key=lambda row: self._name(row[0], row[1]))
        if query.order_by != "email_address":
            at = users.INDEX.get(query.order_by)
            if at is None:
                raise invalid(f"order_by: unsupported value {query.order_by!r}.")
            rows.sort(key=lambda row: row[2][at] or 0, reverse=query.descending)
        elif query.descending:
            rows.reverse()
        grouped = bool(query.groups)
        return [
            self._row(member, group, numbers, last, count, era, grouped) for member, group, numbers, last, count in rows
        ]

    def _name(self, member: int | None, group: int | None) -> tuple[str, str]:
        if member is not None:
            return (self._org.members[member].email, self._org.members[member].id)
        return (self._org.groups[group].name, "") if group is not None else ("\U0010ffff", "")

    def _collect(
        self, query: EngagementQuery, filters: Filters, shrunk: Shrunk
    ) -> dict[tuple[int | None, int | None], tuple[list[list[int]], date, int]]:
        """The numbers of each member, or of each group, with the last active day and a mask of the members."""
        found: dict[tuple[int | None, int | None], tuple[list[list[int]], date, int]] = {}
        for day in query.days:
            one = self._activity.day(day, shrunk.get(day, 1.0))
            flags = [bin(mask)[:1:-1] for mask in one.masks[:6]]
            for member in bits(one.everyone & filters.mask(self._activity, day)):
                active = [len(flag) > member and flag[member] == "1" for flag in flags]
                numbers = users.numbers(one.block(member), active, day)
                if day in query.uncorrected:
                    numbers[users.INDEX["web_search_count"]] //= 2
                for key in self._keys(query, member, day):
                    parts, _, people = found.get(key, ([], day, 0))
                    parts.append(numbers)
                    found[key] = (parts, day, people | 1 << member if query.groups else 1)
        return found

    def _keys(self, query: EngagementQuery, member: int, day: date) -> list[tuple[int | None, int | None]]:
        if not query.groups:
            return [(member, None)]
        groups = self._org.members[member].groups_on(day, len(self._org.groups))
        return [(None, group) for group in groups] or [(None, None)]

    def _in_projects(
        self, query: EngagementQuery, filters: Mapping[str, frozenset[str]], shrunk: Shrunk
    ) -> dict[tuple[int | None, int | None], tuple[list[list[int]], date, int]]:
        """Only the chat activity in the projects of the filter (contract section 7.0)."""
        found: dict[tuple[int | None, int | None], tuple[list[list[int]], date, int]] = {}
        wanted = {p.index for p in self._org.projects if p.id in filters["project_id"]}
        members = Filters(self._org, filters)
        for day in query.days:
            one = self._activity.day(day, shrunk.get(day, 1.0))
            mask = members.mask(self._activity, day)
            for use in project_uses(self._org, one):
                if use.entity not in wanted or not mask >> use.member & 1:
                    continue
                numbers = [0] * len(users.FIELDS)
                numbers[users.INDEX["chat_metrics.distinct_conversation_count"]] = use.sessions
                numbers[users.INDEX["chat_metrics.message_count"]] = use.calls
                numbers[users.INDEX["chat_metrics.distinct_projects_used_count"]] = 1
                parts, _, _ = found.get((use.member, None), ([], day, 0))
                parts.append(numbers)
                found[use.member, None] = (parts, day, 1)
        return found

    def _row(
        self,
        member: int | None,
        group: int | None,
        numbers: Sequence[int | None],
        last: date,
        count: int,
        era: str,
        grouped: bool,
    ) -> bytes:
        text, wanted = users.template(era, self._settings.unified)
        identity = f"users{member}{group}{last}"
        head = '"user":null,'
        if member is not None:
            person = self._org.members[member]
            email = self._encoder.string(person.email, identity)
            head = f'"user":{{"id":"{person.id}","email":{email}' + ("}," if era == "A" else ',"type":"user"},')
            if era == "C":
                deprecated_email = f',"email":{email}' if self._settings.deprecated_email else ""
                head = f'"user":{{"type":"user","id":"{person.id}","email_address":{email}{deprecated_email}}},'
        filled = text % tuple("null" if numbers[at] is None else numbers[at] for at in wanted)
        tail = ""
        if era != "A":
            tail = f',"distinct_user_count":{count if grouped else "null"},"last_activity_date":"{last}"'
        if era == "C" and self._settings.claude_tag:
            days = "null" if member is None or member % 3 == 0 else str(member % 2)
            tail += (
                f',"claude_tag_metrics":{{"active_day_count":{days},"active_message_count":{days}}}'
                if member is None or member % 5
                else ',"claude_tag_metrics":null'
            )
        if grouped:
            entity = self._org.groups[group] if group is not None else None
            group_name = self._encoder.string(entity.name, identity) if entity else "null"
            tail += f',"rbac_group_id":{compact(entity.id if entity else None)},"rbac_group_name":{group_name}'
        return self._encoder.item(self._encoder.add_unknown_field("{" + head + filled + tail + "}", identity))


class SummaryRows:
    """Renders ``/summaries``: one row a day, on one page.

    :param activity: the organization's days.
    :param settings: which optional fields the rows have.
    :param encoder: encodes the rows.
    """

    def __init__(self, activity: Activity, settings: ClaudeSettings, encoder: JsonEncoder) -> None:
        self._activity = activity
        self._settings = settings
        self._encoder = encoder

    def complete(self, query: EngagementQuery, era: str, shrunk: Shrunk) -> list[bytes]:
        """A row per day, oldest first."""
        filters = Filters(self._activity.organization, dict(query.filters))
        return [self._encoder.item(self._row(day, filters, era, shrunk)) for day in query.days]

    def _counts(self, day: date, filters: Filters, shrunk: Shrunk, product: int | None, month: int = 30) -> list[int]:
        """The number of members active on the day, in the week and in the month that end with it."""
        found, counts = 0, []
        for back in range(month):
            past = day - timedelta(days=back)
            one: Day = self._activity.day(past, shrunk.get(past, 1.0))
            found |= (one.everyone if product is None else one.masks[product]) & filters.mask(self._activity, past)
            if back in (0, 6, month - 1):
                counts.append(found.bit_count())
        return counts

    def _row(self, day: date, filters: Filters, era: str, shrunk: Shrunk) -> str:
        org, grouped = self._activity.organization, filters.groups is not None
        everyone = self._counts(day, filters, shrunk, None)
        seats = sum(member.present(day) for member in org.members) + org.size // 20
        names = ("starting_date", "ending_date") if era == "A" else ("starting_at", "ending_at")
        stamp = "" if era == "A" else "T00:00:00Z"
        row: dict[str, Any] = {names[0]: f"{day}{stamp}", names[1]: f"{day + timedelta(days=1)}{stamp}"}
        row |= dict(zip(_named(""), everyone, strict=True))
        for period, count in zip(("daily", "weekly", "monthly"), everyone, strict=True):
            row[f"{period}_adoption_rate"] = None if grouped or not seats else f"@{rate(count, seats)}@"
        row["assigned_seat_count"] = None if grouped else seats
        row["pending_invite_count"] = None if grouped else org.draw(15, "invites", day)
        row |= dict(zip(_named("cowork_"), self._counts(day, filters, shrunk, COWORK), strict=True))
        if era != "A" and self._settings.product_split:
            for name, product in _SPLIT:
                row |= dict(zip(_named(f"{name}_"), self._counts(day, filters, shrunk, product), strict=True))
            row["science_entitled_user_count"] = None if grouped else seats // 2
        if era == "C" and self._settings.unified:
            row |= dict.fromkeys(_named("chat_cowork_unified_"), 0)
        if era == "C" and self._settings.claude_tag:
            slack = [None] * 3 if grouped else [org.draw(5, "slack", day) + n for n in (3, 9, 21)]
            row |= dict(zip(_named("claude_tag_"), slack, strict=True))
        # The vendor's rates have trailing zeros, which a float loses; they pass the encoder as marked strings.
        return self._encoder.record(row, f"summary{day}").replace('"@', "").replace('@"', "")


def _named(prefix: str) -> tuple[str, str, str]:
    return (
        f"{prefix}daily_active_user_count",
        f"{prefix}weekly_active_user_count",
        f"{prefix}monthly_active_user_count",
    )


def rate(count: int, seats: int) -> str:
    """Percent of seats: with one decimal if that is exact (``36.0``), otherwise four (``33.3333``, ``62.5000``)."""
    tenths, rest = divmod(count * 1000, seats)
    if not rest:
        return f"{tenths // 10}.{tenths % 10}"
    parts = (count * 2_000_000 + seats) // (2 * seats)
    return f"{parts // 10_000}.{parts % 10_000:04d}"
