# SPDX-License-Identifier: Apache-2.0
"""The Claude Enterprise Analytics API, as data."""

from __future__ import annotations

from airflow_provider_aianalytics.vendors.base import Vendor, catalogue
from airflow_provider_aianalytics.vendors.claude_enterprise.answers import ANSWERS
from airflow_provider_aianalytics.vendors.claude_enterprise.charges import CHARGES
from airflow_provider_aianalytics.vendors.claude_enterprise.common import NAME
from airflow_provider_aianalytics.vendors.claude_enterprise.engagement import (
    ARTIFACTS,
    CHAT_PROJECTS,
    CONNECTORS,
    PLUGINS,
    SKILLS,
    SUMMARIES,
    USERS,
)
from airflow_provider_aianalytics.vendors.claude_enterprise.reports import (
    COST,
    COST_REPORT,
    USAGE,
    USAGE_REPORT,
    USER_COST_REPORT,
    USER_USAGE_REPORT,
)

VENDOR = CLAUDE_ENTERPRISE = Vendor(
    name=NAME,
    answers=ANSWERS,
    title="Claude Enterprise Analytics",
    base_url="https://api.anthropic.com",
    key_header="x-api-key",
    key_format="{key}",
    headers={"anthropic-version": "2026-10-21"},
    requests_per_minute=60,  # section 4: per organization, over all endpoints and keys
    max_concurrency=8,
    key_placeholder="sk-ant-api01-… (an Analytics key with the scope read:analytics)",
    key_help=(
        "An Analytics key with the scope read:analytics is needed (it starts with sk-ant-api01-); the primary owner "
        "makes it in claude.ai under Organization settings > API, and it belongs in the connection's password"
    ),
    analytics_url="https://claude.ai/analytics",
    docs_url="https://support.claude.com/en/articles/13703965",
    contract="claude-enterprise-analytics.md",
    probe_dataset="users",
    datasets=catalogue(
        USERS,
        SUMMARIES,
        CHAT_PROJECTS,
        SKILLS,
        CONNECTORS,
        PLUGINS,
        ARTIFACTS,
        USER_USAGE_REPORT,
        USER_COST_REPORT,
        USAGE_REPORT,
        COST_REPORT,
        USAGE,
        COST,
    ),
    charges=CHARGES,
)
