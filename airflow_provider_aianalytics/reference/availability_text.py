# SPDX-License-Identifier: Apache-2.0
"""When a day is available and for how long it can change, in words."""

from __future__ import annotations

from airflow_provider_aianalytics.vendors.availability import Availability, duration_text


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
