# SPDX-License-Identifier: Apache-2.0
"""Rows of projects, skills, connectors, plugins and artifacts (contract sections 7.3 to 7.7), from members' uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from . import usage
from .activity import Activity, Day
from .consumption import money
from .encoder import JsonEncoder
from .engagement import Filters, Shrunk
from .engagement_query import EngagementQuery
from .errors import invalid
from .exports import instant
from .organization import CHAT, CODE, COWORK, OFFICE, Entity, Organization
from .settings import ClaudeSettings
from .usage import Use

_PRODUCTS = {CHAT: "chat", CODE: "claude_code", COWORK: "cowork", OFFICE: "office_agent"}
_APPLICATIONS = ("excel", "powerpoint", "word", "outlook")
_CALLS_SINCE = date(2026, 5, 29)
_AUTH_SINCE = date(2026, 7, 1)
_OFFICE_COST_SINCE = date(2026, 6, 18)

Group = tuple[str | None, ...]


@dataclass(slots=True)
class Tally:
    """The use of one entity in one group of the query's dimensions."""

    entity: int
    group: Group
    product: int | None
    members: set[int] = field(default_factory=set)
    sessions: dict[tuple[int, int], int] = field(default_factory=dict)
    calls: int = 0
    extra: int = 0
    installers: set[int] = field(default_factory=set)

    def add(self, use: Use) -> None:
        """Count one member's use."""
        self.members.add(use.member)
        application = use.extra if use.product == OFFICE else 0
        key = (use.product, application)
        self.sessions[key] = self.sessions.get(key, 0) + use.sessions
        self.calls += use.calls
        self.extra += use.extra
        if not use.sessions:
            self.installers.add(use.member)

    def on(self, product: int, application: int = 0) -> int:
        """Sessions on one surface."""
        return self.sessions.get((product, application), 0)


_SOURCES: dict[str, Callable[[Organization, Day], Iterator[Use]]] = {
    "apps/chat/projects": usage.project_uses,
    "skills": usage.skill_uses,
    "connectors": usage.connector_uses,
    "plugins": usage.plugin_uses,
    "artifacts": usage.artifact_uses,
}


class EntityRows:
    """Renders the five endpoints whose rows are entities, not members.

    :param activity: the organization's days.
    :param settings: which optional fields the rows have.
    :param encoder: encodes the rows.
    """

    def __init__(self, activity: Activity, settings: ClaudeSettings, encoder: JsonEncoder) -> None:
        self._activity = activity
        self._org = activity.organization
        self._settings = settings
        self._encoder = encoder

    def complete(self, query: EngagementQuery, era: str, shrunk: Shrunk) -> list[bytes]:
        """All rows of the query, in order."""
        row = {
            "apps/chat/projects": self._project,
            "skills": self._skill,
            "connectors": self._connector,
            "plugins": self._plugin,
            "artifacts": self._artifact,
        }[query.endpoint]
        tallies = sorted(self._tally(query, shrunk), key=lambda t: (t.entity, tuple(v or "" for v in t.group)))
        rows = [(row(tally, query, era), tally) for tally in tallies]
        name = next(iter(rows[0][0])) if rows else ""
        if query.order_by and query.order_by != name and rows:
            rows.sort(key=lambda row: _metric(row[0], query.order_by), reverse=query.descending)
        elif query.endpoint != "artifacts":
            rows.sort(key=lambda row: str(row[0][name]), reverse=query.descending)
        return [
            self._encoder.item(
                self._encoder.record(
                    {**record, **self._keys(query, tally)}, f"{query.endpoint}{tally.entity}{tally.group}{query.start}"
                )
            )
            for record, tally in rows
        ]

    def _tally(self, query: EngagementQuery, shrunk: Shrunk) -> list[Tally]:
        filters = dict(query.filters)
        members, entities, found = Filters(self._org, filters), self._entities(query.endpoint, filters), {}
        products = filters.get("product")
        for day in query.days:
            activity, mask = self._activity.day(day, shrunk.get(day, 1.0)), members.mask(self._activity, day)
            for use in _SOURCES[query.endpoint](self._org, activity):
                if not mask >> use.member & 1 or (entities is not None and use.entity not in entities):
                    continue
                if products is not None and _PRODUCTS[use.product] not in products:
                    continue
                for group in self._groups(query, use, day):
                    key = (use.entity, group)
                    if key not in found:
                        found[key] = Tally(use.entity, group, use.product)
                    found[key].add(use)
        return list(found.values())

    def _groups(self, query: EngagementQuery, use: Use, day: date) -> Iterator[Group]:
        person = self._org.members[use.member]
        groups: tuple[int | None, ...] = (None,)
        if "rbac_group_id" in query.groups:
            groups = person.groups_on(day, len(self._org.groups)) or (None,)
        for group in groups:
            values: dict[str, str | None] = {
                "product": _PRODUCTS[use.product],
                "rbac_group_id": None if group is None else self._org.groups[group].id,
                "user_id": person.id,
            }
            yield tuple(values[name] for name in query.groups)

    def _keys(self, query: EngagementQuery, tally: Tally) -> dict[str, Any]:
        """The fields of a grouped row that identify its group (contract section 7.0)."""
        found: dict[str, Any] = {}
        for name, value in zip(query.groups, tally.group, strict=True):
            found[name] = value
            if name == "rbac_group_id":
                found["rbac_group_name"] = next((g.name for g in self._org.groups if g.id == value), None)
        return found

    def _entities(self, endpoint: str, filters: Mapping[str, frozenset[str]]) -> set[int] | None:
        """The entities that pass the filters on names, ids and types; None without such a filter."""
        tests: list[set[int]] = []
        if ids := filters.get("project_id"):
            tests.append({p.index for p in self._org.projects if p.id in ids})
        if names := filters.get("skill_name"):
            tests.append(_by_name(self._org.skills, names))
        if names := filters.get("connector_name"):
            tests.append(_by_name(self._org.connectors, names))
        if names := filters.get("plugin_name"):
            tests.append(_by_name(self._org.plugins, names))
        if statuses := filters.get("share_status"):
            tests.append({s.index for s in self._org.skills if s.status in statuses})
        if kinds := filters.get("artifact_type"):
            tests.append({n * 2 + s for n, kind in enumerate(usage.ARTIFACT_TYPES) for s in (0, 1) if kind in kinds})
        if shares := filters.get("is_shared"):
            tests.append({n for n in range(2 * len(usage.ARTIFACT_TYPES)) if str(bool(n % 2)).lower() in shares})
        return set.intersection(*tests) if tests else None

    def _project(self, tally: Tally, query: EngagementQuery, era: str) -> dict[str, Any]:
        project = self._org.projects[tally.entity]
        renamed = project.renamed_on is not None and query.end > project.renamed_on
        row: dict[str, Any] = {
            "project_id": project.id,
            "project_name": f"{project.name} (neu)" if renamed else project.name,
            "distinct_user_count": len(tally.members),
            "distinct_conversation_count": tally.on(CHAT) if not query.ranged else None,
            "message_count": tally.calls,
        }
        if era == "A":
            return row
        created_at = datetime.combine(project.created, time(9, project.index % 60), UTC)
        row["created_at"] = None if project.status else instant(created_at)
        row["created_by"] = None
        if project.creator is not None and not project.status:
            person = self._org.members[project.creator]
            email = "email_address" if era == "C" else "email"
            row["created_by"] = {"type": "user", "id": person.id, email: person.email}
        return row

    def _per_surface(self, tally: Tally, noun: str, era: str) -> dict[str, Any]:
        """The distinct counts per product, which skills and connectors have in common."""
        applications = _APPLICATIONS[:2] if era == "A" else _APPLICATIONS
        session = f"distinct_session_{noun}_used_count"
        return {
            "chat_metrics": {f"distinct_conversation_{noun}_used_count": tally.on(CHAT)},
            "claude_code_metrics": {session: tally.on(CODE)},
            "cowork_metrics": {session: tally.on(COWORK)},
            "office_metrics": {app: {session: tally.on(OFFICE, n)} for n, app in enumerate(applications)},
        }

    def _unified(self, row: dict[str, Any], noun: str, era: str) -> dict[str, Any]:
        if self._settings.unified and era == "C":
            row["chat_cowork_unified_metrics"] = {
                "chat": {f"distinct_conversation_{noun}_used_count": 0},
                "sessions": {f"distinct_session_{noun}_used_count": 0},
            }
        return row

    def _skill(self, tally: Tally, query: EngagementQuery, era: str) -> dict[str, Any]:
        skill = self._org.skills[tally.entity]
        row: dict[str, Any] = {"skill_name": skill.id}
        plain = not query.ranged and not query.groups
        if era != "A":
            row |= {"skill_display_name": skill.display_name, "share_status": skill.status}
        row["distinct_user_count"] = len(tally.members)
        if era != "A":
            row |= {"invocation_count": tally.calls, "enable_count": len(tally.members) // 3 if plain else None}
        row |= self._per_surface(tally, "skill", era)
        if era == "A":
            return row
        product = tally.product if "product" in query.groups else None
        has_no_price = (
            product == CHAT or (product == OFFICE and query.start < _OFFICE_COST_SINCE) or skill.id == "unknown"
        )
        list_price = tally.calls * 1_370_250 + len(tally.members) * 500_000
        row["estimated_overage_spend"] = (
            None if has_no_price or skill.index % 3 == 0 else money(list_price // 2).rstrip("0").rstrip(".")
        )
        row["attributed_list_price"] = None if has_no_price else money(list_price).rstrip("0").rstrip(".")
        row["currency"] = None if has_no_price else "USD"
        return self._unified(row, "skill", era)

    def _connector(self, tally: Tally, query: EngagementQuery, era: str) -> dict[str, Any]:
        connector = self._org.connectors[tally.entity]
        row: dict[str, Any] = {"connector_name": connector.id}
        if era != "A":
            row["connector_display_name"] = connector.display_name
        row["distinct_user_count"] = len(tally.members)
        row |= self._per_surface(tally, "connector", era)
        if era == "A":
            return row
        reads, writes = tally.calls * 6 // 10, tally.calls // 10
        has_calls = query.start >= _CALLS_SINCE
        row["read_call_count"] = reads if has_calls else None
        row["write_call_count"] = writes if has_calls else None
        row["unclassified_call_count"] = tally.calls - reads - writes if has_calls else None
        has_auth_counts = query.start >= _AUTH_SINCE and not query.uncorrected
        row["managed_auth_distinct_user_count"] = len(tally.members) // 2 if has_auth_counts else None
        row["individual_auth_distinct_user_count"] = (2 * len(tally.members) + 2) // 3 if has_auth_counts else None
        return self._unified(row, "connector", era)

    def _plugin(self, tally: Tally, query: EngagementQuery, era: str) -> dict[str, Any]:
        plugin = self._org.plugins[tally.entity]
        session = "distinct_session_plugin_used_count"
        row: dict[str, Any] = {
            "plugin_name": plugin.id,
            "plugin_id": plugin.display_name,
            "distinct_user_count": len(tally.members),
            "install_count": None if query.ranged else len(tally.installers),
            "invocation_count": tally.calls,
            "cowork_metrics": {session: tally.on(COWORK)},
            "claude_code_metrics": {session: tally.on(CODE)},
        }
        if self._settings.unified and era == "C":
            row["chat_cowork_unified_metrics"] = {session: 0}
        return row

    def _artifact(self, tally: Tally, query: EngagementQuery, era: str) -> dict[str, Any]:
        return {
            "artifact_type": usage.ARTIFACT_TYPES[tally.entity // 2],
            "is_shared": bool(tally.entity % 2),
            "artifacts_created_count": tally.calls,
            "published_artifacts_created_count": tally.extra,
            "distinct_user_count": len(tally.members),
        }


def _normal(name: str) -> str:
    """A connector's name without differences in case, separators, ``mcp`` and ``server`` (contract section 7.5)."""
    words = name.lower().replace("_", " ").replace("-", " ").split()
    return "_".join(word for word in words if word not in ("mcp", "server"))


def _by_name(entities: tuple[Entity, ...], names: frozenset[str]) -> set[int]:
    """The entities with one of the names or display names, ignoring case (contract section 7.0)."""
    accepted = {name.lower() for name in names} | {_normal(name) for name in names}
    return {e.index for e in entities if {e.id.lower(), (e.display_name or "").lower()} & accepted}


def _metric(record: dict[str, Any], path: str) -> float:
    """The number at a dotted path.

    :raises ApiError: when there is no number, for rows cannot be ordered by it.
    """
    value: Any = record
    for word in path.split("."):
        if not isinstance(value, dict) or word not in value:
            raise invalid(f"order_by: unsupported value {path!r}.")
        value = value[word]
    if isinstance(value, dict | bool) or (isinstance(value, str) and not value.replace(".", "").isdigit()):
        raise invalid(f"order_by: unsupported value {path!r}.")
    return float(value or 0)
