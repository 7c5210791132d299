# SPDX-License-Identifier: Apache-2.0
"""A task's retries at the moment the vendor asks for."""

from __future__ import annotations

import importlib
from datetime import timedelta

import pytest

from airflow_provider_aianalytics.exceptions import AuthenticationError, RateLimitedError, VendorUnavailableError

try:
    from airflow_provider_aianalytics.retries import RetryAfterPolicy
except ImportError:
    RetryAfterPolicy = None  # type: ignore[misc, assignment]

SINCE_3_3 = pytest.mark.skipif(RetryAfterPolicy is None, reason="Airflow 3.3 brought retry policies")


@SINCE_3_3
@pytest.mark.parametrize(
    "error", [RateLimitedError("spent", retry_after=90.0), VendorUnavailableError("", retry_after=7)]
)
def test_retry_after_determines_the_delay(error: RateLimitedError | VendorUnavailableError) -> None:
    decision = RetryAfterPolicy().evaluate(error, 1, 3)
    assert decision.retry_delay == timedelta(seconds=error.retry_after or 0)


@SINCE_3_3
@pytest.mark.parametrize("error", [RateLimitedError("spent"), AuthenticationError("key"), ValueError("other")])
def test_without_retry_after_the_task_determines_the_delay(error: Exception) -> None:
    decision = RetryAfterPolicy().evaluate(error, 1, 3)
    assert decision == type(decision).default()


@pytest.mark.skipif(RetryAfterPolicy is not None, reason="it is there")
def test_older_airflow_gets_a_helpful_import_error() -> None:
    with pytest.raises(ImportError, match=r"Airflow 3\.3 or newer"):
        importlib.import_module("airflow_provider_aianalytics.retries")
