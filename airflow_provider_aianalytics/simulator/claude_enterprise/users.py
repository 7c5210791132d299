# SPDX-License-Identifier: Apache-2.0
"""Rows of ``/analytics/users`` (contract section 7.1). A row has many numbers, so it is formatted by a template."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from ..json_text import compact
from .activity import (
    ARTIFACTS_SINCE,
    NO_COUNTS,
    chat_counts,
    chat_messages,
    code_counts,
    cowork_counts,
    office_application,
    office_counts,
)
from .organization import CHAT, CODE, COWORK, DESIGN, OFFICE, SCIENCE

Number = int | None
_ERAS = "ABC"


@dataclass(frozen=True, slots=True)
class Field:
    """One number of the row.

    :param path: its dotted name.
    :param since: the first era that has it.
    :param is_additive: whether days and members add up; a distinct count does not and can only be estimated.
    """

    path: str
    since: str = "A"
    is_additive: bool = True


def _fields(prefix: str, names: str, since: str = "A") -> list[Field]:
    """Fields of one object; ``~`` marks a distinct count, ``@X`` another first era than ``since``."""
    fields = []
    for word in names.split():
        name, _, era = word.partition("@")
        fields.append(Field(f"{prefix}{name.strip('~')}", era or since, not name.startswith("~")))
    return fields


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
_ESTIMATED = tuple(at for at, field in enumerate(FIELDS) if not field.is_additive)
_UNCOMPUTABLE = INDEX["chat_metrics.distinct_shared_artifacts_viewed_count"]
_OFFICE_NONE = (0,) * 6


def numbers(b: bytes, active: Sequence[bool], day: date) -> list[int]:
    """One member's numbers of one day.

    :param b: the member's random bytes of the day.
    :param active: whether the member was active, per product.
    :param day: the day; some numbers are counted only from a certain day.
    """
    chat, code, cowork = (0,) * 12, (0,) * 14, (0,) * 17
    chat_count = chat_counts(b) if active[CHAT] else NO_COUNTS
    if active[CHAT]:
        messages = chat_messages(b)
        chat = (
            chat_count.sessions,
            messages,
            int(b[3] > 245),
            min(chat_count.sessions, b[4] % 3),
            b[5] % 6 if b[5] < 128 else 0,
            b[6] % 4 if b[6] < 90 else 0,
            int(b[7] < 40),
            messages * b[8] // 512,
            chat_count.skills,
            chat_count.connectors * chat_count.connector_calls,
            chat_count.connectors,
            int(b[12] < 30),
        )
    if active[CODE]:
        added = b[15] * (1 + b[16] % 5)
        code = (
            b[13] % 6,
            b[14] % 3,
            added,
            added * b[17] // 512,
            code_counts(b).sessions,
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
        office_count, main = office_counts(b), office_application(b)
        office[main] = (
            office_count.sessions,
            office_count.sessions * (1 + b[30] % 5),
            office_count.skills * office_count.skill_calls,
            office_count.skills,
            office_count.connectors * office_count.connector_calls,
            office_count.connectors,
        )
        if b[30] < 40:
            office[(main + 1) % 4] = (1, 1 + b[30] % 3, 0, 0, 0, 0)
    if active[COWORK]:
        cowork_count, edits = cowork_counts(b), (b[43] % 7, b[44] % 3, b[57] % 4, b[58] % 2)
        cowork = (
            cowork_count.sessions,
            1 + b[33] % 20,
            b[34],
            b[35] % 4,
            cowork_count.skills * cowork_count.skill_calls,
            cowork_count.skills,
            cowork_count.connectors * cowork_count.connector_calls,
            cowork_count.connectors,
            cowork_count.plugins * cowork_count.plugin_calls,
            cowork_count.plugins,
            sum(edits),
            *edits,
            min(cowork_count.sessions, sum(edits)),
            int(b[59] < 25 and day >= ARTIFACTS_SINCE),
        )
    design = (1 + b[48] % 3, 1 + b[49] % 12, int(b[49] > 240), 1 + b[48] % 2) if active[DESIGN] else (0,) * 4
    science = (1 + b[60] % 2, 1 + b[61] % 9, b[62] % 3, b[63] % 4, b[61] % 2) if active[SCIENCE] else (0,) * 5
    web = b[50] % 5 if active[CHAT] or active[CODE] else 0
    return [*chat, *code, *office[0], *office[1], *office[2], *office[3], *cowork, *design, *science, web]


def combine(rows: Iterable[Sequence[int]], *, days: int) -> list[Number]:
    """Combine several members or days into one row (contract section 7.0, range-mode arithmetic).

    Distinct counts are estimated as the middle between the largest part and the sum; one cannot be computed.
    """
    rows = list(rows)
    total: list[Number] = [sum(column) for column in zip(*rows, strict=True)]
    for at in _ESTIMATED:
        column = [row[at] for row in rows]
        largest = max(column)
        total[at] = largest + (sum(column) - largest) // 2
    if days > 1:
        total[_UNCOMPUTABLE] = None
    return total


def null_disabled(values: Sequence[Number], *, plugins: bool, edits: bool) -> Sequence[Number]:
    """Set the metrics that the organization has disabled to null (never 0, contract section 7.1)."""
    if plugins and edits:
        return values
    nulled = list(values)
    for at in (*(() if plugins else _PLUGINS), *(() if edits else _EDITS)):
        nulled[at] = None
    return nulled


@lru_cache(maxsize=8)
def template(era: str, unified: bool) -> tuple[str, tuple[int, ...]]:
    """A format string for the numbers of an era's row, and the positions of these numbers in :data:`FIELDS`."""
    tree: dict[str, Any] = {}
    positions: list[int] = []
    for at, field in enumerate(FIELDS):
        if _ERAS.index(field.since) <= _ERAS.index(era):
            _set_path(tree, field.path, "@")
            positions.append(at)
    if unified and era == "C":
        for name in (word.strip("~").partition("@")[0] for word in _CHAT_NAMES.split()):
            _set_path(tree, f"chat_cowork_unified_metrics.chat.{name}", None if "shared_artifacts" in name else 0)
        for name in (word.strip("~").partition("@")[0] for word in _COWORK_NAMES.split()):
            _set_path(tree, f"chat_cowork_unified_metrics.sessions.{name}", 0)
    return compact(tree)[1:-1].replace('"@"', "%s"), tuple(positions)


def _set_path(tree: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for name in parents:
        tree = tree.setdefault(name, {})
    tree[last] = value
