# SPDX-License-Identifier: Apache-2.0
"""Which datasets and fields show spend, activity and adoption (sections 7 to 9)."""

from __future__ import annotations

from airflow_provider_aianalytics.vendors.answers import ActivityFields, AdoptionFields, Answers, SpendFields
from airflow_provider_aianalytics.vendors.base import ColumnType
from airflow_provider_aianalytics.vendors.claude_enterprise.engagement import SUMMARIES, USERS

BLOCKS = {
    "chat": "chat_metrics.",
    "claude_code": "claude_code_metrics.",
    "cowork": "cowork_metrics.",
    "office_agent": "office_metrics.",
    "claude_design": "design_metrics.",
    "science": "science_metrics.",
    "chat_cowork_unified": "chat_cowork_unified_metrics.",
    "claude_tag": "claude_tag_metrics.",
}
"""A surface is a product, named as in ``summaries`` (section 7.2), and its block of counters in ``users``."""


def _counters(block: str) -> tuple[str, ...]:
    return tuple(
        column.path for column in USERS.columns if column.type is ColumnType.INTEGER and column.path.startswith(block)
    )


ANSWERS = Answers(
    spend=(
        # Rows of members hold what an account can be named for; the other reports hold everything (section 8.0).
        SpendFields(
            dataset="user_cost_report",
            is_whole=False,
            amount="amount",
            list_amount="list_amount",
            product="product",
            model="model",
            member=("actor.email_address", "actor.user_id"),
        ),
        SpendFields(
            dataset="cost_report",
            is_whole=True,
            amount="amount",
            list_amount="list_amount",
            product="product",
            model="model",
        ),
        SpendFields(
            dataset="cost",
            is_whole=True,
            amount="cost.amount",
            list_amount="cost.list_amount",
            product="group.product",
            model="group.model",
            member=("group.actor.email_address", "group.actor.user_id"),
        ),
    ),
    activity=(
        ActivityFields(
            dataset="users",
            member=("user.email_address", "user.id"),
            surfaces={surface: _counters(block) for surface, block in BLOCKS.items()},
        ),
        ActivityFields(
            dataset="summaries", surfaces={surface: (f"{surface}_daily_active_user_count",) for surface in BLOCKS}
        ),
    ),
    adoption=(
        AdoptionFields(
            dataset=SUMMARIES.name,
            seats="assigned_seat_count",
            active={
                1: "daily_active_user_count",
                7: "weekly_active_user_count",
                30: "monthly_active_user_count",
            },
        ),
    ),
)
