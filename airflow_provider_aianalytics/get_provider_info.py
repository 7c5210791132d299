# SPDX-License-Identifier: Apache-2.0
"""What Airflow discovers: a pure dict, importing nothing, since discovery runs before Airflow is configured."""

from __future__ import annotations

from typing import Any

_PACKAGE = "airflow_provider_aianalytics"
_VENDORS = {"claude_enterprise": "Claude Enterprise Analytics", "perplexity": "Perplexity Analytics"}


def get_provider_info() -> dict[str, Any]:
    return {
        "package-name": "airflow-provider-aianalytics",
        "name": "AI Analytics",
        "description": "Lands AI-product analytics (Claude Enterprise, Perplexity Computer) in a data lake.",
        "integrations": [
            {"integration-name": title, "external-doc-url": url, "tags": ["service"]}
            for title, url in (
                (_VENDORS["claude_enterprise"], "https://support.claude.com/en/articles/13703965"),
                (_VENDORS["perplexity"], "https://docs.perplexity.ai/docs/admin/computer-analytics-api"),
            )
        ],
        "hooks": _modules("hooks"),
        "operators": _modules("operators"),
        "sensors": _modules("sensors"),
        "triggers": [
            {
                "integration-name": title,
                "python-modules": [f"{_PACKAGE}.triggers.availability", f"{_PACKAGE}.triggers.new_day"],
            }
            for title in _VENDORS.values()
        ],
        "filesystems": [f"{_PACKAGE}.storage.memory"],
        "extra-links": [
            f"{_PACKAGE}.links.{name}"
            for name in ("LandedLink", "ClaudeEnterpriseAnalyticsLink", "PerplexityAnalyticsLink")
        ],
        "cli": [f"{_PACKAGE}.cli.get_cli_commands"],
        "connection-types": [
            _connection_type(
                "claude_enterprise_analytics",
                f"{_PACKAGE}.hooks.claude_enterprise.ClaudeEnterpriseAnalyticsHook",
                "Claude Enterprise Analytics",
                key="sk-ant-api01-… (an Analytics key with the scope read:analytics)",
                host="empty for https://api.anthropic.com",
            ),
            _connection_type(
                "perplexity_analytics",
                f"{_PACKAGE}.hooks.perplexity.PerplexityAnalyticsHook",
                "Perplexity Analytics",
                key="the organization's Analytics API key (not a Sonar key)",
                host="empty for https://api.perplexity.ai",
            ),
        ],
    }


def _modules(room: str) -> list[dict[str, Any]]:
    return [
        {"integration-name": title, "python-modules": [f"{_PACKAGE}.{room}.{vendor}"]}
        for vendor, title in _VENDORS.items()
    ]


def _connection_type(conn_type: str, hook: str, name: str, *, key: str, host: str) -> dict[str, Any]:
    return {
        "connection-type": conn_type,
        "hook-class-name": hook,
        "hook-name": name,
        "ui-field-behaviour": {
            "hidden-fields": ["login", "schema"],
            "relabeling": {"password": "API key"},
            "placeholders": {"password": key, "host": host, "port": "empty for 443"},
        },
        "conn-fields": {
            "requests_per_minute": {
                "label": "Requests per minute",
                "description": "The budget this connection may use, by default 60; the vendor limits the organization.",
                "schema": {"type": ["integer", "null"], "minimum": 1},
            },
            "timeout": {
                "label": "Timeout (seconds)",
                "description": "Seconds without a byte before a request is given up, by default 120.",
                "schema": {"type": ["number", "null"], "exclusiveMinimum": 0},
            },
            "pseudonym_secret": {
                "label": "Pseudonym secret",
                "description": "HMAC key for pseudonymize_fields; with another key the same people get new pseudonyms.",
                "schema": {"type": ["string", "null"], "format": "password"},
            },
        },
    }
