# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG, drawn by hand: lines over time, dots in rows, a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, LEFT, RIGHT, TOP = 1000, 190, 20, 24
COLORS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#6b7280")


@dataclass(frozen=True)
class Span:
    """A stretch of time that is shaded and named."""

    name: str
    start: float
    end: float


def lines(
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    spans: Sequence[Span] = (),
    ceiling: float | None = None,
    unit: str,
    height: int = 240,
) -> str:
    """Lines over seconds."""
    points = [point for one in series.values() for point in one] or [(0.0, 0.0)]
    last = max(x for x, _ in points) or 1.0
    most = max([y for _, y in points] + [ceiling or 0.0]) or 1.0
    bottom = height - 30

    def at(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * x / last

    def up(y: float) -> float:
        return bottom - (bottom - TOP) * y / most

    parts = []
    for number, span in enumerate(spans):
        left, right = at(max(0.0, span.start)), at(min(last, span.end))
        wide = max(2, right - left)
        parts.append(f'<rect x="{left:.0f}" y="{TOP}" width="{wide:.0f}" height="{bottom - TOP}" fill="#f1f5f9"/>')
        parts.append(_text(left + 2, TOP + 10 + 11 * (number % 4), span.name, size=9, color="#64748b"))
    for part in range(5):
        y = most * part / 4
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(y):.1f}" y2="{up(y):.1f}" stroke="#e2e8f0"/>')
        parts.append(_text(LEFT - 6, up(y) + 4, f"{y:,.0f}", anchor="end"))
    for minute in range(0, int(last // 60) + 1, max(1, int(last // 600))):
        parts.append(_text(at(minute * 60), bottom + 14, f"{minute} min", anchor="middle"))
    if ceiling is not None:
        y, dashes = up(ceiling), 'stroke="#dc2626" stroke-dasharray="5 4"'
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" {dashes}/>')
    for number, (name, one) in enumerate(series.items()):
        color = COLORS[number % len(COLORS)]
        path = " ".join(f"{at(x):.1f},{up(y):.1f}" for x, y in one)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.4"/>')
        parts.append(_text(8, TOP + 14 + 16 * number, name, color=color))
    parts.append(_text(8, TOP + 22 + 16 * len(series), unit, color="#64748b"))
    return _svg(parts, height)


def dots(rows: Mapping[str, Sequence[float]], *, unit: str) -> str:
    """A row of dots for each name."""
    most = max([value for row in rows.values() for value in row] or [1.0]) or 1.0
    height = TOP + 18 * len(rows) + 30
    parts = []
    for number, (name, row) in enumerate(rows.items()):
        y = TOP + 18 * number + 8
        parts.append(_text(LEFT - 8, y + 4, name, anchor="end"))
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" stroke="#e2e8f0"/>')
        for value in row:
            x = LEFT + (WIDTH - LEFT - RIGHT) * max(0.0, value) / most
            parts.append(f'<circle cx="{x:.1f}" cy="{y}" r="4" fill="#2563eb" fill-opacity="0.55"/>')
    for part in range(5):
        x = LEFT + (WIDTH - LEFT - RIGHT) * part / 4
        parts.append(_text(x, height - 10, f"{most * part / 4:.0f} {unit}", anchor="middle"))
    return _svg(parts, height)


def heat(rows: Mapping[str, Mapping[str, int]], columns: Sequence[str]) -> str:
    """A field for each name and column, the darker the more."""
    most = max([value for row in rows.values() for value in row.values()] or [1]) or 1
    wide = (WIDTH - LEFT - RIGHT) / max(1, len(columns))
    height = TOP + 16 * len(rows) + 70
    parts = []
    for number, (name, row) in enumerate(rows.items()):
        y = TOP + 16 * number
        parts.append(_text(LEFT - 8, y + 12, name, anchor="end"))
        for place, column in enumerate(columns):
            value = row.get(column, 0)
            shade = "#f8fafc" if not value else f"rgba(37,99,235,{0.15 + 0.85 * value / most:.2f})"
            parts.append(
                f'<rect x="{LEFT + wide * place:.1f}" y="{y}" width="{wide - 1:.1f}" height="15" fill="{shade}">'
                f"<title>{escape(name)} {column}: {value}</title></rect>"
            )
    for place, column in enumerate(columns):
        if place % max(1, len(columns) // 16) == 0:
            parts.append(_text(LEFT + wide * (place + 0.5), height - 44, column[5:], anchor="middle", size=9))
    parts.append(_text(LEFT, height - 20, f"white: never restated; darkest: {most} times"))
    return _svg(parts, height)


def _text(x: float, y: float, text: str, *, anchor: str = "start", color: str = "#0f172a", size: int = 11) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" fill="{color}">{escape(text)}</text>'
    )


def _svg(parts: Sequence[str], height: int) -> str:
    body = "\n".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" width="100%">{body}</svg>'
