# SPDX-License-Identifier: Apache-2.0
"""The Perplexity Computer Analytics API, as data. Section numbers are those of its wire contract."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider_aianalytics.vendors.availability import CompleteBuckets
from airflow_provider_aianalytics.vendors.base import (
    Column,
    ColumnType,
    Dataset,
    Figure,
    Filter,
    TimestampFormat,
    Vendor,
    WindowRule,
    catalogue,
)
from airflow_provider_aianalytics.vendors.perplexity.answers import ANSWERS
from airflow_provider_aianalytics.vendors.perplexity.charges import CHARGES

NAME = "perplexity"

# Section 4: synced "periodically, not in real time", with no watermark, so a recent zero proves nothing. There is no
# statement of finality either; the contract's client policy is to read three trailing days again.
COMPLETE_BUCKETS = CompleteBuckets(settle=timedelta(hours=3), final_after=timedelta(days=3))
WINDOW = WindowRule(start="start_time", end="end_time", time_format=TimestampFormat.EPOCH, max_days=90)
BOUNDS = ("start_time", "end_time")
BREAKDOWN = ("by_categories", "by_category")  # the current shape and the older one (sections 2.2 and 2.3)
_CREDITS = Figure("credits", ("count",))
_ACTIVE_MEMBERS = Figure("active_members", ("count",), is_additive=False)
_BOUND_COLUMNS = (
    Column("start_time", ColumnType.TIMESTAMP, "start of the bucket", section="2.2"),
    Column("end_time", ColumnType.TIMESTAMP, "end of the bucket, exclusive", section="2.2"),
)


def _count(unit: str) -> Column:
    return Column("count", ColumnType.INTEGER, f"{unit}: all of them, or those of the category", unit, section="2.4")


def _series(name: str, title: str, unit: str, figure: Figure | None = None) -> Dataset:
    """A v1 time series (section 2): every bucket of the window, also the empty ones.

    :param unit: what it counts (section 2.4).
    :param figure: what the manifests sum up.
    """
    return Dataset(
        vendor=NAME,
        name=name,
        path="/v1/analytics/computer/usage",
        title=title,
        grain="bucket",
        section="2",
        window=WINDOW,
        page_limit={"1d": 31, "1h": 168},
        limit_unit="buckets",
        is_series=True,
        availability=COMPLETE_BUCKETS,
        bounds=BOUNDS,
        measure="count",
        figure=figure,
        breakdown=BREAKDOWN,
        bucket_widths=("1d", "1h"),
        filters={"user_email": Filter(multiple=False)},
        parameters=(("dataset", name),),
        columns=(*_BOUND_COLUMNS, _count(unit)),
    )


def _by_member(name: str, title: str, unit: str, figure: Figure | None = None) -> Dataset:
    """A v2 dataset (section 5): a row for each member who has any, days only; ``limit`` counts member rows."""
    return Dataset(
        vendor=NAME,
        name=f"member_{name}",
        path="/v2/analytics/computer/usage",
        title=title,
        grain="member and day",
        section="5",
        window=WINDOW,
        page_limit={None: 100},
        limit_unit="member rows",
        availability=COMPLETE_BUCKETS,
        bounds=BOUNDS,
        results="results",
        row_key=("user_email",),
        measure="count",
        figure=figure,
        breakdown=BREAKDOWN,
        parameters=(("dataset", name), ("group_by", "user_email")),
        columns=(
            *_BOUND_COLUMNS,
            Column("user_email", ColumnType.STRING, "address of the member"),
            _count(unit),
        ),
    )


VENDOR = PERPLEXITY = Vendor(
    name=NAME,
    answers=ANSWERS,
    title="Perplexity Analytics",
    base_url="https://api.perplexity.ai",
    key_header="Authorization",
    key_format="Bearer {key}",
    headers={},
    requests_per_minute=60,  # section 4: no number is published; this one is ours
    max_concurrency=1,
    key_placeholder="the organization's Analytics API key (not a Sonar key)",
    key_help=(
        "There is one key an organization: whoever regenerates it breaks every consumer. "
        "The organization's Analytics API key is needed (a Sonar key does not work); an admin makes it in the "
        "organization's Computer settings > Analytics > Analytics API, and it belongs in the connection's password"
    ),
    analytics_url="https://www.perplexity.ai/account/org/analytics",
    docs_url="https://docs.perplexity.ai/docs/admin/computer-analytics-api",
    contract="perplexity-computer-analytics.md",
    probe_dataset="credit_usage",
    datasets=catalogue(
        _series("credit_usage", "credits used, by model and by source", "credits", _CREDITS),
        _series("connectors", "use of connectors", "uses"),
        _series("artifacts", "artifacts generated, by type", "artifacts"),
        _series("skills", "use of skills", "uses"),
        _series("spaces", "activity in spaces", "tasks"),
        _series("workflows", "workflow runs", "runs"),
        _series("task_durations", "tasks, by duration band", "tasks"),
        _series("query_volume", "queries", "queries"),
        _series("daily_active_users", "distinct users of a bucket (not additive)", "members", _ACTIVE_MEMBERS),
        _by_member("credit_usage", "credits used by each member", "credits", _CREDITS),
        _by_member("query_volume", "queries of each member", "queries"),
    ),
    charges=CHARGES,
)
