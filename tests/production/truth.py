# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.production.truth``: what must have landed at the end, from the simulator's own records.

A process of its own, beside everything else, that shares nothing with the client: it draws the organization again and
writes down a digest for each day of each dataset. Days that are final never change again, so what is the same for the
next run of the same sources is not drawn twice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import airflow_provider_aianalytics.simulator as simulated
from airflow_provider_aianalytics.simulator import Simulator
from tests.production.vendor import settings
from tests.support import BY_MEMBER, CLAUDE_DATASETS, DAY, PERPLEXITY_DATASETS, SNAPSHOTS, truth

VENDORS = {"claude_enterprise": CLAUDE_DATASETS, "perplexity": PERPLEXITY_DATASETS}
STEP = 10
"""Days to draw at once: enough for the months to share their drawing, little enough for the memory."""


def pages(dataset: str, rows: int) -> int:
    """How many pages of the largest size so many rows of a window take."""
    return max(1, -(-rows // (100 if dataset in BY_MEMBER else 1000)))


def digests(simulator: Simulator, first: date, end: date) -> Iterator[tuple[str, str, date, dict[str, int | str]]]:
    """The digest, the rows and the bytes of each day of each dataset, months together."""
    start = first
    while start < end:
        stop = min(start + timedelta(days=STEP), end)
        for vendor, datasets in VENDORS.items():
            for dataset in datasets:
                step = 1 if dataset in SNAPSHOTS and vendor == "claude_enterprise" else STEP
                low = start
                while low < stop:
                    high = min(low + timedelta(days=step), stop)
                    for day, lines in truth(simulator, vendor, dataset, low, high).items():
                        content = b"".join(line + b"\n" for line in lines)
                        digest = hashlib.sha256(content).hexdigest()
                        yield vendor, dataset, day, {"sha256": digest, "rows": len(lines), "bytes": len(content)}
                    low = high
        start = stop


def sources() -> str:
    """A digest of what the truth depends on."""
    whole = hashlib.sha256()
    for path in sorted([*Path(simulated.__file__).parent.rglob("*.py"), *Path(__file__).parent.glob("[tv]*.py")]):
        whole.update(path.read_bytes())
    return whole.hexdigest()[:16]


def main() -> None:
    p = argparse.ArgumentParser()
    p.add_argument("--members", type=int, required=True)
    p.add_argument("--first", type=date.fromisoformat, required=True)
    p.add_argument("--end", type=date.fromisoformat, required=True)
    p.add_argument("--now", type=datetime.fromisoformat, required=True)
    p.add_argument("--out", type=Path, required=True)
    p.add_argument("--cache", type=Path, required=True)
    options = p.parse_args()
    os.nice(15)
    cached = (
        options.cache / f"{sources()}-{options.members}-{options.first}-{options.end}-{options.now:%Y%m%dT%H%M}.json"
    )
    if not cached.exists():
        simulator = Simulator(settings(options.members, options.now.astimezone(UTC)))
        found = {
            f"{vendor}/{dataset}/{day}": digest
            for vendor, dataset, day, digest in digests(simulator, options.first, options.end)
        }
        cached.parent.mkdir(parents=True, exist_ok=True)
        part = cached.with_suffix(".part")
        part.write_text(json.dumps(found))
        part.replace(cached)
    options.out.with_suffix(".part").write_bytes(cached.read_bytes())
    options.out.with_suffix(".part").replace(options.out)


__all__ = ["DAY", "digests", "pages"]

if __name__ == "__main__":
    main()
