# SPDX-License-Identifier: Apache-2.0
"""How cost reports become charges. Section numbers are those of the wire contract.

An amount is a decimal string of US cents, after discounts and before credits; a list amount is before discounts
(section 8.1). A cent is moved to dollars by its exponent, so nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial

from airflow_provider_aianalytics.vendors.charges import Charge, ChargeRule, Row, Terms, Usage, VendorCharges
from airflow_provider_aianalytics.vendors.claude_enterprise.reports import BETA_DIMENSIONS, USAGE_DIMENSIONS

PROVIDER = "Anthropic"
BASE = "claude"
"""The SKU where the report does not say which model."""
SERVICES = {
    None: "Claude",
    "chat": "Claude Chat",
    "chat_cowork_unified": "Claude Chat and Cowork",
    "claude_code": "Claude Code",
    "claude_design": "Claude Design",
    "claude_in_chrome": "Claude in Chrome",
    "claude-in-slack": "Claude Tag",
    "claude-tag": "Claude Tag",
    "claude_tag": "Claude Tag",
    "cowork": "Claude Cowork",
    "office_agent": "Claude for Office",
}
"""Section 8.0: an open list; another product is named as the vendor writes it."""
METERS = {
    "uncached_input_tokens": "Uncached Input Tokens",
    "cache_read_input_tokens": "Cache Read Tokens",
    "cache_creation.ephemeral_5m_input_tokens": "Cache Write 5m Tokens",
    "cache_creation.ephemeral_1h_input_tokens": "Cache Write 1h Tokens",
    "output_tokens": "Output Tokens",
    "tokens": "Tokens",
    "web_search": "Web Searches",
    "code_execution": "Code Execution",
    "session_usage": "Session Usage",
}
PRICE_DIMENSIONS = ("context_window", "inference_geo", "speed", "service_tier")
"""The dimensions that change the price of a model."""
PERSONS = ("actor", "claude_tag_user_id", "user_profile_id")
OVERLAPPING = ("rbac_group_id",)
REGIONS = {"us": ("us", "United States")}
MILLION_TOKENS = "1000000 Tokens"
AMOUNTS = ("amount", "list_amount")
CURRENCY = "USD"


def _dimensions(names: Iterable[str]) -> tuple[str, ...]:
    """The dimensions that may be in a charge: no persons, and no groups that overlap."""
    return tuple(name for name in (*names, "cost_type", "token_type") if name not in (*PERSONS, *OVERLAPPING))


def _read(
    rows: Iterable[Row], usage: Usage, terms: Terms, *, dimensions: tuple[str, ...], group: str = "", cost: str = ""
) -> Iterator[Charge]:
    """The charges of rows.

    :param group: in front of the names of dimensions.
    :param cost: in front of the names of amounts.
    """
    for row in rows:
        details = {name: row.get(f"{group}{name}") for name in dimensions}
        found = usage(row) if details["cost_type"] or details["token_type"] else None
        _check_currency(row.get(f"{cost}currency"))
        yield _charge(
            row["starting_at"],
            row["ending_at"],
            details,
            list_cost=_dollars(row[f"{cost}list_amount"]),
            amount=_dollars(row[f"{cost}amount"]),
            quantity=_quantity(details, row.get(f"{cost}requests"), found),
        )


def _charge(
    start: datetime,
    end: datetime,
    details: dict[str, str | None],
    *,
    list_cost: Decimal,
    amount: Decimal,
    quantity: tuple[Decimal, str] | None,
    is_residual: bool = False,
) -> Charge:
    what = details.get("token_type") or details.get("cost_type")
    sku = "/".join(filter(None, (details.get("model") or BASE, what)))
    price = [value for name in PRICE_DIMENSIONS if (value := details.get(name))]
    product = details.get("product")
    service = SERVICES.get(product, product or BASE)
    meter = METERS.get(what, what) if what else ("Requests" if quantity else "Usage")
    consumed, unit = quantity or (None, None)
    priced = consumed.scaleb(-6) if consumed is not None and unit == "Tokens" else consumed
    parts = (service, details.get("model"), meter if what else None, *price)
    return Charge(
        start=start,
        end=end,
        list_cost=list_cost,
        contracted_cost=amount,
        effective_cost=amount,
        quantity=priced,
        unit=MILLION_TOKENS if unit == "Tokens" else unit,
        consumed=consumed,
        consumed_unit=unit,
        service=service,
        sku=sku,
        sku_price="/".join((sku, *price)),
        meter=meter,
        description=", ".join(part for part in parts if part) + (", not shown by any row" if is_residual else ""),
        region=REGIONS.get(details.get("inference_geo") or ""),
        price_details=("model", "token_type", *PRICE_DIMENSIONS),
        details=details,
        is_residual=is_residual,
    )


def _quantity(details: dict[str, str | None], requests: int | None, usage: Row | None) -> tuple[Decimal, str] | None:
    """How much was used, and its unit; requests are null where costs are grouped by type (section 8.1)."""
    token_type = details["token_type"]
    if usage is not None and token_type and (tokens := usage.get(token_type)) is not None:
        return Decimal(tokens), "Tokens"
    if usage is not None and details["cost_type"] == "web_search":
        searches = usage.get("server_tool_use.web_search_requests")
        return None if searches is None else (Decimal(searches), "Requests")
    return None if requests is None else (Decimal(requests), "Requests")


def _check_currency(currency: str | None) -> None:
    """Section 2: always US dollars; another one would be added up with them."""
    if currency not in (None, CURRENCY):
        # Imported here because the exceptions need Airflow, and provider discovery reads this folder without it.
        from airflow_provider_aianalytics.exceptions import MalformedResponseError

        raise MalformedResponseError(f"a cost is in {currency!r}; only {CURRENCY} is known")


def _dollars(cents: Decimal | None) -> Decimal:
    return Decimal(0) if cents is None else cents.scaleb(-2)


def _residual(start: datetime, end: datetime) -> Charge:
    return _charge(start, end, {}, list_cost=Decimal(0), amount=Decimal(0), quantity=None, is_residual=True)


_rule = partial(
    ChargeRule,
    residual=_residual,
    measured=lambda charge: charge.contracted_cost.scaleb(2),
    totals=("cost_report", "cost"),
)
_of_report = partial(_read, dimensions=_dimensions(USAGE_DIMENSIONS))

CHARGES = VendorCharges(
    provider=PROVIDER,
    rules=(
        _rule(
            dataset="cost_report",
            read=_of_report,
            amounts=AMOUNTS,
            quantities="usage_report",
            quantity_dimensions=USAGE_DIMENSIONS,
        ),
        _rule(
            dataset="cost",
            read=partial(_read, dimensions=_dimensions(BETA_DIMENSIONS), group="group.", cost="cost."),
            amounts=tuple(f"cost.{name}" for name in AMOUNTS),
            person=("group.actor.user_id", "group.actor.email_address"),
        ),
        _rule(
            dataset="user_cost_report",
            read=_of_report,
            amounts=AMOUNTS,
            is_whole=False,
            quantities="user_usage_report",
            quantity_dimensions=("actor.user_id", *USAGE_DIMENSIONS),
            person=("actor.user_id", "actor.email_address"),
        ),
    ),
    notes=(
        "amounts are after discounts and before credits; on seat-based plans they are usage credits alone",
        "no unit prices: the API has none, and a price from a division would be rounded",
    ),
)
