# SPDX-License-Identifier: Apache-2.0
"""Lakes in which a month has landed from the simulator, as task runs would land it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from airflow_provider_aianalytics.extraction.privacy import Privacy
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Period
from airflow_provider_aianalytics.focus.export import Export, export
from airflow_provider_aianalytics.focus.settings import parse_settings
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook
from airflow_provider_aianalytics.hooks.perplexity import PerplexityAnalyticsHook
from airflow_provider_aianalytics.ingest.loop import Ingest, IngestOptions
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.storage.encoders.formats import FileFormat
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Manifest, Run
from tests.support import SimulatedClock, days_of

NOW = datetime(2026, 12, 10, 12, tzinfo=UTC)
"""October is final then, and November is not."""
OCTOBER = date(2026, 10, 1), date(2026, 11, 1)
HOOKS: dict[str, Callable[..., AnalyticsHook]] = {
    "claude_enterprise": ClaudeEnterpriseAnalyticsHook,
    "perplexity": PerplexityAnalyticsHook,
}
DIMENSIONS = ("product", "model", "context_window", "inference_geo", "speed")
SETTINGS = """
[claude_enterprise]
billing_account_name = "Example Ltd, Claude"

[perplexity]
billing_account_id = "example"
billing_account_name = "Example Ltd, Perplexity"
credit_price_usd = 0.0123
contracted_credit_price_usd = "0.011"
"""


def settings_for(table: str, *, vendor: str = "claude_enterprise") -> str:
    """The settings with a table chosen for one vendor."""
    return SETTINGS.replace(f"[{vendor}]", f'[{vendor}]\ntable = "{table}"')


def total(found: Export, column: str, provider: str = "Anthropic") -> Decimal:
    """The sum of a column over a provider's rows."""
    return sum((row[column] for row in found.rows if row["ProviderName"] == provider), Decimal(0))


@dataclass(frozen=True)
class Lake:
    """A lake, and the simulator that it lands from."""

    path: str
    simulator: Simulator

    def land(
        self,
        vendor: str,
        dataset: str,
        *,
        table: str | None = None,
        days: tuple[date, date] = OCTOBER,
        file_format: str = "ndjson",
        compression: str = "gzip",
        pseudonymize: tuple[str, ...] = (),
        drop: tuple[str, ...] = (),
        **query: Any,
    ) -> None:
        hook = HOOKS[vendor](clock=SimulatedClock(self.simulator))
        found = hook.vendor.dataset(dataset)
        privacy = Privacy(found, drop=drop, pseudonymize=pseudonymize, secret="secret" if pseudonymize else "")
        ingest = Ingest(
            hook,
            build_query(found, **query),
            self.table(vendor, table or dataset, FileFormat(file_format, compression)),
            run=Run(dag_id="dag", run_id=uuid4().hex, task_id="land"),
            privacy=privacy,
            options=IngestOptions(),
        )
        ingest.land(Period(*days))

    def table(self, vendor: str, table: str, file_format: FileFormat | None = None) -> LakeTable:
        return LakeTable(self.path, vendor=vendor, table=table, file_format=file_format or FileFormat("ndjson", "gzip"))

    def manifests(self, vendor: str, table: str, days: tuple[date, date] = OCTOBER) -> list[Manifest]:
        found = self.table(vendor, table).manifests(days_of(*days))
        return [manifest for manifest in found.values() if manifest is not None]

    def manifest_total(self, vendor: str, table: str, days: tuple[date, date] = OCTOBER) -> Decimal:
        return sum((manifest.total or Decimal(0) for manifest in self.manifests(vendor, table, days)), Decimal(0))

    def export(self, month: str = "2026-10", settings: str | None = SETTINGS, **more: Any) -> Export:
        return export(self.path, month=month, settings=parse_settings(settings or ""), **more)


@contextmanager
def simulated_lake(path: str, **settings: Any) -> Iterator[Lake]:
    patch = pytest.MonkeyPatch()
    with Simulator(**{"seed": 7, "members": 25, "now": NOW, "requests_per_minute": None, **settings}) as simulator:
        for vendor, key in (("claude_enterprise", simulator.claude_key), ("perplexity", simulator.perplexity_key)):
            connection = {
                "conn_type": f"{vendor}_analytics",
                "password": key,
                "host": simulator.url,
                "extra": {"requests_per_minute": 100_000},
            }
            patch.setenv(f"AIRFLOW_CONN_{vendor.upper()}_ANALYTICS_DEFAULT", json.dumps(connection))
        try:
            yield Lake(path, simulator)
        finally:
            patch.undo()
