# SPDX-License-Identifier: Apache-2.0
"""Which member used which project, skill, connector, plugin and artifact type on a day; equals the users' numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from .activity import (
    ARTIFACTS_SINCE,
    SURFACES,
    Day,
    SurfaceCounts,
    bits,
    chat_counts,
    chat_messages,
    office_application,
)
from .organization import CHAT, CODE, COWORK, Entity, Organization
from .users import INDEX, numbers

ARTIFACT_TYPES = (
    "text/markdown",
    "text/html",
    "application/vnd.ant.react",
    "image/svg+xml",
    "application/vnd.ant.code",
    "application/vnd.ant.mermaid",
    "text/csv",
    "other",
)

_CREATED = {
    CHAT: INDEX["chat_metrics.distinct_artifacts_created_count"],
    CODE: INDEX["claude_code_metrics.core_metrics.artifacts_created_count"],
    COWORK: INDEX["cowork_metrics.artifacts_created_count"],
}


class Use(NamedTuple):
    """One member's use of one entity on one surface.

    :param entity: the index of the project, skill, connector or plugin; of artifacts, twice the index of the type, and
        one more when they are shared.
    :param calls: messages, invocations, calls or artifacts created, depending on the endpoint.
    :param extra: of artifacts, how many are published; of other uses in Office, the index of the application.
    """

    member: int
    entity: int
    product: int
    sessions: int
    calls: int
    extra: int


def project_uses(org: Organization, day: Day) -> Iterator[Use]:
    """Chat in projects. A member has at most as many messages in projects as messages."""
    count = len(org.projects)
    for member in bits(day.masks[CHAT]):
        b = day.block(member)
        conversations = chat_counts(b).sessions
        for nth in range(min(conversations, b[4] % 3)):
            entity = (member * 7 + nth * (1 + b[51] % 5)) % count
            yield Use(member, entity, CHAT, max(1, conversations // 2 - nth), max(1, chat_messages(b) // (nth + 2)), 0)


def _surface_uses(
    org: Organization,
    day: Day,
    entities: tuple[Entity, ...],
    count: Callable[[SurfaceCounts], tuple[int, int]],
    salt: int,
) -> Iterator[Use]:
    for product, counts_of in SURFACES:
        for member in bits(day.masks[product]):
            b = day.block(member)
            counts = counts_of(b)
            distinct, calls = count(counts)
            for nth in range(distinct):
                entity = (member % 4 + b[salt] % 5 + nth * 3) % len(entities)
                yield Use(member, entity, product, max(1, counts.sessions - nth), calls, office_application(b))


def skill_uses(org: Organization, day: Day) -> Iterator[Use]:
    """Uses of skills."""
    return _surface_uses(org, day, org.skills, lambda u: (u.skills, u.skill_calls), 51)


def connector_uses(org: Organization, day: Day) -> Iterator[Use]:
    """Uses of connectors."""
    return _surface_uses(org, day, org.connectors, lambda u: (u.connectors, u.connector_calls), 49)


def plugin_uses(org: Organization, day: Day) -> Iterator[Use]:
    """Uses of plugins in Claude Code and Cowork, and a few plugins that were installed and not used."""
    yield from _surface_uses(org, day, org.plugins, lambda u: (u.plugins, u.plugin_calls), 48)
    for product in (CODE, COWORK):
        for member in bits(day.masks[product]):
            b = day.block(member)
            if b[63] > 235:
                yield Use(member, b[62] % len(org.plugins), product, 0, 0, 1)


def artifact_uses(org: Organization, day: Day) -> Iterator[Use]:
    """Created artifacts. Those of Claude Code and Cowork are HTML, and counted from a certain day (section 7.7)."""
    for product, mask in ((CHAT, day.masks[CHAT]), (CODE, day.masks[CODE]), (COWORK, day.masks[COWORK])):
        if product != CHAT and day.date < ARTIFACTS_SINCE:
            continue
        for member in bits(mask):
            b = day.block(member)
            active = [product == p for p in range(7)]
            created = numbers(b, active, day.date)[_CREATED[product]]
            if created:
                type_index = b[47] % len(ARTIFACT_TYPES) if product == CHAT else 1
                is_shared = int(b[46] < 80)
                yield Use(
                    member, type_index * 2 + is_shared, product, 1, created, b[45] % (created + 1) if is_shared else 0
                )
