# SPDX-License-Identifier: Apache-2.0
"""What is particular about the requests, pages and errors of this API (contract sections 1 to 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

from airflow_provider_aianalytics.vendors.base import Dataset
from airflow_provider_aianalytics.vendors.wire import ErrorKind, ErrorResponse, Verdict, WireFormat, classify_status

ADMIN_KEY_PREFIX = "sk-ant-admin"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAYS_AGO = re.compile(r"\bdays?\s+ago\b", re.IGNORECASE)
_HIPAA = re.compile(r"\bhipaa\b", re.IGNORECASE)
_HIPAA_HINT = (
    "Organizations with HIPAA readiness do not get this dataset (section 9); use usage_report, cost_report, "
    "user_usage_report and user_cost_report"
)
_NOT_AVAILABLE = re.compile(r"\bnot\s+(yet\s+)?available\b|\b(latest|too\s+recent|on\s+or\s+before)\b", re.IGNORECASE)


def classify(error: ErrorResponse) -> Verdict:
    """What an error response means (error table, section 3)."""
    if error.status == 400 and _HIPAA.search(error.message):
        return Verdict(ErrorKind.FEATURE_DISABLED, hint=_HIPAA_HINT)
    if error.status == 400 and not error.has_cursor:
        return _too_recent(error) or classify_status(error)
    return classify_status(error)


def _too_recent(error: ErrorResponse) -> Verdict | None:
    """Whether a 400 says that the day is not there yet, and which day is the latest.

    The text says that a day is not available and names it or the latest one (section 3), so an earlier day in it counts
    as the latest one. The oldest wording names no day and says "days ago".
    """
    if error.dataset.availability.kind != "aggregated":
        return None
    if not _NOT_AVAILABLE.search(error.message) and not _DAYS_AGO.search(error.message):
        return None
    named = list(_dates_in(error.message))
    first = error.dataset.first_day or date.min
    earlier = [day for day in named if first <= day < error.last_day]
    if earlier and error.last_day - max(earlier) < timedelta(days=31):
        return Verdict(ErrorKind.NOT_YET_AVAILABLE, max(earlier))
    if _DAYS_AGO.search(error.message) or error.last_day in named:
        return Verdict(ErrorKind.NOT_YET_AVAILABLE)
    return None


def _dates_in(text: str) -> Iterable[date]:
    for found in _DATE.findall(text):
        try:
            yield date.fromisoformat(found)
        except ValueError:
            continue


def refuse_key(key: str, dataset: Dataset, datasets: Iterable[Dataset]) -> str | None:
    """A Console Admin API key is accepted by the beta pair alone (section 1)."""
    if not key.startswith(ADMIN_KEY_PREFIX) or dataset.admin_key:
        return None
    accepting = ", ".join(row.name for row in datasets if row.admin_key)
    return (
        f"the password is a Console Admin API key ({ADMIN_KEY_PREFIX}…), which this endpoint refuses; only "
        f"{accepting} accept it"
    )


WIRE = WireFormat(
    items_fields=("data", "summaries"),  # the second is the older shape of one endpoint (section 7.2)
    classify=classify,
    refuse_key=refuse_key,
)
