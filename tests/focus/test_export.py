# SPDX-License-Identifier: Apache-2.0
"""A month as FOCUS rows: their columns and types, and sums that are exactly those of the vendors."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from airflow_provider_aianalytics.focus.columns import MANDATORY, FocusColumn, Kind
from airflow_provider_aianalytics.focus.export import Export
from airflow_provider_aianalytics.focus.files import METADATA
from tests.focus.lakes import OCTOBER, SETTINGS, Lake, settings_for, simulated_lake, total
from tests.support import truth

TYPES = {Kind.TEXT: str, Kind.DECIMAL: Decimal, Kind.TIME: datetime, Kind.FLAG: bool}
ALLOWED = {
    "BillingCurrency": {"USD"},
    "ChargeCategory": {"Usage"},
    "ChargeClass": {None, "Correction"},
    "ChargeFrequency": {"Usage-Based"},
    "PricingCategory": {"Standard", "Other"},
    "PricingUnit": {"Requests", "1000000 Tokens", "Credits", "Units"},
    "ConsumedUnit": {None, "Requests", "Tokens", "Credits"},
    "ServiceCategory": {"AI and Machine Learning"},
    "ServiceSubcategory": {"Generative AI"},
}
"""What FOCUS 1.2 allows, as far as it is used here."""


@pytest.fixture(scope="module")
def exported(lake: Lake) -> Export:
    return lake.export()


def records(lake: Lake, vendor: str, dataset: str, **options: Any) -> list[dict[str, Any]]:
    """The simulator's own records of October."""
    days = truth(lake.simulator, vendor, dataset, *OCTOBER, **options)
    return [json.loads(line) for lines in days.values() for line in lines]


def wrong_type(column: FocusColumn, value: object) -> bool:
    return (value is None and not column.is_nullable) or (
        value is not None and (not isinstance(value, TYPES[column.kind]) or value == "")
    )


def test_every_mandatory_column_is_there_with_values_that_focus_allows(exported: Export) -> None:
    names = [column.name for column in exported.columns]

    assert set(names) >= MANDATORY
    assert len(MANDATORY) == 21
    own = [name.startswith("x_") for name in names]
    assert own == sorted(own)  # the columns of FOCUS come first
    assert all(list(row) == names for row in exported.rows)
    wrong = {
        (one.name, row[one.name]) for row in exported.rows for one in exported.columns if wrong_type(one, row[one.name])
    }
    assert wrong == set()
    for name, allowed in ALLOWED.items():
        assert {row[name] for row in exported.rows} <= allowed


def test_rows_keep_the_cross_rules_of_focus(exported: Export) -> None:
    parents: dict[str, set[str]] = {}
    for row in exported.rows:
        assert row["BillingPeriodStart"] == datetime(2026, 10, 1, tzinfo=UTC)
        assert row["BillingPeriodEnd"] == datetime(2026, 11, 1, tzinfo=UTC)
        assert row["BillingPeriodStart"] <= row["ChargePeriodStart"] < row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]
        assert (row["ConsumedQuantity"] is None) == (row["ConsumedUnit"] is None)
        assert (row["RegionId"] is None) == (row["RegionName"] is None)
        for price, cost in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
            assert row[price] is None or row[price] * row["PricingQuantity"] == row[cost]
        assert all(name.startswith("x_") for name in json.loads(row["SkuPriceDetails"] or "{}"))
        parents.setdefault(row["SkuPriceId"], set()).add(row["SkuId"])
    assert {len(skus) for skus in parents.values()} == {1}
    identities = Counter(
        (row["ChargePeriodStart"], row["ServiceName"], row["SkuPriceId"], row["x_Product"]) for row in exported.rows
    )
    assert set(identities.values()) == {1}


@pytest.mark.parametrize("table", ["cost_report", "cost_by_model", "cost_by_token", "cost_by_member"])
def test_costs_are_the_vendors_to_the_last_digit(lake: Lake, table: str) -> None:
    found = lake.export(settings=settings_for(table))
    sent = records(lake, "claude_enterprise", "cost_report")

    for column, field in (("ContractedCost", "amount"), ("EffectiveCost", "amount"), ("ListCost", "list_amount")):
        assert total(found, column) * 100 == sum(Decimal(record[field]) for record in sent)
    assert total(found, "BilledCost") == total(found, "ContractedCost")
    assert total(found, "ContractedCost") * 100 == lake.manifest_total("claude_enterprise", "cost_report")


def test_a_row_is_a_day_and_a_group(lake: Lake) -> None:
    found = lake.export(settings=settings_for("cost_by_model"))
    sent = {
        (record["starting_at"], record["product"], record["model"]): record
        for record in records(lake, "claude_enterprise", "cost_report", **{"group_by[]": ["product", "model"]})
    }

    rows = [row for row in found.rows if row["ProviderName"] == "Anthropic"]
    assert len(rows) == len(sent) > 100
    for row in rows:
        record = sent[f"{row['ChargePeriodStart']:%Y-%m-%dT%H:%M:%SZ}", row["x_Product"], row["x_Model"]]
        assert row["ContractedCost"] * 100 == Decimal(record["amount"])
        assert row["PricingQuantity"] == row["ConsumedQuantity"] == record["requests"]
        assert row["SkuId"] == (record["model"] or "claude")
    services = {row["x_Product"]: row["ServiceName"] for row in rows}
    assert services["claude_code"] == "Claude Code"
    assert services[None] == "Claude"
    assert "x_Speed" not in rows[0]


def test_tokens_come_from_the_usage_of_the_same_groups(lake: Lake) -> None:
    found = lake.export()  # takes the table with the most dimensions
    rows = [row for row in found.rows if row["x_SourceTable"] == "claude_enterprise/cost_by_token"]
    sent = records(lake, "claude_enterprise", "usage_report")

    consumed = {
        meter: sum(row["ConsumedQuantity"] for row in rows if row["SkuMeter"] == meter)
        for meter in {row["SkuMeter"] for row in rows} - {"Code Execution"}
    }
    assert consumed == {
        "Uncached Input Tokens": sum(one["uncached_input_tokens"] for one in sent),
        "Cache Read Tokens": sum(one["cache_read_input_tokens"] for one in sent),
        "Cache Write 5m Tokens": sum(one["cache_creation"]["ephemeral_5m_input_tokens"] for one in sent),
        "Cache Write 1h Tokens": sum(one["cache_creation"]["ephemeral_1h_input_tokens"] for one in sent),
        "Output Tokens": sum(one["output_tokens"] for one in sent),
        "Web Searches": sum(one["server_tool_use"]["web_search_requests"] for one in sent),
    }
    millions = [row for row in rows if row["PricingUnit"] == "1000000 Tokens"]
    assert all(row["PricingQuantity"] * 1_000_000 == row["ConsumedQuantity"] for row in millions)
    lumps = [row for row in rows if row["PricingUnit"] == "Units"]
    assert {row["SkuMeter"] for row in lumps} == {"Code Execution"}
    assert {row["PricingQuantity"] for row in lumps} == {1}
    assert {row["RegionId"] for row in rows} == {None, "us"}


def test_credits_cost_what_the_settings_say(lake: Lake, exported: Export) -> None:
    rows = [row for row in exported.rows if row["ProviderName"] == "Perplexity"]
    sent = records(lake, "perplexity", "credit_usage")
    by_source: Counter[str] = Counter()
    for record in sent:
        for source in record["by_categories"]["Credit Source"]:
            by_source[source["category"].casefold()] += source["count"]
    count = sum(record["count"] for record in sent)

    assert total(exported, "PricingQuantity", "Perplexity") == count
    assert count == lake.manifest_total("perplexity", "credit_usage")
    assert total(exported, "ListCost", "Perplexity") == count * Decimal("0.0123")
    assert total(exported, "ContractedCost", "Perplexity") == count * Decimal("0.011")
    assert total(exported, "EffectiveCost", "Perplexity") == (count - by_source["promo"]) * Decimal("0.011")
    assert total(exported, "BilledCost", "Perplexity") == 0
    used = {row["SkuPriceId"]: 0 for row in rows}
    for row in rows:
        used[row["SkuPriceId"]] += row["ConsumedQuantity"]
    rest = count - sum(by_source.values())
    assert used == {
        "computer-credits/paid": by_source["paid"],
        "computer-credits/promo": by_source["promo"],
        **({"computer-credits/unattributed": rest} if rest else {}),
    }
    assert {row["PricingCurrency"] for row in rows} == {"Credits"}
    assert {row["PricingCategory"] for row in rows if row["SkuPriceId"].endswith("/promo")} == {"Other"}


def test_credits_in_arrears_are_billed(lake: Lake) -> None:
    settings = SETTINGS.replace("[perplexity]", "[perplexity]\nprepaid = false")
    found = lake.export(settings=settings, vendor="perplexity")

    assert total(found, "BilledCost", "Perplexity") == total(found, "EffectiveCost", "Perplexity") > 0
    assert {row["ProviderName"] for row in found.rows} == {"Perplexity"}


def test_prices_can_change_from_a_day_on(lake: Lake) -> None:
    prices = 'credit_price_usd = { "2026-01-01" = "0.02", "2026-10-11" = 0.01 }'
    found = lake.export(settings=f'[perplexity]\nbilling_account_id = "example"\n{prices}', vendor="perplexity")

    first_days = {row["ListUnitPrice"] for row in found.rows if row["ChargePeriodStart"].day <= 10}
    assert first_days == {Decimal("0.02")}
    assert {row["ListUnitPrice"] for row in found.rows if row["ChargePeriodStart"].day > 10} == {Decimal("0.01")}


def test_people_are_in_the_file_only_as_pseudonyms(lake: Lake) -> None:
    with_pseudonyms = lake.export(settings=settings_for("cost_by_member"))
    without = lake.export(settings=settings_for("named_cost_by_member"))

    pseudonyms = {row["x_UserId"] for row in with_pseudonyms.rows} - {None}
    assert len(pseudonyms) > 10
    assert {len(pseudonym) for pseudonym in pseudonyms} == {64}
    assert "x_UserId" not in without.rows[0]
    assert b"@" not in without.csv()
    assert b"user_0" not in without.csv()
    assert len(without.rows) < len(with_pseudonyms.rows)
    assert total(without, "ListCost") == total(with_pseudonyms, "ListCost")


def test_usage_of_no_member_is_a_residual(lake: Lake) -> None:
    found = lake.export(settings=settings_for("cost_by_member"))
    rows = [row for row in found.rows if row["ProviderName"] == "Anthropic"]
    by_member = lake.manifest_total("claude_enterprise", "cost_by_member")

    residuals = [row for row in rows if row["x_IsResidual"]]
    assert sum(row["ContractedCost"] for row in rows if not row["x_IsResidual"]) * 100 == by_member
    assert sum(row["ContractedCost"] for row in residuals) > 0
    assert {(row["x_Product"], row["x_UserId"], row["SkuPriceDetails"]) for row in residuals} == {(None, None, None)}
    assert any("rows with x_IsResidual" in note for note in found.notes)


def test_members_of_credits_add_up_to_the_organization(lake: Lake) -> None:
    settings = settings_for("member_credit_usage", vendor="perplexity")
    members, whole = lake.export(settings=settings, vendor="perplexity"), lake.export(vendor="perplexity")

    for column in ("ListCost", "ContractedCost", "EffectiveCost", "PricingQuantity"):
        assert total(members, column, "Perplexity") == total(whole, column, "Perplexity")
    assert any(row["x_IsResidual"] for row in members.rows)


def test_the_dimensioned_report_needs_an_account(lake: Lake) -> None:
    settings = settings_for("beta_cost").replace(
        "billing_account_name", 'billing_account_id = "acme"\nbilling_account_name', 1
    )
    found = lake.export(settings=settings, vendor="claude_enterprise")

    assert {row["BillingAccountId"] for row in found.rows} == {"acme"}
    assert total(found, "ContractedCost") * 100 == lake.manifest_total("claude_enterprise", "cost_report")
    with pytest.raises(ValueError, match='Write billing_account_id = "…" below \\[claude_enterprise\\]'):
        lake.export(settings=settings_for("beta_cost"), vendor="claude_enterprise")


def test_parquet_and_csv_have_the_same_rows(exported: Export) -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(exported.parquet()))
    types = {field.name: str(field.type) for field in table.schema}
    text = list(csv.DictReader(io.StringIO(exported.csv().decode())))

    assert table.to_pylist() == exported.rows
    assert {types[name] for name in types if name.endswith(("Cost", "Quantity"))} == {"decimal128(38, 14)"}
    assert types["ChargePeriodStart"] == "timestamp[us, tz=UTC]"
    about = json.loads(table.schema.metadata[METADATA])
    assert (about["focus_version"], about["month"], about["notes"]) == ("1.2", "2026-10", exported.notes)
    assert [row["ChargePeriodStart"] for row in text] == [
        f"{row['ChargePeriodStart']:%Y-%m-%dT%H:%M:%SZ}" for row in exported.rows
    ]
    assert [Decimal(row["ListCost"]) for row in text] == [row["ListCost"] for row in exported.rows]
    assert {row["ChargeClass"] for row in text} == {""}
    assert all("." in row["PricingQuantity"] and "E" not in row["PricingQuantity"] for row in text)


def test_the_notes_say_what_was_assumed_and_what_was_read(exported: Export, lake: Lake) -> None:
    notes = "\n".join(exported.notes)

    cents = lake.manifest_total("claude_enterprise", "cost_by_token")
    assert f"amount {cents:f} US cents: the total of the manifests of claude_enterprise/cost_by_token" in notes
    assert "quantities from claude_enterprise/usage_by_model" in notes
    assert "InvoiceIssuerName is Anthropic (assumed)" in notes
    assert "contracted_credit_price_usd is 0.011 (from the settings)" in notes
    assert "not added up with it: cost_by_model, cost_report" in notes


def test_members_without_a_name_share_no_quantity(tmp_path: Path) -> None:
    days = OCTOBER[0], date(2026, 10, 3)
    with simulated_lake(str(tmp_path)) as lake:
        cut = {"days": days, "drop": ("actor",)}
        by = ["model", "cost_type", "token_type"]
        lake.land("claude_enterprise", "user_cost_report", table="cost", group_by=by, **cut)
        lake.land("claude_enterprise", "user_usage_report", table="usage", group_by=["model"], **cut)
        found = lake.export(settings=settings_for("cost"), vendor="claude_enterprise", is_provisional=True)
        days_sent = truth(lake.simulator, "claude_enterprise", "user_usage_report", *days, **{"group_by[]": ["model"]})
        sent = [json.loads(line) for lines in days_sent.values() for line in lines]

    known = Counter((row["starting_at"], row["model"]) for row in sent)
    single = sum(row["output_tokens"] for row in sent if known[row["starting_at"], row["model"]] == 1)
    assert max(known.values()) > 1
    consumed = [row["ConsumedQuantity"] for row in found.rows if row["SkuMeter"] == "Output Tokens"]
    assert sum(filter(None, consumed)) == single
    assert None in consumed
    assert total(found, "ContractedCost") * 100 == lake.manifest_total("claude_enterprise", "cost", days)
