# SPDX-License-Identifier: Apache-2.0
"""What is particular about the errors of this API (contract section 3)."""

from __future__ import annotations

from airflow_provider_aianalytics.vendors.wire import ErrorKind, ErrorResponse, Verdict, WireFormat, classify_status


def classify(error: ErrorResponse) -> Verdict:
    """What an error response means: a 404 is a switch, a key or a path, and never "no data"."""
    if error.status == 404:
        return Verdict(ErrorKind.FEATURE_DISABLED if error.type == "feature_disabled" else ErrorKind.AUTHENTICATION)
    return classify_status(error)


WIRE = WireFormat(classify=classify)
