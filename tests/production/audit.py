# SPDX-License-Identifier: Apache-2.0
"""What is in the lake, read through a client of our own, against what should be."""

from __future__ import annotations

import gzip
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.production.services import BUCKET
from tests.production.truth import VENDORS

if TYPE_CHECKING:
    from tests.production.scenario import Scenario

PREFIX = "ai/"
Truth = dict[str, dict[str, Any]]


@dataclass
class Day:
    """What the lake has of a day.

    :param landed_at: when its first content was read, on the shared clock.
    :param last_read: when its present content was read.
    """

    landed_at: datetime
    last_read: datetime
    revisions: int
    rows: int
    bytes: int
    is_final: bool


@dataclass
class Table:
    """What was found of one table."""

    name: str
    days: dict[date, Day] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    stored: int = 0

    @property
    def is_whole(self) -> bool:
        return not (self.missing or self.doubled or self.differing)


@dataclass
class Found:
    """What was found of the lake.

    :param examples: objects and days of each table of the examples, and those whose file is not what its manifest says.
    """

    tables: dict[str, Table]
    examples: dict[str, dict[str, int]] = field(default_factory=dict)
    leftovers: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        broken = any(example["broken"] for example in self.examples.values())
        return all(table.is_whole for table in self.tables.values()) and not broken and not self.leftovers


def audit(scenario: Scenario, truth: Truth, end: date) -> Found:
    """Check every day of every dataset.

    :param truth: the expected digests; without them no content is read, and only the files are listed.
    :param end: the day after the last that must be there.
    """
    client = scenario.store.client()
    names = _objects(client, PREFIX)
    found = Found({})
    days = [scenario.first + timedelta(days=n) for n in range((end - scenario.first).days)]
    with ThreadPoolExecutor(6) as pool:
        for vendor, datasets in VENDORS.items():
            for dataset in datasets:
                table = Table(f"{vendor}/{dataset}")
                found.tables[table.name] = table
                prefix = f"{PREFIX}{vendor}/"
                data = {n: s for n, s in names.items() if n.startswith(f"{prefix}{dataset}/")}
                listed = {n for n in names if n.startswith(f"{prefix}_manifests/{dataset}/")}
                table.stored = sum(data.values())
                expected = {f"{prefix}{dataset}/date={day}/{dataset}.ndjson.gz": day for day in days}
                manifests = {f"{prefix}_manifests/{dataset}/{day}.json": day for day in days}
                table.missing = sorted(set(map(str, (expected[n] for n in expected.keys() - data.keys()))))
                table.missing += [f"{manifests[n]} (manifest)" for n in sorted(manifests.keys() - listed)]
                table.doubled = sorted(data.keys() - expected.keys()) + sorted(listed - manifests.keys())
                if not truth:
                    continue

                def audit_day(day: date, table: Table = table, prefix: str = prefix, dataset: str = dataset) -> None:
                    _look(client, table, prefix, dataset, day, truth)

                list(pool.map(audit_day, [day for day in days if str(day) not in table.missing]))
    if truth:
        found.examples = _examples(client, {n: s for n, s in names.items() if n.startswith(f"{PREFIX}examples/")})
        found.leftovers = [n for n in names if "_spool" in n or n.endswith((".tmp", ".part"))]
    return found


def _objects(client: Any, prefix: str) -> dict[str, int]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return {item["Key"]: item["Size"] for page in pages for item in page.get("Contents", [])}


def _read(client: Any, name: str) -> bytes:
    data: bytes = client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
    return data


def _look(client: Any, table: Table, prefix: str, dataset: str, day: date, truth: Truth) -> None:
    """Compare a day's file with the truth, and its manifest with both."""
    try:
        content = gzip.decompress(_read(client, f"{prefix}{dataset}/date={day}/{dataset}.ndjson.gz"))
        manifest = json.loads(_read(client, f"{prefix}_manifests/{dataset}/{day}.json"))
    except Exception as error:
        table.differing.append(f"{day} cannot be read: {error!r}")
        return
    true = truth[f"{table.name}/{day}"]
    digest = hashlib.sha256(content).hexdigest()
    rows = content.count(b"\n")
    if (digest, rows) != (true["sha256"], true["rows"]):
        table.differing.append(
            f"{day}: {rows} rows and {len(content)} bytes, {true['rows']} and {true['bytes']} are true"
        )
    if (manifest["sha256"], manifest["rows"], manifest["complete"]) != (digest, rows, True):
        table.differing.append(f"{day}: its manifest describes another content")
    revisions = manifest["revisions"]
    table.days[day] = Day(
        landed_at=_moment(revisions[0]["fetched_at"] if revisions else manifest["fetched_at"]),
        last_read=_moment(manifest["fetched_at"]),
        revisions=len(revisions),
        rows=rows,
        bytes=len(content),
        is_final=manifest["final"],
    )


def _examples(client: Any, names: dict[str, int]) -> dict[str, dict[str, int]]:
    """The tables of the examples: each day once, and each file as its manifest describes it."""
    found: dict[str, dict[str, int]] = {}
    for name in sorted(names):
        head, mark, tail = name.partition("/_manifests/")
        if not mark:
            continue
        manifest = json.loads(_read(client, name))
        example = found.setdefault(
            f"{head.removeprefix(PREFIX + 'examples/').split('/')[0]}: {tail.split('/')[0]}",
            {"days": 0, "rows": 0, "revisions": 0, "broken": 0},
        )
        example["days"] += 1
        example["rows"] += manifest["rows"]
        example["revisions"] += len(manifest["revisions"])
        file = f"{head.rpartition('/')[0]}/{manifest['file']}"
        beside = [n for n in names if n.startswith(file.rpartition("/")[0] + "/")]
        data = _read(client, file) if file in names else b""
        listed = (manifest["file_bytes"], manifest["file_md5"])
        example["broken"] += (
            beside != [file] or (len(data), hashlib.md5(data, usedforsecurity=False).hexdigest()) != listed
        )
    return found


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
