# SPDX-License-Identifier: Apache-2.0
"""For mkdocs: pages link to files beside ``docs/``, as code hosts show them. The site gets a copy of these files."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
FOLDER = "repository"


def on_files(files: Any, config: Any) -> Any:
    """Add every file beside ``docs/`` that a page links to, and what these files link to."""
    waiting = [(ROOT / "docs" / file.src_uri, file.content_string) for file in files.documentation_pages()]
    while waiting:
        source, text = waiting.pop()
        for target in _targets(source, text):
            uri = f"{FOLDER}/{target.relative_to(ROOT)}"
            if target.is_file() and uri not in files.src_uris:
                content = target.read_text()
                files.append(File.generated(config, uri, content=content))
                if target.suffix == ".md":
                    waiting.append((target, content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to the copies; a link to a file that does not exist stays, and mkdocs reports it."""
    source = _source(page.file.src_uri)

    def rewrite(found: re.Match[str]) -> str:
        target = (source.parent / found[1]).resolve()
        if not target.is_file():
            return found[0]
        relative = posixpath.relpath(_uri(target), posixpath.dirname(page.file.src_uri) or ".")
        return f"]({relative}{found[2] or ''})"

    return re.sub(r"\]\(([^)#\s:]+)(#[^)\s]*)?\)", rewrite, markdown)


def _targets(source: Path, text: str) -> list[Path]:
    links = re.findall(r"\]\(([^)#\s:]+)(?:#[^)\s]*)?\)", text)
    targets = [(source.parent / link).resolve() for link in links]
    return [path for path in targets if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "docs")]


def _source(uri: str) -> Path:
    return ROOT / uri.removeprefix(f"{FOLDER}/") if uri.startswith(f"{FOLDER}/") else ROOT / "docs" / uri


def _uri(target: Path) -> str:
    docs = ROOT / "docs"
    inside = target.is_relative_to(docs)
    return str(target.relative_to(docs)) if inside else f"{FOLDER}/{target.relative_to(ROOT)}"
