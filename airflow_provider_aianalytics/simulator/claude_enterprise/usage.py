# SPDX-License-Identifier: Apache-2.0
"""Who used which project, skill, connector, plugin and artifact type on a day; agrees with the users' numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from .activity import ARTIFACTS_SINCE, SURFACES, Day, Uses, bits, chat_messages, chat_uses, office_application
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
    """One member's use of one thing on one surface.

    :param entity: index of the project, skill, connector or plugin; for artifacts type and sharing.
    :param calls: messages, invocations, calls or artifacts created.
    :param extra: Office application, published artifacts or a bit pattern, by endpoint.
    """

    member: int
    entity: int
    product: int
    sessions: int
    calls: int
    extra: int


def project_facts(org: Organization, day: Day) -> Iterator[Use]:
    """Chat in projects; a member's messages in projects never exceed their messages."""
    count = len(org.projects)
    for member in bits(day.masks[CHAT]):
        b = day.block(member)
        conversations = chat_uses(b).sessions
        for nth in range(min(conversations, b[4] % 3)):
            entity = (member * 7 + nth * (1 + b[51] % 5)) % count
            yield Use(member, entity, CHAT, max(1, conversations // 2 - nth), max(1, chat_messages(b) // (nth + 2)), 0)


def _surface_facts(
    org: Organization, day: Day, things: tuple[Entity, ...], count: Callable[[Uses], tuple[int, int]], salt: int
) -> Iterator[Use]:
    for product, uses_of in SURFACES:
        for member in bits(day.masks[product]):
            b = day.block(member)
            uses = uses_of(b)
            distinct, calls = count(uses)
            for nth in range(distinct):
                entity = (member % 4 + b[salt] % 5 + nth * 3) % len(things)
                yield Use(member, entity, product, max(1, uses.sessions - nth), calls, office_application(b))


def skill_facts(org: Organization, day: Day) -> Iterator[Use]:
    """Skills used."""
    return _surface_facts(org, day, org.skills, lambda u: (u.skills, u.skill_calls), 51)


def connector_facts(org: Organization, day: Day) -> Iterator[Use]:
    """Connectors used."""
    return _surface_facts(org, day, org.connectors, lambda u: (u.connectors, u.connector_calls), 49)


def plugin_facts(org: Organization, day: Day) -> Iterator[Use]:
    """Plugins used, in Claude Code and Cowork; and a few that were only installed, with no session."""
    yield from _surface_facts(org, day, org.plugins, lambda u: (u.plugins, u.plugin_calls), 48)
    for product in (CODE, COWORK):
        for member in bits(day.masks[product]):
            b = day.block(member)
            if b[63] > 235:
                yield Use(member, b[62] % len(org.plugins), product, 0, 0, 1)


def artifact_facts(org: Organization, day: Day) -> Iterator[Use]:
    """Artifacts created; those of Claude Code and Cowork are HTML and count from a certain day (section 7.7)."""
    for product, mask in ((CHAT, day.masks[CHAT]), (CODE, day.masks[CODE]), (COWORK, day.masks[COWORK])):
        if product != CHAT and day.date < ARTIFACTS_SINCE:
            continue
        for member in bits(mask):
            b = day.block(member)
            active = [product == p for p in range(7)]
            made = numbers(b, active, day.date)[_CREATED[product]]
            if made:
                kind = b[47] % len(ARTIFACT_TYPES) if product == CHAT else 1
                shared = int(b[46] < 80)
                yield Use(member, kind * 2 + shared, product, 1, made, b[45] % (made + 1) if shared else 0)
