# SPDX-License-Identifier: Apache-2.0
"""Makes foreign text safe for messages and logs: one short printable line without e-mail addresses."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

MAX_TEXT = 500
"""Characters of a foreign text in a message."""
_READ = 4 * MAX_TEXT
"""Characters that are looked at, so that the length of a text costs nothing."""
MASK = "<e-mail>"
_LONGEST = 320
"""Characters of the longest address."""
_WORD = re.compile(r"[^\s\"<>(),:\[\]]+")
"""All that an address consists of, but for a quoted name and for comments; wider, because escapes have any form."""
_ROUNDS = 4
"""How often a word is unescaped."""
_ESCAPE = re.compile(
    # The sign @ in Unicode, UTF-8 in URLs and e-mails, UTF-7, octal, and as an entity.
    r"(?P<at>[\uff20\ufe6b\U000e0040]|[%=]ef[%=](?:bc[%=]a0|b9[%=]ab)|\+aea-|(?<!\\)\\++0?100"
    r"|(?:%(?:25)*+|(?<!\\)\\++)u(?:ff20|fe6b)"
    r"|&(?:amp;)*+(?:commat|#0*+(?:64|65312|65131)|#x0*+(?:40|ff20|fe6b));?"
    r"|=40(?=[\w-]+(?:\.|=2e)[a-z]))"
    r"|(?P<quote>&(?:amp;)*+quot;?)"
    # Any other letter, which may be a part of an escape that was escaped itself.
    r"|%(?:25)*+(?:u00)?(?P<url>[2-7][0-9a-f])|%(?P<percent>(?:25)++)|=(?P<mail>25|26|3d|5c)"
    r"|(?<!\\)\\++(?:u\{0*+|u(?:0000)?00|x)(?P<text>[2-7][0-9a-f])\}?"
    r"|&(?:amp;)*+#(?:x0*+(?P<hex>[2-7][0-9a-f])|0*+(?P<decimal>\d{2,3}));?",
    re.IGNORECASE,
)


def foreign_text(text: str, limit: int = MAX_TEXT) -> str:
    """A vendor's, a proxy's or a library's text as one printable line.

    Addresses of people are masked. Control characters, and those that change the direction of writing, are shown as
    escapes. The time does not depend on the text's length.

    :param limit: the most characters.
    """
    start = text[:_READ]
    if len(text) > _READ and not start[-1].isspace():  # the last word may be half an address
        start = start[: -min(len(start.split()[-1]), _READ // 2)]
    return printable(" ".join(mask_emails(start).split()))[:limit]


def printable(text: str) -> str:
    """A text in which control characters, and those that change the direction of writing, are shown as escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def mask_emails(text: str) -> str:
    """Mask every word with an @ in it, also an escaped one, in time linear in the text's length."""
    return _replace_addresses(text, lambda address: MASK)


def hash_emails(text: str) -> str:
    """Replace each address by a digest, the same for the same person: the address in small letters is hashed."""
    return _replace_addresses(text, _digest)


def _digest(address: str) -> str:
    return f"sha256-{hashlib.sha256(address.lower().encode(errors='surrogatepass')).hexdigest()[:32]}"


def _replace_addresses(text: str, replacement: Callable[[str], str]) -> str:
    parts, done = [], 0
    for start, end in _addresses(text):
        parts += [text[done:start], replacement(text[start:end])]
        done = end
    return "".join([*parts, text[done:]])


def _addresses(text: str) -> list[tuple[int, int]]:
    """Where each address starts and ends: generously, all words that an @ may join."""
    found: list[tuple[int, int]] = []
    is_joined = False
    for word in _WORD.finditer(text):
        shown = _unescaped(word[0])
        if "@" in shown or is_joined:
            start, end = word.span()
            if shown.startswith("@"):
                start = _start_of_name(text, start)
            elif '"@' in shown:  # an escaped quote, whose other one may be anywhere before
                start = max(0, start - _LONGEST)
            if is_joined:
                start = min(start, found[-1][0])
            while found and found[-1][1] > start:
                start = min(start, found.pop()[0])
            found.append((start, end))
        is_joined = shown.endswith("@")
    return found


def _start_of_name(text: str, end: int) -> int:
    """Where the name before an @ starts: a quoted text, or all before it and before a comment, up to a space."""
    first, last = max(0, end - _LONGEST), text[end - 1 : end]
    if last == '"' and (opening := text.rfind('"', first, end - 1)) >= 0:
        return opening
    if last == ")" and (opening := text.rfind("(", first, end)) >= 0:
        end = opening
    before = text[first:end].rstrip()
    return first + len(before) - len(before.rsplit(maxsplit=1)[-1]) if before else first


def _unescaped(word: str) -> str:
    for _ in range(_ROUNDS):
        before, word = word, _ESCAPE.sub(_letter, word)
        if word == before:
            break
    return word


def _letter(escape: re.Match[str]) -> str:
    match escape.lastgroup:
        case "at":
            return "@"
        case "quote":
            return '"'
        case "percent":
            return "%"
        case "decimal":
            return chr(int(escape["decimal"]))
        case group:
            return chr(int(escape[group or 0], 16))
