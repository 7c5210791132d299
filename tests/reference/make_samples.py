# SPDX-License-Identifier: Apache-2.0
"""Takes the sample records out of the simulator: ``python -m tests.reference.make_samples`` writes them anew."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.reference.samples import SAMPLE_DAY, SAMPLE_FILE
from airflow_provider_aianalytics.simulator import Simulator
from airflow_provider_aianalytics.vendors.base import DAY, Dataset, Vendor
from airflow_provider_aianalytics.vendors.registry import VENDORS

NOW = datetime(2026, 12, 15, 12, tzinfo=UTC)
FOLDER = Path(__file__).parents[2] / "airflow_provider_aianalytics/vendors"
SAMPLES = {name: FOLDER / name / SAMPLE_FILE for name in VENDORS}


def samples_of(vendor: Vendor, simulator: Simulator) -> str:
    """One item for each dataset, a line each."""
    lines = (f"{json.dumps(name)}: {_item(dataset, simulator)}" for name, dataset in vendor.datasets.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _item(dataset: Dataset, simulator: Simulator) -> str:
    query = build_query(dataset)
    parameters = query.parameters(Window(SAMPLE_DAY, SAMPLE_DAY + DAY))
    items = [_known(dataset, json.loads(item)) for item in simulator.truth(dataset.path, parameters)]
    if dataset.results:
        (item,) = items
        item[dataset.results] = [_known(dataset, max(item[dataset.results], key=_richness))]
        return _compact(item)
    return _compact(max(items, key=_richness))


def _known(dataset: Dataset, item: dict[str, Any]) -> dict[str, Any]:
    """Without what the simulator adds to try out unknown fields."""
    names = {column.path.partition(".")[0] for column in dataset.columns}
    return {name: value for name, value in item.items() if name in names | {*dataset.breakdown, dataset.results}}


def _compact(item: dict[str, Any]) -> str:
    return json.dumps(item, separators=(",", ":"))


def _richness(value: Any) -> int:
    """How many of the values in a record say something."""
    if isinstance(value, dict):
        return sum(map(_richness, value.values()))
    return int(bool(value))


def main() -> None:
    simulator = Simulator(seed=7, members=200, now=NOW)
    for vendor in VENDORS.values():
        SAMPLES[vendor.name].write_text(samples_of(vendor, simulator))


if __name__ == "__main__":
    main()
