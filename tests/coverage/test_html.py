# SPDX-License-Identifier: Apache-2.0
"""The page: loads nothing, runs nothing of others, says nothing by colour alone, and is small."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from airflow_provider_aianalytics.coverage.drawing import SILHOUETTES, bar_paths, month_marks, silhouette, strip_paths
from airflow_provider_aianalytics.coverage.figures import Week
from airflow_provider_aianalytics.coverage.html import FOLDER, Choice, as_html, content_security_policy, message_as_html
from airflow_provider_aianalytics.coverage.states import State
from airflow_provider_aianalytics.coverage.survey import Range, survey
from airflow_provider_aianalytics.storage.manifest import Revision, Run
from airflow_provider_aianalytics.vendors.registry import VENDORS
from tests.coverage.lakes import DAY, NOW, ManifestLake, days_from
from tests.support import growth

FIRST = date(2026, 10, 1)
CSS = (FOLDER / "report.css").read_text()
VOID = {"meta", "link", "rect", "path"}
OPTIONAL_END = {"td", "tr"}


class Page(HTMLParser):
    """Elements, attributes and texts, and whether tags are nested as they should be."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in OPTIONAL_END:
            while self._open[-1] == "td" or self._open[-1] == tag:
                self._open.pop()
        if tag not in ("meta", "link", "br"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self._open[-1] in OPTIONAL_END and self._open[-1] != tag:
            self._open.pop()
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)


@pytest.fixture
def html(lake: ManifestLake) -> str:
    """A page with every state."""
    lake.put_daily(days_from(FIRST, 20), table="cost_report", total=Decimal("123456.789"))
    for place, fields in enumerate(({"final": False}, {"complete": False}, {"rows": 0}), start=20):
        lake.put_daily([FIRST + place * DAY], table="cost_report", **fields)
    lake.put(FIRST + 23 * DAY, b"{", table="cost_report")
    lake.put_daily(
        [FIRST + 25 * DAY],
        table="cost_report",
        revisions=(Revision(fetched_at="2026-10-27T00:00:00Z", rows=9, sha256="", total=Decimal(7)),),
        fetched_at="2026-10-31T00:00:00Z",
        total=Decimal(8),
    )
    return as_html("s3://lake/ai", lake.look(), now=NOW)


def test_it_is_well_formed_and_loads_nothing(html: str) -> None:
    page = Page(html)

    assert {attribute for _, attributes in page.elements for attribute in attributes} & {
        "src",
        "style",
        "onclick",
    } == set()
    assert [attributes["href"] for _, attributes in page.elements if attributes.get("href")] == ["data:,"]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)
    assert "@import" not in CSS
    assert re.findall(r"url\(([^)]*)\)", CSS) == ["#hatch"]


def test_the_policy_allows_its_own_script_and_style_and_nothing_else(html: str) -> None:
    page = Page(html)
    hashes = {
        tag: base64.b64encode(hashlib.sha256("".join(page.texts[tag]).encode()).digest()).decode()
        for tag in ("script", "style")
    }

    policy = content_security_policy()

    assert f"script-src 'sha256-{hashes['script']}'" in policy
    assert f"style-src 'sha256-{hashes['style']}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    (meta,) = (attributes for _, attributes in page.elements if "http-equiv" in attributes)
    assert meta["content"] == policy


def test_every_state_has_a_silhouette_a_sign_and_a_word(html: str) -> None:
    assert len(set(SILHOUETTES.values())) == len(State)
    for state in State:
        assert f'data-label="{state.sign} {state.label}"' in html
        assert silhouette(state) in html
        assert f"--{state.name.lower().replace('_', '-')}" in CSS
        assert f'class="s-{state.name.lower()}"' in html


def test_each_strip_says_its_counts_in_words(html: str) -> None:
    (strip,) = re.findall(r'aria-label="(claude_enterprise/[^"]*)"', html)

    assert strip == (
        "claude_enterprise/cost_report: 21 final, 1 provisional, 1 incomplete, 1 empty, 23 late, 1 missing, "
        "1 unreadable, 1 not due yet"
    )


def test_what_to_act_on_comes_first_with_the_command(html: str) -> None:
    acts, landed, came_to, restated = (
        html.index(title) for title in ("Days to act on", "What landed", "What it came to", "What the vendor restated")
    )

    assert acts < landed < came_to < restated
    assert "<code>airflow tasks clear --task-regex" in html[acts:landed]
    assert "23 days late, 1 day missing, 1 day unreadable, 1 day still incomplete in 1 table" in html[:acts]


def test_money_is_exact(html: str) -> None:
    assert "US$ 8,641.98" in html  # a week, rounded
    assert "US$ 8,641.97523" in html  # the same in the table


def test_a_restatement_is_shown_with_its_size_and_delay(html: str) -> None:
    assert "US$ 0.07 → US$ 0.08 (+14.3%)" in html
    assert "4 days after" in html


def test_a_good_lake_says_so(lake: ManifestLake) -> None:
    lake.put_daily(days_from(NOW.date() - 9 * DAY, 9))

    html = as_html("lake", lake.look(), now=NOW)

    assert "The one table is on time, nothing missing" in html
    assert "Days to act on" not in html
    assert "after it was due" not in html


def test_a_day_that_landed_late_says_how_late(lake: ManifestLake) -> None:
    lake.put_daily(days_from(NOW.date() - 9 * DAY, 9), after=6 * DAY)

    html = as_html("lake", lake.look(lag=3 * DAY), now=NOW)

    assert "landed 2 days 14 h after it was due" in html


def test_names_cannot_leave_their_place(lake: ManifestLake) -> None:
    hostile = "<script>alert(1)</script>\"'&"
    for day in days_from(FIRST, 3):
        lake.put(day, run=Run(dag_id=hostile, run_id=f"scheduled__{day}T00:00", task_id=hostile))
    lake.put(FIRST + 4 * DAY, b'{"dataset": "<img src=x>"}')

    html = as_html(f"s3://{hostile}", lake.look(), now=NOW, choices=[[Choice(hostile, f"?lake={hostile}", True)]])

    assert "<script>alert" not in html
    assert "<img" not in html
    Page(html)
    Page(message_as_html(hostile, hostile))


def test_a_lake_without_days_is_a_page_too(lake: ManifestLake) -> None:
    (lake.root / "perplexity/_manifests/spaces").mkdir(parents=True)

    html = as_html("lake", lake.look(), now=NOW)

    assert "perplexity/spaces" in html
    assert "none" in html


def test_a_year_of_all_tables_is_small_and_costs_as_much_as_it_has_days(lake: ManifestLake) -> None:
    last = NOW.date() - DAY
    datasets = [(vendor.name, name) for vendor in VENDORS.values() for name in vendor.datasets]
    for vendor, name in datasets:
        for place, day in enumerate(days_from(last - 364 * DAY, 365)):
            if place % 50 != 7:  # gaps, as in a table that had bad luck
                figures = {"spend_usd_cents": Decimal("1234567.123456"), "tokens": Decimal(123456789)}
                lake.put_daily(
                    [day], vendor=vendor, table=name, rows=9000 + place, final=place % 13 != 0, figures=figures
                )
    quarter, year = (survey(lake.path, days=Range(now=NOW, most=days)) for days in (91, 365))

    html = as_html("s3://lake/ai", year, now=NOW)

    assert len(datasets) == 24
    assert len(html.encode()) <= 150_000
    assert growth(lambda: as_html("lake", quarter, now=NOW), lambda: as_html("lake", year, now=NOW)) < 10


# --- colours ----------------------------------------------------------------------------------------------------------

TEXTS = ("mixed", "text", "quiet", "link", "late", "missing", "unreadable", "good", "bad")
SHAPES = ("mixed", "final", "provisional", "incomplete", "empty", "late", "missing", "unreadable", "not-due")


def theme(selector: str) -> dict[str, str]:
    (block,) = re.findall(rf"^{re.escape(selector)} {{(.*?)^}}", CSS, re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


def luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("selector", [":root", ':root[data-theme="dark"]'])
def test_texts_and_shapes_have_the_contrast_that_wcag_wants(selector: str) -> None:
    colours = theme(selector)
    for name in TEXTS:
        for ground in ("page", "raised"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    for name in SHAPES:
        assert contrast(colours[name], colours["page"]) >= 3, name
    assert contrast(colours["provisional"], colours["page"]) < contrast(colours["final"], colours["page"])


def test_both_ways_to_a_dark_page_have_the_same_colours() -> None:
    dark = re.findall(r"^ *color-scheme: dark;\n(.*?)}", CSS, re.MULTILINE | re.DOTALL)

    assert len(dark) == 2
    assert len({re.sub(r"\s+", " ", block).strip() for block in dark}) == 1


# --- shapes -----------------------------------------------------------------------------------------------------------


def test_neighbours_of_one_state_are_one_box_in_a_long_strip(lake: ManifestLake) -> None:
    for day in [*days_from(FIRST, 3), FIRST + 4 * DAY]:
        lake.put(day)
    (table,) = lake.look(last=FIRST + 4 * DAY)

    assert list(strip_paths(table.days, FIRST - DAY, 365)) == [
        (State.FINAL, "M1 0h3v18h-3zM5 0h1v18h-1z"),
        (State.MISSING, "M4 0h1v6h-1zM4 12h1v6h-1z"),
    ]
    assert dict(strip_paths(table.days, FIRST - DAY, 90))[State.FINAL].count("M") == 4


def test_the_provisional_part_of_a_week_stands_on_the_final_one() -> None:
    weeks = [Week(FIRST, Decimal(30), Decimal(10), 7), Week(FIRST, Decimal(0), Decimal(80), 7)]

    assert bar_paths(weeks) == ("M1 62.5h8v37.5h-8z", "M1 50h8v12.5h-8zM11 0h8v100h-8z")
    assert bar_paths([Week(FIRST, Decimal(0), Decimal(0), 7)]) == ("", "")


def test_months_are_marked_where_they_begin() -> None:
    assert month_marks(date(2026, 11, 10), 100) == [(0.0, "Nov"), (21.0, "Dec"), (52.0, "Jan 2027"), (83.0, "Feb")]
    assert month_marks(date(2026, 11, 28), 100)[0] == (3.0, "Dec")  # three days have no room for a name
