# SPDX-License-Identifier: Apache-2.0
"""Rows of ``/analytics/users`` (contract section 7.1): many numbers a row, so rows are filled into a template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from .activity import (
    ARTIFACTS_SINCE,
    NOTHING,
    chat_messages,
    chat_uses,
    code_uses,
    cowork_uses,
    office_application,
    office_uses,
)
from .encoder import plain
from .organization import CHAT, CODE, COWORK, DESIGN, OFFICE, SCIENCE

Number = int | None
_ORDER = "ABC"


@dataclass(frozen=True, slots=True)
class Field:
    """One number of the row.

    :param path: its dotted name.
    :param since: the first era that has it.
    :param adds: whether days and members add up; otherwise it is a distinct count that can only be estimated.
    """

    path: str
    since: str = "A"
    adds: bool = True


def _fields(prefix: str, names: str, since: str = "A") -> list[Field]:
    """Fields under one object; ``~`` marks a distinct count, ``@X`` the first era when it is not ``since``."""
    found = []
    for word in names.split():
        name, _, era = word.partition("@")
        found.append(Field(f"{prefix}{name.strip('~')}", era or since, not name.startswith("~")))
    return found


_CHAT_NAMES = (
    "distinct_conversation_count message_count distinct_projects_created_count ~distinct_projects_used_count "
    "distinct_files_uploaded_count distinct_artifacts_created_count ~distinct_shared_artifacts_viewed_count "
    "thinking_message_count ~distinct_skills_used_count connectors_used_count ~distinct_connectors_used_count@B "
    "shared_conversations_viewed_count"
)
_COWORK_NAMES = (
    "distinct_session_count message_count action_count dispatch_turn_count skills_used_count "
    "~distinct_skills_used_count connectors_used_count ~distinct_connectors_used_count plugins_used_count@B "
    "~distinct_plugins_used_count@B file_edit_count@B edit_tool_count@B multi_edit_tool_count@B write_tool_count@B "
    "notebook_edit_tool_count@B sessions_with_file_edits_count@B artifacts_created_count@C"
)
_OFFICE_NAMES = (
    "distinct_session_count message_count skills_used_count ~distinct_skills_used_count connectors_used_count "
    "~distinct_connectors_used_count"
)

FIELDS: tuple[Field, ...] = (
    *_fields("chat_metrics.", _CHAT_NAMES),
    *_fields(
        "claude_code_metrics.core_metrics.",
        "commit_count pull_request_count lines_of_code.added_count lines_of_code.removed_count "
        "distinct_session_count artifacts_created_count@C",
    ),
    *(
        Field(f"claude_code_metrics.tool_actions.{tool}.{verdict}_count")
        for tool in ("edit_tool", "multi_edit_tool", "write_tool", "notebook_edit_tool")
        for verdict in ("accepted", "rejected")
    ),
    *_fields("office_metrics.excel.", _OFFICE_NAMES),
    *_fields("office_metrics.powerpoint.", _OFFICE_NAMES),
    *_fields("office_metrics.word.", _OFFICE_NAMES, "B"),
    *_fields("office_metrics.outlook.", _OFFICE_NAMES, "B"),
    *_fields("cowork_metrics.", _COWORK_NAMES),
    *_fields(
        "design_metrics.",
        "distinct_session_count message_count distinct_projects_created_count ~distinct_projects_used_count",
        "B",
    ),
    *_fields(
        "science_metrics.",
        "distinct_session_count message_count skills_used_count delegation_count remote_compute_job_count",
        "B",
    ),
    Field("web_search_count"),
)
"""Every number of the row in the order of contract section 14."""

INDEX = {field.path: at for at, field in enumerate(FIELDS)}
_COWORK_AT = INDEX["cowork_metrics.distinct_session_count"]
_PLUGINS = range(_COWORK_AT + 8, _COWORK_AT + 10)
_EDITS = range(_COWORK_AT + 10, _COWORK_AT + 16)
_ESTIMATED = tuple(at for at, field in enumerate(FIELDS) if not field.adds)
_UNCOMPUTABLE = INDEX["chat_metrics.distinct_shared_artifacts_viewed_count"]
_OFFICE_NONE = (0,) * 6


def numbers(b: bytes, active: Sequence[bool], day: date) -> list[int]:
    """One member's numbers of one day.

    :param b: the member's bytes of the day.
    :param active: whether the member was active, per product.
    :param day: decides what was counted already.
    """
    chat, code, cowork = (0,) * 12, (0,) * 14, (0,) * 17
    c = chat_uses(b) if active[CHAT] else NOTHING
    if active[CHAT]:
        messages = chat_messages(b)
        chat = (
            c.sessions,
            messages,
            int(b[3] > 245),
            min(c.sessions, b[4] % 3),
            b[5] % 6 if b[5] < 128 else 0,
            b[6] % 4 if b[6] < 90 else 0,
            int(b[7] < 40),
            messages * b[8] // 512,
            c.skills,
            c.connectors * c.connector_calls,
            c.connectors,
            int(b[12] < 30),
        )
    if active[CODE]:
        added = b[15] * (1 + b[16] % 5)
        code = (
            b[13] % 6,
            b[14] % 3,
            added,
            added * b[17] // 512,
            code_uses(b).sessions,
            int(b[19] < 20 and day >= ARTIFACTS_SINCE),
            b[20] % 30,
            b[21] % 5,
            b[22] % 8,
            b[23] % 3,
            b[24] % 12,
            b[25] % 3,
            b[26] % 2,
            0,
        )
    office = [_OFFICE_NONE] * 4
    if active[OFFICE]:
        o, main = office_uses(b), office_application(b)
        office[main] = (
            o.sessions,
            o.sessions * (1 + b[30] % 5),
            o.skills * o.skill_calls,
            o.skills,
            o.connectors * o.connector_calls,
            o.connectors,
        )
        if b[30] < 40:
            office[(main + 1) % 4] = (1, 1 + b[30] % 3, 0, 0, 0, 0)
    if active[COWORK]:
        w, edits = cowork_uses(b), (b[43] % 7, b[44] % 3, b[57] % 4, b[58] % 2)
        cowork = (
            w.sessions,
            1 + b[33] % 20,
            b[34],
            b[35] % 4,
            w.skills * w.skill_calls,
            w.skills,
            w.connectors * w.connector_calls,
            w.connectors,
            w.plugins * w.plugin_calls,
            w.plugins,
            sum(edits),
            *edits,
            min(w.sessions, sum(edits)),
            int(b[59] < 25 and day >= ARTIFACTS_SINCE),
        )
    design = (1 + b[48] % 3, 1 + b[49] % 12, int(b[49] > 240), 1 + b[48] % 2) if active[DESIGN] else (0,) * 4
    science = (1 + b[60] % 2, 1 + b[61] % 9, b[62] % 3, b[63] % 4, b[61] % 2) if active[SCIENCE] else (0,) * 5
    web = b[50] % 5 if active[CHAT] or active[CODE] else 0
    return [*chat, *code, *office[0], *office[1], *office[2], *office[3], *cowork, *design, *science, web]


def combine(rows: Iterable[Sequence[int]], *, days: int) -> list[Number]:
    """Several members or days in one row (contract section 7.0, range-mode arithmetic).

    Distinct counts that do not add are estimated between the largest part and the sum; one is not computable.
    """
    kept = list(rows)
    total: list[Number] = [sum(column) for column in zip(*kept, strict=True)]
    for at in _ESTIMATED:
        column = [row[at] for row in kept]
        largest = max(column)
        total[at] = largest + (sum(column) - largest) // 2
    if days > 1:
        total[_UNCOMPUTABLE] = None
    return total


def hide(values: Sequence[Number], *, plugins: bool, edits: bool) -> Sequence[Number]:
    """Null what the organization has switched off (never 0, contract section 7.1)."""
    if plugins and edits:
        return values
    hidden = list(values)
    for at in (*(() if plugins else _PLUGINS), *(() if edits else _EDITS)):
        hidden[at] = None
    return hidden


@lru_cache(maxsize=8)
def template(era: str, unified: bool) -> tuple[str, tuple[int, ...]]:
    """The row's numbers of an era as a format string, and which numbers it wants in which order."""
    tree: dict[str, Any] = {}
    wanted: list[int] = []
    for at, field in enumerate(FIELDS):
        if _ORDER.index(field.since) <= _ORDER.index(era):
            _hang(tree, field.path, "@")
            wanted.append(at)
    if unified and era == "C":
        for name in (word.strip("~").partition("@")[0] for word in _CHAT_NAMES.split()):
            _hang(tree, f"chat_cowork_unified_metrics.chat.{name}", None if "shared_artifacts" in name else 0)
        for name in (word.strip("~").partition("@")[0] for word in _COWORK_NAMES.split()):
            _hang(tree, f"chat_cowork_unified_metrics.sessions.{name}", 0)
    return plain(tree)[1:-1].replace('"@"', "%s"), tuple(wanted)


def _hang(tree: dict[str, Any], path: str, value: Any) -> None:
    *above, last = path.split(".")
    for name in above:
        tree = tree.setdefault(name, {})
    tree[last] = value
