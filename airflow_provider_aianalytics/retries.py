# SPDX-License-Identifier: Apache-2.0
"""For Airflow 3.3 and newer: a task's retries at the moment the vendor asks for, instead of after ``retry_delay``.

``retry_policy=RetryAfterPolicy()`` is for authors who prefer Airflow's retries to ``deferrable=True``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

try:
    from airflow.providers.common.compat.sdk import RetryDecision, RetryPolicy
except (ImportError, AttributeError) as error:
    raise ImportError("RetryAfterPolicy needs Airflow 3.3 or newer; before, use deferrable=True") from error

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class RetryAfterPolicy(RetryPolicy):
    """Retries when the vendor's ``Retry-After`` is over; without one, as the task says."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> Any:
        wait = getattr(exception, "retry_after", None)
        if wait is None:
            return RetryDecision.default()
        return RetryDecision.retry(delay=timedelta(seconds=wait), reason=str(exception))
