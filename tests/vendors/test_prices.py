# SPDX-License-Identifier: Apache-2.0
"""A price means the same to the views and to the export."""

from __future__ import annotations

import pytest

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.focus.settings import parse_settings
from airflow_provider_aianalytics.views.prices import credit_prices

MOST_DIGITS = "9999.00000000000001"


def test_views_and_export_take_the_same_prices() -> None:
    settings = parse_settings(f'[perplexity]\ncredit_price_usd = {{ "2026-01-01" = "{MOST_DIGITS}" }}')

    assert settings["perplexity"].prices["credit_price_usd"] == credit_prices(f"2026-01-01={MOST_DIGITS}")


@pytest.mark.parametrize("price", ["free", "-0.01", "nan", "1e9", "0.000000000000001", ""])
def test_views_and_export_refuse_the_same_prices_in_the_same_words(price: str) -> None:
    with pytest.raises(ValueError, match="is no price; write US dollars such as") as views:
        credit_prices(price)
    with pytest.raises(InvalidArgumentError) as export:
        parse_settings(f'[perplexity]\ncredit_price_usd = "{price}"')
    assert str(export.value).endswith(f"[perplexity] credit_price_usd: {views.value}")
