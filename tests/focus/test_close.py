# SPDX-License-Identifier: Apache-2.0
"""What a close needs, what is exported before it, and what is corrected after it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_aianalytics.exceptions import (
    AIAnalyticsError,
    CoverageError,
    InvalidArgumentError,
    MalformedResponseError,
    StorageError,
)
from airflow_provider_aianalytics.focus.export import Export
from airflow_provider_aianalytics.focus.files import read_export
from airflow_provider_aianalytics.focus.settings import parse_settings
from airflow_provider_aianalytics.simulator import PerplexitySettings
from airflow_provider_aianalytics.vendors.registry import VENDORS
from tests.focus.lakes import DIMENSIONS, NOW, OCTOBER, SETTINGS, Lake, settings_for, simulated_lake, total
from tests.support import truth

CLAUDE = "claude_enterprise"
NOVEMBER = date(2026, 11, 1), date(2026, 12, 1)
MONEY = ("BilledCost", "ListCost", "ContractedCost", "EffectiveCost")


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with simulated_lake(str(tmp_path), members=8) as lake:
        yield lake


def as_sent(lake: Lake, days: tuple[date, date], field: str = "amount") -> Decimal:
    sent = truth(lake.simulator, CLAUDE, "cost_report", *days)
    return sum((Decimal(json.loads(line)[field]) for lines in sent.values() for line in lines), Decimal(0)) / 100


def export(lake: Lake, month: str = "2026-10", **more: Any) -> Export:
    return lake.export(month, settings=None, vendor=CLAUDE, **more)


def test_a_close_needs_each_day(lake: Lake) -> None:
    lake.land(CLAUDE, "cost_report", days=(date(2026, 10, 1), date(2026, 10, 12)))
    lake.land(CLAUDE, "cost_report", days=(date(2026, 10, 14), date(2026, 10, 31)))

    with pytest.raises(CoverageError) as refusal:
        export(lake)
    assert "claude_enterprise/cost_report: missing 2026-10-12 to 2026-10-13, 2026-10-31" in str(refusal.value)
    found = export(lake, is_provisional=True)
    assert "claude_enterprise: PROVISIONAL: claude_enterprise/cost_report: missing 2026-10-12" in "\n".join(found.notes)


def test_a_close_needs_final_days(lake: Lake) -> None:
    lake.land(CLAUDE, "cost_report", days=NOVEMBER)

    with pytest.raises(CoverageError) as refusal:
        export(lake, "2026-11")
    assert "not final 2026-11-10 to 2026-11-30" in str(refusal.value)
    found = export(lake, "2026-11", is_provisional=True)
    assert {row["ChargePeriodStart"].day for row in found.rows if not row["x_IsFinal"]} <= set(range(10, 31))
    assert {row["x_IsFinal"] for row in found.rows} == {True, False}
    assert total(found, "ContractedCost") == as_sent(lake, NOVEMBER)


def rewrite(path: Path, table: str, day: str, **changes: Any) -> None:
    """Change the manifest of a day."""
    file = path / f"{CLAUDE}/_manifests/{table}/{day}.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_close_needs_final_quantities(lake: Lake, tmp_path: Path) -> None:
    days = OCTOBER[0], date(2026, 10, 3)
    lake.land(CLAUDE, "cost_report", table="cost", group_by=["model", "cost_type", "token_type"], days=days)
    lake.land(CLAUDE, "usage_report", table="usage", group_by=["model"], days=days)
    rewrite(tmp_path, "usage", "2026-10-01", complete=False, final=False)
    rewrite(tmp_path, "usage", "2026-10-02", final=False)

    with pytest.raises(CoverageError, match="usage: incomplete 2026-10-01; not final 2026-10-02"):
        export(lake)
    assert {row["x_IsFinal"] for row in export(lake, is_provisional=True).rows} == {False}


def test_a_capped_day_that_was_read_early_is_not_final(lake: Lake, tmp_path: Path) -> None:
    days = OCTOBER[0], date(2026, 10, 3)
    lake.land(CLAUDE, "cost_report", table="capped", group_by=["model"], days=days)
    lake.land(CLAUDE, "cost_report", days=days)
    early = "2026-10-03T12:00:00Z"
    capped: dict[str, Any] = {"complete": False, "final": False, "capped_buckets": 1}
    rewrite(tmp_path, "capped", "2026-10-01", **capped, fetched_at=early, data_refreshed_at=early)
    rewrite(tmp_path, "capped", "2026-10-02", **capped)

    with pytest.raises(CoverageError) as refusal:
        lake.export(settings=settings_for("capped"), vendor=CLAUDE)
    assert "capped: not final 2026-10-01; missing" in str(refusal.value)
    found = lake.export(settings=settings_for("capped"), vendor=CLAUDE, is_provisional=True)
    finals = {(row["ChargePeriodStart"].day, row["x_IsFinal"]) for row in found.rows}
    assert finals == {(1, False), (2, True)}


def test_the_most_detailed_table_that_covers_the_month_is_read(lake: Lake) -> None:
    lake.land(CLAUDE, "cost_report", group_by=["product"], table="by_product")
    lake.land(
        CLAUDE, "cost_report", group_by=["product", "model"], table="by_model", days=(OCTOBER[0], date(2026, 10, 9))
    )

    assert {row["x_SourceTable"] for row in export(lake).rows} == {"claude_enterprise/by_product"}


@pytest.mark.parametrize(
    "query",
    [{"group_by": ["rbac_group_id"]}, {"group_by": ["token_type"]}, {"filters": {"products": ["chat"]}}],
)
def test_rows_that_do_not_add_up_are_no_charges(lake: Lake, query: dict[str, Any]) -> None:
    lake.land(CLAUDE, "cost_report", table="part", days=(OCTOBER[0], date(2026, 10, 2)), **query)

    with pytest.raises(InvalidArgumentError, match="no table with costs has landed"):
        export(lake, is_provisional=True)
    with pytest.raises(InvalidArgumentError, match="table 'part' has no costs of 2026-10 that can be added up"):
        lake.export(settings=settings_for("part"), vendor=CLAUDE)


def test_days_are_read_rather_than_hours(lake: Lake) -> None:
    days = OCTOBER[0], date(2026, 10, 2)
    lake.land(CLAUDE, "cost_report", table="by_hour", group_by=["product", "model"], bucket_width="1h", days=days)
    lake.land(CLAUDE, "cost_report", table="total", days=days)

    assert {row["x_SourceTable"] for row in export(lake, is_provisional=True).rows} == {"claude_enterprise/total"}


def test_a_table_without_an_amount_is_not_read(lake: Lake) -> None:
    lake.land(CLAUDE, "cost_report", days=(OCTOBER[0], date(2026, 10, 2)), drop=("list_amount",))

    with pytest.raises(InvalidArgumentError, match="no table with costs has landed"):
        export(lake, is_provisional=True)


def test_another_currency_is_refused_and_its_days_are_named(lake: Lake, tmp_path: Path) -> None:
    lake.land(CLAUDE, "cost_report", days=(OCTOBER[0], date(2026, 10, 6)), compression="none")
    for day in ("2026-10-02", "2026-10-03", "2026-10-05"):
        file = tmp_path / f"claude_enterprise/cost_report/date={day}/cost_report.ndjson"
        data = file.read_bytes().replace(b'"USD"', b'"EUR"')
        file.write_bytes(data)
        rewrite(tmp_path, "cost_report", day, sha256=hashlib.sha256(data).hexdigest())

    with pytest.raises(MalformedResponseError) as refusal:
        export(lake, is_provisional=True)
    assert "a cost is in 'EUR'; only USD is known: 2026-10-02 to 2026-10-03, 2026-10-05" in str(refusal.value)
    assert "--vendor" in str(refusal.value)


def test_what_the_vendor_leaves_out_is_a_residual(tmp_path: Path) -> None:
    days = date(2026, 10, 5), date(2026, 10, 8)
    with simulated_lake(str(tmp_path), members=400) as lake:
        lake.land(CLAUDE, "cost_report", table="capped", group_by=list(DIMENSIONS), days=days)
        assert all(manifest.capped_buckets for manifest in lake.manifests(CLAUDE, "capped", days))
        with pytest.raises(CoverageError, match="capped 2026-10-05 to 2026-10-07"):
            export(lake)
        assert "no table has their total: costs are missing" in "\n".join(export(lake, is_provisional=True).notes)

        lake.land(CLAUDE, "cost_report", days=days)
        found = lake.export(settings=settings_for("capped"), vendor=CLAUDE, is_provisional=True)
        residuals = [row for row in found.rows if row["x_IsResidual"]]
        assert total(found, "ContractedCost") == as_sent(lake, days)
        assert total(found, "ListCost") == as_sent(lake, days, "list_amount")
        assert len(residuals) == 3
        assert {(row["x_Product"], row["x_Model"], row["SkuPriceDetails"]) for row in residuals} == {(None, None, None)}
        assert all(row["ContractedCost"] > 0 and row["ConsumedUnit"] == "Requests" for row in residuals)
        assert {row["x_IsFinal"] for row in found.rows} == {True}
        assert "capped 2026" not in "".join(note for note in found.notes if "PROVISIONAL" in note)

        # The total of some of the capped days is no total of the month.
        lake.land(CLAUDE, "cost_report", table="capped", group_by=list(DIMENSIONS), days=(days[1], date(2026, 10, 10)))
        with pytest.raises(CoverageError, match="capped 2026-10-05"):
            lake.export(settings=settings_for("capped"), vendor=CLAUDE)


def test_members_without_a_total_are_exported_with_a_note(lake: Lake) -> None:
    lake.land(CLAUDE, "user_cost_report", table="members")
    lake.land(CLAUDE, "cost_report", days=(date(2026, 10, 20), date(2026, 11, 1)))

    found = lake.export(settings=settings_for("members"), vendor=CLAUDE)
    assert total(found, "ContractedCost") * 100 == lake.manifest_total(CLAUDE, "members")
    assert "claude_enterprise: usage that belongs to no member is not in the file" in "\n".join(found.notes)


def test_hours_have_a_residual_of_the_day_where_the_total_is_of_days(tmp_path: Path) -> None:
    first = date(2026, 10, 5), date(2026, 10, 6)
    with simulated_lake(str(tmp_path)) as lake:
        lake.land(CLAUDE, "user_cost_report", table="hours", bucket_width="1h", days=first)
        lake.land(CLAUDE, "cost_report", days=first)
        found = lake.export(settings=settings_for("hours"), vendor=CLAUDE, is_provisional=True)

        assert total(found, "ContractedCost") == as_sent(lake, first)
        (residual,) = [row for row in found.rows if row["x_IsResidual"]]
        assert residual["ChargePeriodEnd"] - residual["ChargePeriodStart"] == timedelta(days=1)
        hours = {row["ChargePeriodEnd"] - row["ChargePeriodStart"] for row in found.rows} - {timedelta(days=1)}
        assert hours == {timedelta(hours=1)}


def test_a_lake_that_starts_later_has_no_charges_of_the_month(lake: Lake) -> None:
    lake.land(CLAUDE, "cost_report")
    lake.land("perplexity", "credit_usage", days=NOVEMBER)

    found = lake.export(settings=None)
    assert "perplexity: no costs of 2026-10 have landed; its charges are not in the file" in found.notes
    with pytest.raises(CoverageError, match="no costs of 2026-10 have landed"):
        lake.export()


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_what_changes_after_a_close_is_a_correction(tmp_path: Path, form: str) -> None:
    """October is exported early in November; the vendor restates it until the end of that month."""
    with simulated_lake(str(tmp_path / "lake"), members=8, now=datetime(2026, 11, 2, 12, tzinfo=UTC)) as lake:
        lake.land(CLAUDE, "cost_report", table="costs", group_by=["product"])
        first = export(lake, is_provisional=True)
        booked = tmp_path / "october"
        booked.write_bytes(getattr(first, form)())
        before = as_sent(lake, OCTOBER)

        lake.simulator.set_now(datetime(2027, 1, 5, 12, tzinfo=UTC))
        lake.land(CLAUDE, "cost_report", table="costs", group_by=["product"])
        lake.land(CLAUDE, "cost_report", table="costs", group_by=["product"], days=NOVEMBER)
        second = export(lake, "2026-11", closed=[str(booked)])
        now, november = as_sent(lake, OCTOBER), as_sent(lake, NOVEMBER)

        changed = [row for row in second.rows if row["ChargeClass"] == "Correction"]
        assert before != now
        assert total(first, "ContractedCost") == before
        assert sum(row["ContractedCost"] for row in changed) == now - before
        assert total(second, "ContractedCost") == november + now - before
        assert {row["BillingPeriodStart"] for row in second.rows} == {datetime(2026, 11, 1, tzinfo=UTC)}
        assert {row["ChargePeriodStart"].month for row in changed} == {10}
        assert all(any(row[name] for name in MONEY) or row["PricingQuantity"] for row in changed)
        assert f"claude_enterprise: {len(changed)} rows with ChargeClass Correction for 2026-10" in second.notes

        # With both exports closed nothing is left to correct.
        again = tmp_path / "november"
        again.write_bytes(getattr(second, form)())
        lake.land(
            CLAUDE, "cost_report", table="costs", group_by=["product"], days=(date(2026, 12, 1), date(2027, 1, 1))
        )
        third = export(lake, "2026-12", closed=[str(booked), str(again)], is_provisional=True)
        assert {row["ChargeClass"] for row in third.rows} == {None}


def test_a_month_is_not_exported_with_itself_closed(lake: Lake, tmp_path: Path) -> None:
    lake.land(CLAUDE, "cost_report")
    closed = tmp_path / "october.csv"
    closed.write_bytes(export(lake).csv())

    assert read_export(str(closed))[0]["ChargePeriodStart"] == datetime(2026, 10, 1, tzinfo=UTC)
    with pytest.raises(InvalidArgumentError, match="2026-10 is in a closed export already"):
        export(lake, closed=[str(closed)])
    closed.write_bytes(b"a,b\r\n1,2\r\n")
    with pytest.raises(InvalidArgumentError, match="is no export of this command"):
        export(lake, "2026-11", closed=[str(closed)])
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        export(lake, "2026-11", closed=[str(tmp_path / "nowhere.csv")])


def test_one_month_is_closed_by_one_export_and_not_before_an_earlier_one(lake: Lake, tmp_path: Path) -> None:
    days = OCTOBER[0], date(2026, 10, 3)
    lake.land(CLAUDE, "cost_report", days=days)
    lake.land(CLAUDE, "cost_report", days=(date(2026, 11, 1), date(2026, 11, 3)))
    october = export(lake, is_provisional=True)
    files = {"october.csv": october.csv(), "october.parquet": october.parquet()}
    files["november.csv"] = export(lake, "2026-11", is_provisional=True).csv()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    first, second, november = (str(tmp_path / name) for name in files)

    for twice in ([first, second], [first, first]):
        with pytest.raises(InvalidArgumentError, match=f"2026-10 of Anthropic is closed by {first} and by {twice[1]}"):
            export(lake, "2026-11", closed=twice, is_provisional=True)
    with pytest.raises(InvalidArgumentError, match="the closed exports have 2026-11, which is later than 2026-10"):
        export(lake, closed=[november], is_provisional=True)


@pytest.mark.parametrize(
    ("file_format", "compression"), [("ndjson", "none"), ("ndjson", "zstd"), ("csv", "gzip"), ("parquet", "zstd")]
)
def test_the_rows_are_the_same_whatever_the_format(lake: Lake, file_format: str, compression: str) -> None:
    days = OCTOBER[0], date(2026, 10, 4)
    for vendor, dataset, query in (
        (CLAUDE, "cost_report", {"group_by": list(DIMENSIONS)}),
        ("perplexity", "member_credit_usage", {}),
    ):
        lake.land(vendor, dataset, table="plain", days=days, **query)
        plain = lake.export(settings=settings_for("plain", vendor=vendor), vendor=vendor, is_provisional=True)
        lake.land(vendor, dataset, table="other", days=days, file_format=file_format, compression=compression, **query)
        other = lake.export(settings=settings_for("other", vendor=vendor), vendor=vendor, is_provisional=True)

        assert len(plain.rows) > 5
        assert [row | {"x_SourceTable": ""} for row in plain.rows] == [
            row | {"x_SourceTable": ""} for row in other.rows
        ]


def test_the_older_shape_of_a_breakdown_is_read(tmp_path: Path) -> None:
    days = OCTOBER[0], date(2026, 10, 4)
    older = PerplexitySettings(shape="legacy", source_labels=("Paid", "Promo"))
    with simulated_lake(str(tmp_path), perplexity=older) as lake:
        lake.land("perplexity", "credit_usage", days=days)
        found = lake.export(vendor="perplexity", is_provisional=True)

    assert total(found, "PricingQuantity", "Perplexity") == lake.manifest_total("perplexity", "credit_usage", days) > 0
    assert {"computer-credits/paid", "computer-credits/promo"} <= {row["SkuPriceId"] for row in found.rows}


PAID = (("paid", 90), ("promo", 10))


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ({"by_category": PAID, "Credit Source": PAID}, {"paid": 90, "promo": 10}),
        ({"credit source ": (("Paid ", 90), ("PROMO", 10))}, {"paid": 90, "promo": 10}),
        ({"Credit Source": PAID, "credit source": PAID}, {"unattributed": 100}),
        ({"Credit Source": (*PAID, ("paid", 1))}, {"unattributed": 100}),
    ],
)
def test_a_credit_counts_once(axes: dict[str, tuple[tuple[str, int], ...]], expected: dict[str, int]) -> None:
    rule = VENDORS["perplexity"].charges.rule("credit_usage")
    bounds = {"start_time": NOW, "end_time": NOW + timedelta(days=1)}
    rows = [bounds | {"row_type": "total", "axis": None, "category": None, "count": 100}]
    for axis, categories in axes.items():
        for category, count in categories:
            rows.append(bounds | {"row_type": "category", "axis": axis, "category": category, "count": count})

    terms = parse_settings(SETTINGS)["perplexity"]
    found = {charge.sku_price: charge.quantity for charge in rule.read(rows, lambda _: None, terms)}
    assert found == {f"computer-credits/{source}": count for source, count in expected.items()}


@pytest.mark.parametrize("file_format", ["ndjson", "csv", "parquet"])
def test_members_without_addresses_are_added_up(lake: Lake, file_format: str) -> None:
    days = OCTOBER[0], date(2026, 10, 3)
    lake.land("perplexity", "member_credit_usage", table="all", days=days)
    lake.land(
        "perplexity",
        "member_credit_usage",
        table="nobody",
        drop=("user_email",),
        file_format=file_format,
        days=days,
    )

    named, nobody = (
        lake.export(settings=settings_for(table, vendor="perplexity"), vendor="perplexity", is_provisional=True)
        for table in ("all", "nobody")
    )
    assert total(nobody, "EffectiveCost", "Perplexity") == total(named, "EffectiveCost", "Perplexity") > 0
    assert total(nobody, "PricingQuantity", "Perplexity") == total(named, "PricingQuantity", "Perplexity")


def test_an_object_store_is_read(lake: Lake) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    days = OCTOBER[0], date(2026, 10, 3)
    stored = Lake("memory://focus-lake/ai", lake.simulator)
    try:
        stored.land(CLAUDE, "cost_report", days=days, file_format="parquet")
        found = export(stored, is_provisional=True)
    finally:
        MemoryFileSystem.store.clear()
    assert total(found, "ContractedCost") == as_sent(lake, days)


def test_data_that_is_not_what_its_manifest_describes_is_refused(lake: Lake, tmp_path: Path) -> None:
    days = OCTOBER[0], date(2026, 10, 2)
    lake.land(CLAUDE, "cost_report", days=days, compression="none")
    file = tmp_path / "claude_enterprise/cost_report/date=2026-10-01/cost_report.ndjson"
    file.write_bytes(file.read_bytes().replace(b'"amount":"', b'"amount":"1'))
    with pytest.raises(StorageError, match="the data of 2026-10-01 is not what its manifest describes"):
        export(lake, is_provisional=True)
    file.unlink()
    with pytest.raises(StorageError, match="the data of 2026-10-01 is missing"):
        export(lake, is_provisional=True)


def test_charges_that_are_not_the_manifests_total_are_refused(lake: Lake, tmp_path: Path) -> None:
    lake.land(CLAUDE, "cost_report", days=(OCTOBER[0], date(2026, 10, 2)))
    file = tmp_path / "claude_enterprise/_manifests/cost_report/2026-10-01.json"
    manifest = json.loads(file.read_text())
    file.write_text(json.dumps(manifest | {"total": "1.000001"}))

    with pytest.raises(AIAnalyticsError, match=r"the manifest's total is 1\.000001"):
        export(lake, is_provisional=True)
