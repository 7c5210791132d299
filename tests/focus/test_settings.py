# SPDX-License-Identifier: Apache-2.0
"""The settings: small, checked, and exact."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.focus.settings import parse_settings, read_settings
from tests.focus.lakes import Lake


def test_prices_are_exact_however_they_are_written() -> None:
    terms = parse_settings('[perplexity]\ncredit_price_usd = 0.1\ncontracted_credit_price_usd = "0.09"')["perplexity"]

    assert terms.prices["credit_price_usd"].at(date(2026, 10, 1)) == Decimal("0.1")
    assert terms.prices["contracted_credit_price_usd"].at(date(2026, 10, 1)) == Decimal("0.09")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[perplexity", "are not TOML"),
        ("[openai]\ntable = 'a'", "'openai'; allowed are the sections claude_enterprise, perplexity"),
        ("perplexity = 1", "allowed are the sections"),
        ("[perplexity]\ncredit_prize_usd = 1", r"\[perplexity\] has credit_prize_usd; allowed are billing_account_id"),
        ("[claude_enterprise]\ncredit_price_usd = 1", "has credit_price_usd"),
        ("[perplexity]\nprepaid = 'yes'", "prepaid is 'yes'; allowed are true and false"),
        ("[perplexity]\ntable = ''", "table is ''; write a text"),
        ("[perplexity]\ncredit_price_usd = 'one cent'", "one cent is no price; write US dollars such as"),
        ("[perplexity]\ncredit_price_usd = true", "True is no price"),
        ("[perplexity]\ncredit_price_usd = -1", "0 or more and below 10000"),
        ("[perplexity]\ncredit_price_usd = nan", "NaN is no price"),
        ("[perplexity]\ncredit_price_usd = 0.000000000000001", "14 decimals at most"),
        ("[perplexity]\ncredit_price_usd = 1e30", "below 10000"),
        ("[perplexity]\ncredit_price_usd = 1e400", "below 10000"),
        ("[perplexity]\ncredit_price_usd = {}", "there is no price"),
        ("[perplexity]\ncredit_price_usd = { october = 1 }", "'october' is no day; write it as 2026-11-01"),
    ],
)
def test_what_is_no_setting_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        parse_settings(text)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        read_settings(str(tmp_path / "focus.toml"))
    assert read_settings(None) == {}
    (tmp_path / "focus.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(InvalidArgumentError, match=r"focus\.toml are not UTF-8"):
        read_settings(str(tmp_path / "focus.toml"))


def test_credits_need_a_price_and_an_account(lake: Lake) -> None:
    with pytest.raises(InvalidArgumentError, match="the API has no price") as refusal:
        lake.export(settings=None, vendor="perplexity")
    assert '[perplexity]\ncredit_price_usd = "0.01"' in str(refusal.value)
    with pytest.raises(InvalidArgumentError, match="FOCUS needs a billing account"):
        lake.export(settings='[perplexity]\ncredit_price_usd = "0.01"', vendor="perplexity")
    with pytest.raises(InvalidArgumentError, match="credit_price_usd has no price for 2026-10-01"):
        lake.export(settings='[perplexity]\ncredit_price_usd = { "2026-10-02" = "0.01" }', vendor="perplexity")
