# SPDX-License-Identifier: Apache-2.0
"""JSON as text: compact, or indented without changing how a value is written."""

from __future__ import annotations

import json
import re
from typing import Any

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^{}\[\],:"\s]+')


def compact(value: Any) -> str:
    """JSON without blanks, with non-ASCII characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def pretty(text: str, depth: int) -> str:
    """Indent compact JSON by two blanks a level, starting at level ``depth``. Strings and numbers stay as written."""
    parts: list[str] = []
    tokens = _TOKEN.findall(text)
    for at, part in enumerate(tokens):
        if part in "{[":
            depth += 1
            is_empty = tokens[at + 1] in "}]"
            parts.append(part if is_empty else part + "\n" + "  " * depth)
        elif part in "}]":
            depth -= 1
            parts.append(part if tokens[at - 1] in "{[" else "\n" + "  " * depth + part)
        elif part == ",":
            parts.append(",\n" + "  " * depth)
        else:
            parts.append(": " if part == ":" else part)
    return "".join(parts)
