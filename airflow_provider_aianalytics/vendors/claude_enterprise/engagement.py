# SPDX-License-Identifier: Apache-2.0
"""Engagement: what people did, one day a request, aggregated at 10:00 UTC the next day (sections 6 and 7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from functools import partial
from types import MappingProxyType

from airflow_provider_aianalytics.vendors.availability import Aggregated
from airflow_provider_aianalytics.vendors.base import (
    ColumnType,
    Dataset,
    Figure,
    Filter,
    WindowRule,
)
from airflow_provider_aianalytics.vendors.claude_enterprise.common import (
    FIRST_DAY,
    LEGACY_NAMES,
    NAME,
    PREFIX,
    columns,
    integers,
    strings,
)
from airflow_provider_aianalytics.vendors.claude_enterprise.wire import WIRE

# The guide says three days; since July 2026 one day is typical, so the lag is a default and the API's answer decides.
# A day is corrected at least six days after it was served (section 6): 14 days are inferred.
ENGAGEMENT = Aggregated(at=time(10), lag=timedelta(days=3), final_after=timedelta(days=14))
ONE_DAY = WindowRule(start="date")
ROWS: Mapping[str | None, int] = MappingProxyType({None: 1000})  # section 5; the default is 20 or 100
GROUP_COLUMNS = strings("product", "user_id", "rbac_group_id", "rbac_group_name")  # only on grouped rows
OFFICE_APPS = ("excel", "powerpoint", "word", "outlook")

_CHAT = [
    "message_count",
    "distinct_conversation_count",
    "distinct_projects_created_count",
    "distinct_projects_used_count",
    "distinct_files_uploaded_count",
    "distinct_artifacts_created_count",
    "distinct_shared_artifacts_viewed_count",
    "shared_conversations_viewed_count",
    "thinking_message_count",
    "distinct_skills_used_count",
    "connectors_used_count",
    "distinct_connectors_used_count",
]
_COWORK = [
    "message_count",
    "action_count",
    "dispatch_turn_count",
    "skills_used_count",
    "connectors_used_count",
    "distinct_session_count",
    "distinct_skills_used_count",
    "distinct_connectors_used_count",
    "plugins_used_count",
    "distinct_plugins_used_count",
    "file_edit_count",
    "edit_tool_count",
    "multi_edit_tool_count",
    "write_tool_count",
    "notebook_edit_tool_count",
    "sessions_with_file_edits_count",
    "artifacts_created_count",
]
_OFFICE = [
    "distinct_session_count",
    "message_count",
    "skills_used_count",
    "distinct_skills_used_count",
    "connectors_used_count",
    "distinct_connectors_used_count",
]
_CODE = "claude_code_metrics."
_CODE_TOOLS = ("edit_tool", "multi_edit_tool", "write_tool", "notebook_edit_tool")

_PRODUCT = ("chat", "claude_code", "cowork", "office_agent", "chat_cowork_unified")
_GROUP_ID = Filter()
_USER_ID = Filter()

_snapshot = partial(
    Dataset,
    vendor=NAME,
    wire=WIRE,
    window=ONE_DAY,
    page_limit=ROWS,
    limit_unit="rows",
    availability=ENGAGEMENT,
    has_more=False,
    first_day=FIRST_DAY,
    legacy_names=LEGACY_NAMES,
    filter_parameter="filter[]",
)

USERS = _snapshot(
    name="users",
    row_key=("user.id", "product", "user_id", "rbac_group_id"),
    path=f"{PREFIX}/users",
    title="activity of each member across all products",
    grain="member and day",
    section="7.1",
    filters={"project_id": Filter(), "rbac_group_id": _GROUP_ID, "user_id": _USER_ID},
    group_by=("rbac_group_id",),
    conflicts=(("filters.project_id", "group_by"), ("filters.project_id", "filters.rbac_group_id")),
    columns=(
        *strings("user.id", "user.email_address", "user.type"),
        *integers("chat_metrics.", *_CHAT),
        *integers(f"{_CODE}core_metrics.", "commit_count", "pull_request_count"),
        *integers(f"{_CODE}core_metrics.lines_of_code.", "added_count", "removed_count"),
        *integers(f"{_CODE}core_metrics.", "distinct_session_count", "artifacts_created_count"),
        *(
            column
            for tool in _CODE_TOOLS
            for column in integers(f"{_CODE}tool_actions.{tool}.", "accepted_count", "rejected_count")
        ),
        *(column for app in OFFICE_APPS for column in integers(f"office_metrics.{app}.", *_OFFICE)),
        *integers("cowork_metrics.", *_COWORK),
        *integers(
            "design_metrics.",
            "message_count",
            "distinct_projects_created_count",
            "distinct_session_count",
            "distinct_projects_used_count",
        ),
        *integers(
            "science_metrics.",
            "message_count",
            "skills_used_count",
            "delegation_count",
            "remote_compute_job_count",
            "distinct_session_count",
        ),
        *integers("", "web_search_count", "distinct_user_count"),
        *integers("chat_cowork_unified_metrics.chat.", *_CHAT),
        *integers("chat_cowork_unified_metrics.sessions.", *_COWORK),
        *integers("claude_tag_metrics.", "active_day_count", "active_message_count"),
        *columns(ColumnType.DATE, "", "last_activity_date"),
        *strings("rbac_group_id", "rbac_group_name"),
    ),
)

_ACTIVE = ("daily_active_user_count", "weekly_active_user_count", "monthly_active_user_count")
_SUMMARY_PRODUCTS = (
    "cowork",
    "chat",
    "claude_code",
    "claude_design",
    "office_agent",
    "science",
    "chat_cowork_unified",
    "claude_tag",
)

SUMMARIES = Dataset(
    vendor=NAME,
    wire=WIRE,
    name="summaries",
    path=f"{PREFIX}/summaries",
    title="active users, seats and adoption of the organization",
    grain="day",
    section="7.2",
    # Section 7.2: the guide says 31 days, the newer reference 366; 31 is right for both.
    window=WindowRule(start="starting_date", end="ending_date", max_days=31),
    page_limit={None: 1000},
    limit_unit="days",
    is_series=True,
    availability=ENGAGEMENT,
    has_more=False,
    bounds=("starting_at", "ending_at"),
    legacy_bounds=("starting_date", "ending_date"),
    figure=Figure("active_members", ("daily_active_user_count",), is_additive=False),
    first_day=FIRST_DAY,
    legacy_names=LEGACY_NAMES,
    filter_parameter="filter[]",
    filters={"rbac_group_id": _GROUP_ID},
    columns=(
        *columns(ColumnType.TIMESTAMP, "", "starting_at", "ending_at"),
        *integers("", *_ACTIVE, "assigned_seat_count", "pending_invite_count"),
        *columns(ColumnType.NUMBER, "", "daily_adoption_rate", "weekly_adoption_rate", "monthly_adoption_rate"),
        *(column for product in _SUMMARY_PRODUCTS for column in integers(f"{product}_", *_ACTIVE)),
        *integers("", "science_entitled_user_count"),
    ),
)

CHAT_PROJECTS = _snapshot(
    name="chat_projects",
    row_key=("project_id", "user_id", "rbac_group_id"),
    path=f"{PREFIX}/apps/chat/projects",
    title="use of chat projects",
    grain="project and day",
    section="7.3",
    filters={"project_id": Filter(), "rbac_group_id": _GROUP_ID, "user_id": _USER_ID},
    group_by=("rbac_group_id", "user_id"),
    columns=(
        *strings("project_id", "project_name"),
        *integers("", "distinct_user_count", "distinct_conversation_count", "message_count"),
        *columns(ColumnType.TIMESTAMP, "", "created_at"),
        *strings("created_by.id", "created_by.email_address", "created_by.type"),
        *strings("user_id", "rbac_group_id", "rbac_group_name"),
    ),
)

SKILLS = _snapshot(
    name="skills",
    row_key=("skill_name", "share_status", "product", "user_id", "rbac_group_id"),
    path=f"{PREFIX}/skills",
    title="use of skills",
    grain="skill and day",
    section="7.4",
    filters={
        "product": Filter(values=_PRODUCT),
        "rbac_group_id": _GROUP_ID,
        "share_status": Filter(values=("organization", "private", "public")),
        "skill_name": Filter(),
        "user_id": _USER_ID,
    },
    group_by=("product", "rbac_group_id", "user_id"),
    columns=(
        *strings("skill_name", "skill_display_name", "share_status"),
        *integers("", "distinct_user_count", "invocation_count", "enable_count"),
        *integers("chat_metrics.", "distinct_conversation_skill_used_count"),
        *integers(_CODE, "distinct_session_skill_used_count"),
        *integers("cowork_metrics.", "distinct_session_skill_used_count"),
        *(
            column
            for app in OFFICE_APPS
            for column in integers(f"office_metrics.{app}.", "distinct_session_skill_used_count")
        ),
        *columns(ColumnType.CENTS, "", "estimated_overage_spend", "attributed_list_price"),
        *strings("currency"),
        *integers("chat_cowork_unified_metrics.chat.", "distinct_conversation_skill_used_count"),
        *integers("chat_cowork_unified_metrics.sessions.", "distinct_session_skill_used_count"),
        *GROUP_COLUMNS,
    ),
)

CONNECTORS = _snapshot(
    name="connectors",
    row_key=("connector_name", "product", "user_id", "rbac_group_id"),
    path=f"{PREFIX}/connectors",
    title="use of connectors",
    grain="connector and day",
    section="7.5",
    filters={
        "connector_name": Filter(),
        "product": Filter(values=_PRODUCT),
        "rbac_group_id": _GROUP_ID,
        "user_id": _USER_ID,
    },
    group_by=("product", "rbac_group_id", "user_id"),
    columns=(
        *strings("connector_name", "connector_display_name"),
        *integers("", "distinct_user_count"),
        *integers("chat_metrics.", "distinct_conversation_connector_used_count"),
        *integers(_CODE, "distinct_session_connector_used_count"),
        *integers("cowork_metrics.", "distinct_session_connector_used_count"),
        *(
            column
            for app in OFFICE_APPS
            for column in integers(f"office_metrics.{app}.", "distinct_session_connector_used_count")
        ),
        *integers("", "read_call_count", "write_call_count", "unclassified_call_count"),
        *integers("", "managed_auth_distinct_user_count", "individual_auth_distinct_user_count"),
        *integers("chat_cowork_unified_metrics.chat.", "distinct_conversation_connector_used_count"),
        *integers("chat_cowork_unified_metrics.sessions.", "distinct_session_connector_used_count"),
        *GROUP_COLUMNS,
    ),
)

PLUGINS = _snapshot(
    name="plugins",
    row_key=("plugin_id", "plugin_name", "product", "user_id", "rbac_group_id"),
    path=f"{PREFIX}/plugins",
    title="use of plugins",
    grain="plugin and day",
    section="7.6",
    filters={
        "plugin_name": Filter(),
        "product": Filter(values=("cowork", "claude_code", "chat_cowork_unified")),
        "rbac_group_id": _GROUP_ID,
        "user_id": _USER_ID,
    },
    group_by=("product", "rbac_group_id", "user_id"),
    columns=(
        *strings("plugin_name", "plugin_id"),
        *integers("", "distinct_user_count", "install_count", "invocation_count"),
        *integers("cowork_metrics.", "distinct_session_plugin_used_count"),
        *integers(_CODE, "distinct_session_plugin_used_count"),
        *integers("chat_cowork_unified_metrics.", "distinct_session_plugin_used_count"),
        *GROUP_COLUMNS,
    ),
)

ARTIFACTS = _snapshot(
    name="artifacts",
    row_key=("artifact_type", "is_shared", "product", "user_id", "rbac_group_id"),
    path=f"{PREFIX}/artifacts",
    title="artifacts created, by type and sharing",
    grain="artifact type, sharing and day",
    section="7.7",
    filters={
        "artifact_type": Filter(),
        "is_shared": Filter(values=("true", "false")),
        "product": Filter(values=("chat", "claude_code", "cowork", "chat_cowork_unified")),
        "rbac_group_id": _GROUP_ID,
        "user_id": _USER_ID,
    },
    group_by=("product", "rbac_group_id", "user_id"),
    columns=(
        *strings("artifact_type"),
        *columns(ColumnType.BOOLEAN, "", "is_shared"),
        *integers("", "artifacts_created_count", "published_artifacts_created_count", "distinct_user_count"),
        *GROUP_COLUMNS,
    ),
)
