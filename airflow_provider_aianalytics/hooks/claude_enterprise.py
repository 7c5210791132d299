# SPDX-License-Identifier: Apache-2.0
"""The Claude Enterprise Analytics API."""

from __future__ import annotations

from airflow_provider_aianalytics.clock import SYSTEM_CLOCK, Clock
from airflow_provider_aianalytics.exceptions import PermissionDeniedError
from airflow_provider_aianalytics.extraction.paginator import CursorPaginator
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE

ADMIN_KEY_PREFIX = "sk-ant-admin"


class ClaudeEnterpriseAnalyticsHook(AnalyticsHook):
    """Reads the Claude Enterprise Analytics API.

    :param conn_id: a connection of the type ``claude_enterprise_analytics``: an Analytics key with the scope
        ``read:analytics`` in its password; an empty host is the vendor's own address.
    :param clock: the clock to wait by.
    """

    vendor = CLAUDE_ENTERPRISE
    default_conn_name = "claude_enterprise_analytics_default"
    conn_type = "claude_enterprise_analytics"
    hook_name = "Claude Enterprise Analytics"

    def __init__(self, conn_id: str = default_conn_name, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(conn_id, clock=clock)

    def validate_key(self, paginator: CursorPaginator) -> None:
        dataset = paginator.query.dataset
        if self.endpoint.key.startswith(ADMIN_KEY_PREFIX) and not dataset.admin_key:
            taking = ", ".join(row.name for row in self.vendor.datasets.values() if row.admin_key)
            raise PermissionDeniedError(
                f"the password is a Console Admin API key ({ADMIN_KEY_PREFIX}…), which this endpoint refuses; it is "
                f"taken by {taking} alone",
                where=paginator.where,
                hint=self.vendor.key_help,
            )
