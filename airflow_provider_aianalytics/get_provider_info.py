# SPDX-License-Identifier: Apache-2.0
"""What Airflow discovers: a pure dict from the vendors' catalogues.

Discovery runs before Airflow is configured, so nothing here imports more than the standard library.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_aianalytics.vendors.base import Vendor
from airflow_provider_aianalytics.vendors.registry import VENDORS

_PACKAGE = "airflow_provider_aianalytics"


def get_provider_info() -> dict[str, Any]:
    titles = ", ".join(vendor.title for vendor in VENDORS.values())
    return {
        "package-name": "airflow-provider-aianalytics",
        "name": "AI Analytics",
        "description": f"Lands AI-product analytics ({titles}) in a data lake.",
        "integrations": [
            {"integration-name": vendor.title, "external-doc-url": vendor.docs_url, "tags": ["service"]}
            for vendor in VENDORS.values()
        ],
        "hooks": _modules("hooks"),
        "operators": _modules("operators", "coverage"),
        "sensors": _modules("sensors"),
        "triggers": [
            {
                "integration-name": vendor.title,
                "python-modules": [f"{_PACKAGE}.triggers.availability", f"{_PACKAGE}.triggers.new_day"],
            }
            for vendor in VENDORS.values()
        ],
        "filesystems": [f"{_PACKAGE}.storage.memory"],
        "extra-links": [
            f"{_PACKAGE}.ui.links.{name}"
            for name in ("LandedLink", *(vendor.link_class for vendor in VENDORS.values()))
        ],
        "cli": [f"{_PACKAGE}.cli.get_cli_commands"],
        "config": {
            "aianalytics": {
                "description": "Settings of the AI Analytics provider.",
                "options": {
                    "lakes": {
                        "description": "The lakes that the page in Airflow's UI shows, as a JSON object of names and "
                        "paths; empty for no page. The web or API server reads them with Airflow's own connections.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": '{"Production": "s3://aws_default@lake/ai"}',
                        "default": "",
                    },
                },
            },
        },
        "connection-types": [_connection_type(vendor) for vendor in VENDORS.values()],
    }


def _modules(room: str, *shared: str) -> list[dict[str, Any]]:
    """A vendor's own module of a package, and those that all vendors share."""
    return [
        {
            "integration-name": vendor.title,
            "python-modules": [f"{_PACKAGE}.{room}.{name}" for name in (vendor.name, *shared)],
        }
        for vendor in VENDORS.values()
    ]


def _connection_type(vendor: Vendor) -> dict[str, Any]:
    return {
        "connection-type": vendor.conn_type,
        "hook-class-name": f"{_PACKAGE}.hooks.{vendor.name}.{vendor.hook_class}",
        "hook-name": vendor.title,
        "ui-field-behaviour": {
            "hidden-fields": ["login", "schema"],
            "relabeling": {"password": "API key"},
            "placeholders": {
                "password": vendor.key_placeholder,
                "host": f"empty for {vendor.base_url}; http://127.0.0.1 for the simulator",
                # Its Test button sends an empty port as 0, which differs from the stored one, and is refused.
                "port": "443, or the simulator's port; the Test button of Airflow 3.3.2 needs one",
            },
        },
        "conn-fields": {
            "requests_per_minute": {
                "label": "Requests per minute",
                "description": f"The budget this connection may use, by default {vendor.requests_per_minute}; "
                "the vendor limits the organization.",
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
