# SPDX-License-Identifier: Apache-2.0
"""What each field of a record says, and what its number counts (sections 7 to 9)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

PRODUCTS = {
    "chat_metrics.": "Chat",
    "claude_code_metrics.": "Claude Code",
    "cowork_metrics.": "Cowork",
    "office_metrics.excel.": "Excel",
    "office_metrics.powerpoint.": "PowerPoint",
    "office_metrics.word.": "Word",
    "office_metrics.outlook.": "Outlook",
    "design_metrics.": "Claude Design",
    "science_metrics.": "Claude Science",
    "claude_tag_metrics.": "Claude Tag",
    "chat_cowork_unified_metrics.chat.": "Chat and Cowork unified, chats",
    "chat_cowork_unified_metrics.sessions.": "Chat and Cowork unified, sessions",
    "chat_cowork_unified_metrics.": "Chat and Cowork unified",
}
"""The blocks of a record that hold one product's numbers."""
WRAPPERS = ("usage.", "cost.", "group.")
OFF_PLUGINS = "null while the organization has no plugin metrics"
OFF_EDITS = "null while the organization has no file-edit metrics"
TOOLS = {
    "edit_tool": "Edit",
    "multi_edit_tool": "MultiEdit",
    "write_tool": "Write",
    "notebook_edit_tool": "NotebookEdit",
}

SHORT_NAMES = {
    "chat_cowork_unified_metrics.": "unified_",
    "claude_code_metrics.tool_actions.": "claude_code_tool_actions_",
    "group.actor.type": "group_actor_kind",  # group.actor_type is another field
}
"""What the names of columns begin with, where a path is longer than the 63 characters that databases take."""

Description = tuple[str, str]
"""A meaning and a unit."""


def describe(path: str) -> Description:
    """The meaning and the unit of a field.

    :param path: where it is in the record, dotted.
    """
    block = next((prefix for prefix in (*PRODUCTS, *WRAPPERS) if path.startswith(prefix)), "")
    rest = path.removeprefix(block)
    names = (path, rest, rest.rpartition(".")[2])
    meaning, unit = next((FIELDS[name] for name in names if name in FIELDS), ("", ""))
    product = PRODUCTS.get(block)
    return (f"{product}: {meaning}" if product and meaning else meaning), unit


def short_name(path: str) -> str:
    """The name of a column whose path makes none; empty for all others."""
    start = next((start for start in SHORT_NAMES if path.startswith(start)), None)
    return SHORT_NAMES[start] + path.removeprefix(start).replace(".", "_") if start else ""


PEOPLE: Mapping[str, Description] = {
    "user.id": ("id of the member, `user_…`", ""),
    "user.email_address": ("address of the member", ""),
    "user.type": ("kind of the member's account, always `user`", ""),
    "created_by.id": ("id of the member who created the project", ""),
    "created_by.email_address": ("address of that member", ""),
    "created_by.type": ("kind of the member's account, always `user`", ""),
    "actor.type": ("kind of account, such as `user_actor`", ""),
    "actor.user_id": ("id of the member, `user_…`", ""),
    "actor.name": ("name of the member; `Deleted User` for a deleted account", ""),
    "actor.email_address": ("address of the member; null for deleted and system accounts", ""),
    "actor.deleted": ("whether the account is deleted or has left the organization", ""),
    "actor.service_account_id": ("id of the service account, `svac_…`", ""),
    "actor.api_key_id": ("id of the API key, `apikey_…`", ""),
    "actor.subject": ("subject of a federated account", ""),
    "actor.provider.type": ("identity provider: `aws`, `azure`, `gcp` or `oidc`", ""),
    "actor.provider.account_id": ("account at AWS", ""),
    "actor.provider.signed_principal": ("principal at AWS", ""),
    "actor.provider.subscription_id": ("subscription at Azure", ""),
    "actor.provider.project_number": ("project at Google Cloud", ""),
    "actor.provider.issuer": ("issuer of the OpenID Connect token", ""),
}
DIMENSIONS: Mapping[str, Description] = {
    "product": ("product, such as `chat` or `claude_code`", ""),
    "model": ("model, such as `claude-opus-4-6`", ""),
    "context_window": ("size of the context window: `0-200k` or `200k-1M`", ""),
    "inference_geo": ("where the model ran: `global` or `us`", ""),
    "speed": ("speed of the model: `fast` or `standard`", ""),
    "user_id": ("id of the member, `user_…`", ""),
    "rbac_group_id": ("id of a group of members, `rbac_group_…`; a member counts in each of their groups", ""),
    "rbac_group_name": ("name of that group; null unless `rbac_group_id` is in `group_by`", ""),
    "slack_channel_id": ("Slack channel in which Claude Tag was used", ""),
    "claude_tag_category": ("why Claude Tag answered, such as `dm` or `scheduled`", ""),
    "claude_tag_user_id": ("Slack user who used Claude Tag", ""),
    "cost_type": ("what was paid for: `tokens`, `web_search` or `code_execution`", ""),
    "token_type": ("kind of tokens that were paid for, such as `output_tokens`", ""),
    "actor_type": ("kind of account, such as `user_actor` or `api_actor`", ""),
    "agent_id": ("id of the agent", ""),
    "api_key_id": ("id of the API key, `apikey_…`", ""),
    "deployment_id": ("id of the deployment", ""),
    "environment_id": ("id of the environment", ""),
    "organization_id": ("id of the organization, below the one of the key", ""),
    "service_tier": ("service tier, such as `batch` or `standard`", ""),
    "session_id": ("id of the session, `sesn_…`", ""),
    "user_profile_id": ("id of the user profile, `uprof_…`", ""),
    "workspace_id": ("id of the workspace, `wrkspc_…`; null in the default one", ""),
}
REPORTS: Mapping[str, Description] = {
    "starting_at": ("start of the bucket", ""),
    "ending_at": ("end of the bucket, exclusive", ""),
    "uncached_input_tokens": ("tokens of input that were not read from the cache", "tokens"),
    "ephemeral_5m_input_tokens": ("tokens of input written to the cache for 5 minutes", "tokens"),
    "ephemeral_1h_input_tokens": ("tokens of input written to the cache for 1 hour", "tokens"),
    "cache_read_input_tokens": ("tokens of input read from the cache", "tokens"),
    "output_tokens": ("tokens that the model wrote", "tokens"),
    "total_tokens": ("sum of the five columns of tokens", "tokens"),
    "web_search_requests": ("web searches by the model", "searches"),
    "requests": ("requests; null where costs are split by `cost_type` or `token_type`", "requests"),
    "amount": ("cost after discounts, before credits", ""),
    "list_amount": ("cost at list price, before discounts", ""),
    "currency": ("currency of the amounts, always `USD`; null where there is no amount", ""),
}
ACTIVITY: Mapping[str, Description] = {
    "message_count": ("messages that members sent", "messages"),
    **{
        f"office_metrics.{app}.message_count": ("completed turns of the agent", "turns")
        for app in ("excel", "powerpoint", "word", "outlook")
    },
    "thinking_message_count": ("messages that used extended thinking", "messages"),
    "distinct_conversation_count": ("different conversations", "conversations"),
    "distinct_session_count": ("different sessions", "sessions"),
    "distinct_projects_created_count": ("projects created", "projects"),
    "distinct_projects_used_count": ("different projects used", "projects"),
    "distinct_files_uploaded_count": ("different files uploaded", "files"),
    "distinct_artifacts_created_count": ("artifacts created", "artifacts"),
    "artifacts_created_count": ("artifacts created", "artifacts"),
    "core_metrics.artifacts_created_count": ("artifacts created; counted from 2026-08-17 on", "artifacts"),
    "cowork_metrics.artifacts_created_count": ("artifacts created; counted from 2026-08-17 on", "artifacts"),
    "published_artifacts_created_count": ("artifacts created and published", "artifacts"),
    "distinct_shared_artifacts_viewed_count": ("different shared artifacts viewed", "artifacts"),
    "shared_conversations_viewed_count": ("views of shared project conversations", "views"),
    "skills_used_count": ("uses of skills", "uses"),
    "distinct_skills_used_count": ("different skills used", "skills"),
    "connectors_used_count": ("calls of connectors", "calls"),
    "distinct_connectors_used_count": ("different connectors used", "connectors"),
    "plugins_used_count": (f"uses of plugins; {OFF_PLUGINS}", "uses"),
    "distinct_plugins_used_count": (f"different plugins used; {OFF_PLUGINS}", "plugins"),
    "action_count": ("successful calls of tools", "calls"),
    "dispatch_turn_count": ("completed turns in the background (Dispatch)", "turns"),
    "file_edit_count": (f"edits of files; {OFF_EDITS}", "edits"),
    **{f"{tool}_count": (f"edits with the tool {name}; {OFF_EDITS}", "edits") for tool, name in TOOLS.items()},
    "sessions_with_file_edits_count": (f"sessions that edited files; {OFF_EDITS}", "sessions"),
    "commit_count": ("commits that were made", "commits"),
    "pull_request_count": ("pull requests", "pull requests"),
    "added_count": ("lines of code added", "lines"),
    "removed_count": ("lines of code removed", "lines"),
    **{
        f"tool_actions.{tool}.{answer}_count": (f"proposals of the tool {name} that were {answer}", "proposals")
        for tool, name in TOOLS.items()
        for answer in ("accepted", "rejected")
    },
    "delegation_count": ("delegations of work", "delegations"),
    "remote_compute_job_count": ("remote compute jobs", "jobs"),
    "web_search_count": ("web searches; by all search tools from 2026-11-17 on", "searches"),
    "active_day_count": ("days with activity", "days"),
    "active_message_count": ("messages that were sent", "messages"),
    "last_activity_date": ("latest day with activity", ""),
    "distinct_user_count": ("different members", "members"),
}
ADOPTION: Mapping[str, Description] = {
    "project_id": ("id of the project, `claude_proj_…`", ""),
    "project_name": ("name of the project on that day", ""),
    "created_at": ("when the project was created; null once it is deleted", ""),
    "skill_name": ("name of the skill, or an id; `unknown` for the rest", ""),
    "skill_display_name": ("name of a shared skill as members see it", ""),
    "share_status": ("who may use the skill: `private`, `organization` or `public`; Chat alone", ""),
    "invocation_count": ("number of uses", "uses"),
    "enable_count": ("accounts that enabled it that day; null on grouped rows", "accounts"),
    "estimated_overage_spend": ("the skill's estimated part of metered spend", ""),
    "attributed_list_price": ("list price of the requests that involved the skill", ""),
    "connector_name": ("normalized name of the connector, such as `atlassian`, or an id", ""),
    "connector_display_name": ("name of the connector as members see it; not unique", ""),
    "read_call_count": ("calls that read", "calls"),
    "write_call_count": ("calls that wrote", "calls"),
    "unclassified_call_count": ("calls of neither kind", "calls"),
    "managed_auth_distinct_user_count": ("different members with managed authentication", "members"),
    "individual_auth_distinct_user_count": ("different members with their own authentication", "members"),
    "plugin_name": ("name of the plugin; `third-party` for unnamed ones", ""),
    "plugin_id": ("id of the plugin, such as `serena@claude-plugins-official`", ""),
    "install_count": ("different members who installed it", "members"),
    "distinct_session_plugin_used_count": ("different sessions that used the plugin", "sessions"),
    "artifact_type": ("type, such as `text/html`, or `other`", ""),
    "is_shared": ("whether the artifacts are shared", ""),
    **{
        f"distinct_{where}_{what}_used_count": (f"different {where}s that used the {what}", f"{where}s")
        for where in ("conversation", "session")
        for what in ("skill", "connector")
    },
}


def _active_members() -> Iterator[tuple[str, Description]]:
    """The columns of ``summaries`` that count active members (section 7.2): the days of each are trailing ones."""
    products = {
        "": "all products",
        "chat_": "Chat",
        "claude_code_": "Claude Code",
        "cowork_": "Cowork",
        "claude_design_": "Claude Design",
        "office_agent_": "Excel, PowerPoint, Word and Outlook",
        "science_": "Claude Science",
        "chat_cowork_unified_": "Chat and Cowork unified",
        "claude_tag_": "Claude Tag, also Slack users without a seat",
    }
    for prefix, product in products.items():
        month = 28 if prefix in ("chat_cowork_unified_", "claude_tag_") else 30
        for span, days in (("daily", "the day"), ("weekly", "7 days"), ("monthly", f"{month} days")):
            yield f"{prefix}{span}_active_user_count", (f"{product}: different members active in {days}", "members")


FIELDS: Mapping[str, Description] = {
    **PEOPLE,
    **DIMENSIONS,
    **REPORTS,
    **ACTIVITY,
    **ADOPTION,
    **dict(_active_members()),
    "assigned_seat_count": ("seats that are assigned", "seats"),
    "pending_invite_count": ("invitations that are not accepted yet", "invitations"),
    "daily_adoption_rate": ("active in the day, of the assigned seats", "percent"),
    "weekly_adoption_rate": ("active in 7 days, of the assigned seats", "percent"),
    "monthly_adoption_rate": ("active in 30 days, of the assigned seats", "percent"),
    "science_entitled_user_count": ("members who may use Claude Science", "members"),
}
"""By the path, by the path within a product's block, or by the last part of the path: the first that is here counts."""
