# SPDX-License-Identifier: Apache-2.0
"""A made-up organization: its members, groups, projects, skills, connectors and plugins, generated from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from .randomness import random_bytes, random_number, tagged_id, uuid_of

FIRST_DAY = date(2026, 1, 1)
"""The earliest day the vendor has (contract section 6)."""

CHAT, CODE, COWORK, OFFICE, DESIGN, SCIENCE, CHROME = range(7)
"""The products, in the order of bit masks and weights."""

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
"""When two members leave, so that every organization of five has a removed member and a deleted account."""
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
    """A person with a seat.

    :param activity: how much they use each product.
    :param moves_on: the day on which they change to the next group.
    """

    index: int
    id: str
    name: str
    email: str
    joined: date
    left: date | None
    deleted: date | None
    activity: bytes
    groups: tuple[int, ...]
    moves_on: date | None

    def present(self, day: date) -> bool:
        """Whether the member had a seat that day."""
        return self.joined <= day and (self.left is None or day < self.left)

    def groups_on(self, day: date, count: int) -> tuple[int, ...]:
        """The groups on that day: some members change to the next group in summer."""
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
    """An organization. The seed determines everything in it; a larger ``size`` does not change the first members.

    :param seed: generates it.
    :param size: how many people ever had a seat.
    """

    def __init__(self, seed: int, size: int) -> None:
        self.seed = seed
        self.size = size
        self.id = tagged_id("org_", seed)
        self.uuid = uuid_of(seed, "organization")
        self.security_account = tagged_id("user_", seed, "security")
        self.service_account = tagged_id("svac_", seed)

    @cached_property
    def members(self) -> tuple[Member, ...]:
        """Everybody who ever had a seat."""
        drawn = random_bytes(16 * self.size, self.seed, "members")
        return tuple(self._member(i, drawn[16 * i : 16 * i + 16]) for i in range(self.size))

    def _member(self, index: int, b: bytes) -> Member:
        given, family = _GIVEN[b[15] % len(_GIVEN)], _FAMILY[b[14] % len(_FAMILY)]
        local = f"{given}.{family}{index}".lower()
        # A few addresses have accents, which SMTPUTF8 allows, so that clients do not assume ASCII.
        local = local if b[13] < 8 else local.translate(_LATIN)
        # About one in seven leaves during the year, so that most months have deleted actors.
        leaves = b[9] < 36 or index in _LEAVERS
        left_on = FIRST_DAY + timedelta(days=45 + (b[10] + 7 * b[9]) % 320) if leaves else None
        left_on = _LEAVERS.get(index, left_on)
        account_deleted = index == 4 or (leaves and index != 3 and b[9] % 2 == 0)
        joined = FIRST_DAY - timedelta(days=1) if b[8] < 205 or leaves else FIRST_DAY + timedelta(days=(b[8] - 205) * 6)
        first_group, second_group = b[12] % len(_GROUPS), (b[12] + 1 + b[13] % (len(_GROUPS) - 1)) % len(_GROUPS)
        groups: tuple[int, ...] = (first_group,)
        if index == 2 or (index != 1 and b[11] < 40):
            groups = ()
        elif index == 1 or b[11] < 70:
            groups = tuple(sorted((first_group, second_group)))
        intensity = 90 + b[0] % 160
        base = (230, 130, 110, 90, 40, 24, 30)
        activity = bytes(
            min(250, base[p] * intensity // 250 if b[1 + p] % 100 < (96, 55, 45, 45, 20, 12, 25)[p] else 0)
            for p in range(7)
        )
        return Member(
            index=index,
            id=tagged_id("user_", self.seed, index),
            name=f"{given} {family}",
            email=f"{local}@example.com",
            joined=joined,
            left=left_on,
            deleted=left_on if account_deleted else None,
            activity=activity,
            groups=groups,
            moves_on=date(2026, 6, 15) if b[7] < 14 else None,
        )

    @cached_property
    def groups(self) -> tuple[Entity, ...]:
        """The RBAC groups; ``display_name`` is the UUID, which filters accept too."""
        return tuple(
            Entity(i, tagged_id("rbac_group_", self.seed, i), name, uuid_of(self.seed, "group", i))
            for i, name in enumerate(_GROUPS)
        )

    @cached_property
    def projects(self) -> tuple[Entity, ...]:
        """The chat projects; some are renamed, and of some the creator or the creation time is unknown."""
        projects = []
        for i in range(3 + self.size // 5):
            b = random_bytes(8, self.seed, "project", i)
            projects.append(
                Entity(
                    i,
                    tagged_id("claude_proj_", self.seed, i),
                    f"{_TOPICS[b[0] % len(_TOPICS)]} {i}",
                    status="gone" if b[1] < 12 else None,
                    created=FIRST_DAY - timedelta(days=b[2]),
                    creator=None if b[3] < 20 or not self.size else b[4] % self.size,
                    renamed_on=FIRST_DAY + timedelta(days=30 + b[5]) if b[6] < 30 else None,
                )
            )
        return tuple(projects)

    @cached_property
    def skills(self) -> tuple[Entity, ...]:
        """The skills; two have an opaque id as their name (contract section 7.4)."""
        named = [
            Entity(i, name, name, None, ("public", "organization", "private", None)[i % 4])
            for i, name in enumerate(_SKILLS)
        ]
        opaque = [
            Entity(
                len(named) + j,
                tagged_id("skill_", self.seed, j),
                tagged_id("skill_", self.seed, j),
                display_name,
                "organization",
            )
            for j, display_name in enumerate(("Angebots-Prüfer", "Quarterly / close"))
        ]
        return (*named, *opaque)

    @cached_property
    def connectors(self) -> tuple[Entity, ...]:
        """The connectors; one has an opaque id and a display name (contract section 7.5)."""
        named = [Entity(i, name, name, "GitHub" if name == "github" else None) for i, name in enumerate(_CONNECTORS)]
        opaque = uuid_of(self.seed, "connector")
        return (*named, Entity(len(named), opaque, opaque, "Interne Datenbank (Zürich)"))

    @cached_property
    def plugins(self) -> tuple[Entity, ...]:
        """The plugins; ``display_name`` is the plugin id (contract section 7.6)."""
        return tuple(
            Entity(i, name, name, None if name == "third-party" else f"{name}@claude-plugins-official")
            for i, name in enumerate(_PLUGINS)
        )

    @cached_property
    def slack_channels(self) -> tuple[str, ...]:
        """The ids of the Slack channels in which Claude Tag was used."""
        return tuple(f"C{random_number(36**8, self.seed, 'channel', i):010d}" for i in range(12))

    def draw(self, below: int, *labels: object) -> int:
        """A random integer in ``[0, below)``, determined by the seed and the labels."""
        return random_number(below, self.seed, *labels)
