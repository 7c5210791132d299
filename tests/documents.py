# SPDX-License-Identifier: Apache-2.0
"""The documentation as tests see it: its pages, with their code blocks, links and headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    :param line: the line of its page on which it starts.
    """

    page: str
    language: str
    text: str
    line: int

    def __str__(self) -> str:
        return f"{self.page}, line {self.line}"


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def prose(self) -> str:
        """The text without its blocks, in which ``#`` is a comment and brackets are code."""
        return _BLOCK.sub("", self.text)

    def blocks(self, *languages: str) -> list[Block]:
        """Its blocks in these languages, in order; all of them where none is named."""
        found = [
            Block(self.name, match[1], match[2], self.text.count("\n", 0, match.start()) + 1)
            for match in _BLOCK.finditer(self.text)
        ]
        return [block for block in found if not languages or block.language in languages]

    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    def anchors(self) -> set[str]:
        """The anchors of its headings, as code hosts make them."""
        titles = (re.sub(r"[^\w\- ]", "", title.lower()) for title in _HEADING.findall(self.prose))
        return {title.replace(" ", "-") for title in titles}

    def rows_behind(self, head: str) -> list[list[str]]:
        """The cells of the table with this first line."""
        rows = self.text.split(f"\n{head}\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
        return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def page(name: str) -> Document:
    """The page ``docs/{name}.md``."""
    return Document(DOCS / f"{name}.md")


def names_in(cell: str) -> list[str]:
    """The text in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


GUIDES = [Document(path) for path in (README, CONTRIBUTING, ROOT / "SECURITY.md", *sorted(DOCS.glob("*.md")))]
"""What people write, and what is run."""
DOCUMENTS = [*GUIDES, *(Document(path) for path in sorted(DOCS.glob("*/**/*.md")))]
"""All of it, with the generated pages and the contracts."""
