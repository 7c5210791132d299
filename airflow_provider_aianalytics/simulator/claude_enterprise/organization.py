# SPDX-License-Identifier: Apache-2.0
"""One made-up customer: its members, groups, projects, skills, connectors and plugins, all from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from .randomness import number, random_bytes, tagged, uuid_of

FIRST_DAY = date(2026, 1, 1)
"""The earliest day the vendor has (contract section 6)."""

CHAT, CODE, COWORK, OFFICE, DESIGN, SCIENCE, CHROME = range(7)
"""Products a member can be active in."""

_GIVEN = (
    "Jane",
    "José",
    "Zoë",
    "Łukasz",
    "美咲",
    "Omar",
    "Priya",
    "Chloé",
    "Søren",
    "Ada",
    "Grace",
    "Noor",
    "Íñigo",
    "Björn",
    "Mia",
    "Ken",
    "Ewa",
    "Tom",
    "Lea",
    "Raúl",
)
_FAMILY = (
    "Smith",
    "Núñez",
    "Müller",
    "Kowalski",
    "佐藤",
    "Haddad",
    "Iyer",
    "Dubois",
    "Ørsted",
    "Lovelace",
    "Hopper",
    "Khan",
    "Ibáñez",
    "Ek",
    "Rossi",
    "Ito",
)
_LEAVERS = {3: date(2026, 11, 18), 4: date(2026, 11, 16)}
"""A removed member and a deleted account that every organization of five has."""
_LATIN = str.maketrans("éëłøíñüúáöÍŁØ美咲佐藤", "eelo" + "inuuaoILO" + "misa")
_GROUPS = ("Engineering", "Research & Dévelopment", "Finance", "Sales/EMEA", "Legal", "People 🌱", "Design", "Support")
_TOPICS = (
    "Q3 research",
    "Roadmap/2027",
    "Presupuesto año",
    "Launch 🚀",
    "Hiring",
    "Brand «voice»",
    "日本語 docs",
    "Incident notes",
)
_SKILLS = (
    "xlsx",
    "docx",
    "pptx",
    "pdf",
    "brand-guidelines",
    "code-review",
    "incident-report",
    "sql-helper",
    "release-notes",
    "unknown",
)
_CONNECTORS = (
    "atlassian",
    "github",
    "google_drive",
    "slack",
    "notion",
    "salesforce",
    "linear",
    "snowflake",
    "hubspot",
    "sentry",
)
_PLUGINS = ("serena", "figma-bridge", "terraform", "release-kit", "security-review", "data-tools", "third-party")


@dataclass(frozen=True, slots=True)
class Member:
    """A person with a seat, and how they use each product."""

    index: int
    id: str
    name: str
    email: str
    joined: date
    left: date | None
    deleted: date | None
    habits: bytes
    groups: tuple[int, ...]
    moves_on: date | None

    def present(self, day: date) -> bool:
        """Whether the member held a seat that day."""
        return self.joined <= day and (self.left is None or day < self.left)

    def groups_on(self, day: date, count: int) -> tuple[int, ...]:
        """The groups held that day: some members move to the next group in summer."""
        if self.moves_on is None or day < self.moves_on:
            return self.groups
        return tuple(sorted({(group + 1) % count for group in self.groups}))


@dataclass(frozen=True, slots=True)
class Entity:
    """A group, project, skill, connector or plugin."""

    index: int
    id: str
    name: str
    display_name: str | None = None
    status: str | None = None
    created: date = FIRST_DAY
    creator: int | None = None
    renamed_on: date | None = None


class Organization:
    """The customer. Everything in it follows from ``seed``; more ``members`` never change the earlier ones.

    :param seed: what to draw from.
    :param size: how many members ever held a seat.
    """

    def __init__(self, seed: int, size: int) -> None:
        self.seed = seed
        self.size = size
        self.id = tagged("org_", seed)
        self.uuid = uuid_of(seed, "organization")
        self.security_account = tagged("user_", seed, "security")
        self.service_account = tagged("svac_", seed)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Everybody who ever held a seat."""
        drawn = random_bytes(16 * self.size, self.seed, "members")
        return tuple(self._member(i, drawn[16 * i : 16 * i + 16]) for i in range(self.size))

    def _member(self, index: int, b: bytes) -> Member:
        given, family = _GIVEN[b[15] % len(_GIVEN)], _FAMILY[b[14] % len(_FAMILY)]
        local = f"{given}.{family}{index}".lower()
        # A few addresses keep their accents: legal since SMTPUTF8, and a trap for whoever assumes ASCII.
        local = local if b[13] < 8 else local.translate(_LATIN)
        # About one in seven leaves some time in the year, so that most months have actors marked deleted.
        leaves = b[9] < 36 or index in _LEAVERS
        gone = FIRST_DAY + timedelta(days=45 + (b[10] + 7 * b[9]) % 320) if leaves else None
        gone = _LEAVERS.get(index, gone)
        account_deleted = index == 4 or (leaves and index != 3 and b[9] % 2 == 0)
        joined = FIRST_DAY - timedelta(days=1) if b[8] < 205 or leaves else FIRST_DAY + timedelta(days=(b[8] - 205) * 6)
        first, second = b[12] % len(_GROUPS), (b[12] + 1 + b[13] % (len(_GROUPS) - 1)) % len(_GROUPS)
        held: tuple[int, ...] = (first,)
        if index == 2 or (index != 1 and b[11] < 40):
            held = ()
        elif index == 1 or b[11] < 70:
            held = tuple(sorted((first, second)))
        zeal = 90 + b[0] % 160
        base = (230, 130, 110, 90, 40, 24, 30)
        habits = bytes(
            min(250, base[p] * zeal // 250 if b[1 + p] % 100 < (96, 55, 45, 45, 20, 12, 25)[p] else 0) for p in range(7)
        )
        return Member(
            index=index,
            id=tagged("user_", self.seed, index),
            name=f"{given} {family}",
            email=f"{local}@example.com",
            joined=joined,
            left=gone,
            deleted=gone if account_deleted else None,
            habits=habits,
            groups=held,
            moves_on=date(2026, 6, 15) if b[7] < 14 else None,
        )

    @cached_property
    def groups(self) -> tuple[Entity, ...]:
        """RBAC groups; ``display_name`` holds the bare UUID that filters accept too."""
        return tuple(
            Entity(i, tagged("rbac_group_", self.seed, i), name, uuid_of(self.seed, "group", i))
            for i, name in enumerate(_GROUPS)
        )

    @cached_property
    def projects(self) -> tuple[Entity, ...]:
        """Chat projects; some renamed, some whose creator or creation is no longer known."""
        found = []
        for i in range(3 + self.size // 5):
            b = random_bytes(8, self.seed, "project", i)
            found.append(
                Entity(
                    i,
                    tagged("claude_proj_", self.seed, i),
                    f"{_TOPICS[b[0] % len(_TOPICS)]} {i}",
                    status="gone" if b[1] < 12 else None,
                    created=FIRST_DAY - timedelta(days=b[2]),
                    creator=None if b[3] < 20 or not self.size else b[4] % self.size,
                    renamed_on=FIRST_DAY + timedelta(days=30 + b[5]) if b[6] < 30 else None,
                )
            )
        return tuple(found)

    @cached_property
    def skills(self) -> tuple[Entity, ...]:
        """Skills, two of them with an opaque id for a name (contract section 7.4)."""
        known = [
            Entity(i, name, name, None, ("public", "organization", "private", None)[i % 4])
            for i, name in enumerate(_SKILLS)
        ]
        opaque = [
            Entity(
                len(known) + j, tagged("skill_", self.seed, j), tagged("skill_", self.seed, j), shown, "organization"
            )
            for j, shown in enumerate(("Angebots-Prüfer", "Quarterly / close"))
        ]
        return (*known, *opaque)

    @cached_property
    def connectors(self) -> tuple[Entity, ...]:
        """Connectors, one of them with an opaque id and a display name (contract section 7.5)."""
        known = [Entity(i, name, name, "GitHub" if name == "github" else None) for i, name in enumerate(_CONNECTORS)]
        opaque = uuid_of(self.seed, "connector")
        return (*known, Entity(len(known), opaque, opaque, "Interne Datenbank (Zürich)"))

    @cached_property
    def plugins(self) -> tuple[Entity, ...]:
        """Plugins; ``display_name`` holds the plugin id (contract section 7.6)."""
        return tuple(
            Entity(i, name, name, None if name == "third-party" else f"{name}@claude-plugins-official")
            for i, name in enumerate(_PLUGINS)
        )

    @cached_property
    def slack_channels(self) -> tuple[str, ...]:
        """Slack channel ids that Claude Tag was used in."""
        return tuple(f"C{number(36**8, self.seed, 'channel', i):010d}" for i in range(12))

    def pick(self, below: int, *labels: object) -> int:
        """One deterministic choice of this organization."""
        return number(below, self.seed, *labels)
