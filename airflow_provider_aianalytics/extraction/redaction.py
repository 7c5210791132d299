# SPDX-License-Identifier: Apache-2.0
"""Makes foreign text safe for messages and logs: one short printable line without e-mail addresses."""

from __future__ import annotations

import hashlib
import re

MAX_TEXT = 500
"""Characters of a foreign text in a message."""
_READ = 4 * MAX_TEXT
"""Characters that are looked at, so that the length of a text costs nothing."""
MASK = "<e-mail>"
_AT = re.compile(r"%(?:25)*40|(?<!\\)\\++(?:u0040|x40)|&#(?:0*64|x0*40);|[\uff20\ufe6b]", re.IGNORECASE)
"""The sign @ as it is escaped in URLs, JSON and HTML, and its Unicode variants."""
_LETTER = r"[^\s\"'<>&=?,;:()\[\]{}|/\\]"
_WORD = re.compile(f"{_LETTER}+")
_LAST_WORD = re.compile(f"{_LETTER}{{1,320}}\\Z")
"""As much of it as can be the beginning of an address, whose longest form has 320 characters."""


def foreign_text(text: str, limit: int = MAX_TEXT) -> str:
    """A vendor's, a proxy's or a library's text as one printable line.

    Addresses of people are masked. Control characters, and those that change the direction of writing, are shown as
    escapes. The time does not depend on the text's length.

    :param limit: the most characters.
    """
    start = text[:_READ]
    if len(text) > _READ:
        start = _LAST_WORD.sub("", start)  # it may be half an address
    return printable(" ".join(mask_emails(start).split()))[:limit]


def printable(text: str) -> str:
    """A text in which control characters, and those that change the direction of writing, are shown as escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def mask_emails(text: str) -> str:
    """Mask every word with an @ in it, also a percent-encoded or escaped one, in time linear in the text's length."""
    return _WORD.sub(lambda word: MASK if "@" in word[0] else word[0], _AT.sub("@", text))


def hash_emails(text: str) -> str:
    """Replace each address by a digest, the same for the same person: the address in small letters is hashed."""
    return _WORD.sub(_hash_email, text)


def _hash_email(word: re.Match[str]) -> str:
    if "@" not in word[0]:
        return word[0]
    return f"sha256-{hashlib.sha256(word[0].lower().encode(errors='surrogatepass')).hexdigest()[:32]}"
