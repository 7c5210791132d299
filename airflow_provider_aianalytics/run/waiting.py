# SPDX-License-Identifier: Apache-2.0
"""What a task that waits for a day logs."""

from __future__ import annotations

from airflow_provider_aianalytics.extraction.polling import DayPoller, format_utc


def waiting_text(wait: DayPoller, *, in_triggerer: bool = False) -> str:
    """Log text: what a task waits for, the vendor's last response, the time of the next poll, and the deadline."""
    target = wait.target
    place = " in the triggerer" if in_triggerer else ""
    reason = f" ({wait.last_answer})" if wait.last_answer else ""
    deadline = "" if wait.deadline is None else f", gives up at {format_utc(wait.deadline)}"
    return (
        f"{target.where}: waiting{place} until the day is {target.until}{reason}; next check at "
        f"{format_utc(wait.next_poll_at)}{deadline}"
    )
