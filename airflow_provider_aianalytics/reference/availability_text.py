# SPDX-License-Identifier: Apache-2.0
"""When a day is available and for how long it can change, in words."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider_aianalytics.vendors.availability import Availability


def available_text(availability: Availability) -> str:
    """When a day is available."""
    match availability.kind:
        case "aggregated":
            return (
                f"it is aggregated at {availability.at:%H:%M} UTC of the next day and expected within "
                f"{duration_text(availability.lag)} after that"
            )
        case "watermark":
            return f"about {duration_text(availability.lag)} after its end, when `data_refreshed_at` has passed it"
        case "complete_buckets":
            return (
                f"at its end, bucket by bucket; a zero is trusted {duration_text(availability.settle)} later, because "
                'it can mean "not synced yet"'
            )


def duration_text(duration: timedelta) -> str:
    """A duration in words: ``3 days``, ``4 hours 30 minutes``."""
    hours, rest = divmod(duration.seconds, 3600)
    parts = [
        f"{number} {unit if number == 1 else unit + 's'}"
        for number, unit in ((duration.days, "day"), (hours, "hour"), (rest // 60, "minute"), (rest % 60, "second"))
        if number
    ]
    return " ".join(parts) or "0 seconds"
