# SPDX-License-Identifier: Apache-2.0
"""For Airflow 3.3 and newer: retries a task after the vendor's ``Retry-After`` instead of ``retry_delay``.

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
    """Retries after the vendor's ``Retry-After``; without one, after the task's own delay."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> Any:
        wait = getattr(exception, "retry_after", None)
        if wait is None:
            return RetryDecision.default()
        return RetryDecision.retry(delay=timedelta(seconds=wait), reason=str(exception))
