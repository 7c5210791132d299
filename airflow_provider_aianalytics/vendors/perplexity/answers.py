# SPDX-License-Identifier: Apache-2.0
"""Which datasets and fields show spend and activity (sections 2.4 and 5)."""

from __future__ import annotations

from airflow_provider_aianalytics.vendors.answers import ActivityFields, Answers, Credits, SpendFields

PRODUCT = SURFACE = "computer"
MEMBER = ("user_email",)
# Labels are compared in small letters: both spellings were seen (section 2.4). The older shape has a list without a
# label (section 2.3); both shapes in one bucket count the same credits.
CREDITS = Credits(axes=("credit source", "by_category"), paid="paid", free="promo")

ANSWERS = Answers(
    spend=(
        SpendFields(
            dataset="member_credit_usage", is_whole=False, credits=CREDITS, product_name=PRODUCT, member=MEMBER
        ),
        SpendFields(dataset="credit_usage", is_whole=True, credits=CREDITS, product_name=PRODUCT),
    ),
    activity=(
        ActivityFields(dataset="member_query_volume", surfaces={SURFACE: ("count",)}, member=MEMBER),
        ActivityFields(dataset="member_credit_usage", surfaces={SURFACE: ("count",)}, member=MEMBER),
        ActivityFields(dataset="daily_active_users", surfaces={SURFACE: ("count",)}),
    ),
)
