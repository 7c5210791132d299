# SPDX-License-Identifier: Apache-2.0
"""What both families share."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType

from airflow_provider_aianalytics.vendors.base import Column, ColumnType
from airflow_provider_aianalytics.vendors.claude_enterprise.fields import describe, short_name

NAME = "claude_enterprise"
PREFIX = "/v1/organizations/analytics"
LEGACY_NAMES = MappingProxyType({"email": "email_address"})  # section 1
FIRST_DAY = date(2026, 1, 1)  # section 6: an earlier day is a 400


def columns(kind: ColumnType, prefix: str, *names: str) -> tuple[Column, ...]:
    paths = (f"{prefix}{name}" for name in names)
    return tuple(Column(path, kind, *describe(path), alias=short_name(path)) for path in paths)


def strings(*names: str) -> tuple[Column, ...]:
    return columns(ColumnType.STRING, "", *names)


def integers(prefix: str, *names: str) -> tuple[Column, ...]:
    return columns(ColumnType.INTEGER, prefix, *names)
