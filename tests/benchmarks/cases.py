# SPDX-License-Identifier: Apache-2.0
"""What is measured: ways to read the same pages, each in a process of its own.

``python cases.py CONTENDER PORT PAGES LATENCY WINDOWS WORKERS FOLDER``: PAGES a window, LATENCY in milliseconds, a
window a day. It writes below FOLDER and ends with the line of its :class:`~meter.Meter`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from meter import Meter

ROWS = 1000
FIRST = date(2026, 1, 1)
NEXT = b'"next_page":'


@dataclass(frozen=True)
class Work:
    """What is to be read, and where to."""

    port: int
    pages: int
    latency: int
    windows: int
    workers: int
    folder: Path

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/{self.pages}x{self.latency}"

    @property
    def days(self) -> list[date]:
        return [FIRST + timedelta(days=number) for number in range(self.windows)]

    @property
    def rows(self) -> int:
        return self.windows * self.pages * ROWS

    def set_up_airflow(self) -> None:
        os.environ.update(
            AIRFLOW_HOME=str(self.folder / "airflow"),
            AIRFLOW__LOGGING__LOGGING_LEVEL="WARNING",
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            AIRFLOW_CONN_BENCH=json.dumps(
                {
                    "conn_type": "claude_enterprise_analytics",
                    "host": self.base,
                    "password": "sk-ant-api01-benchmark",
                    "extra": {"requests_per_minute": 1_000_000},
                }
            ),
            TMPDIR=str(self.folder),  # a ledger of its own
        )

    def report(self, meter: Meter, rows: int) -> None:
        assert rows == self.rows, f"{rows} of {self.rows} rows"
        written = sum(path.stat().st_size for path in (self.folder / "out").rglob("*") if path.is_file())
        meter.report(rows=rows, written=written)


def floor(work: Work, *, compressed: bool = False) -> None:
    """``requests`` reading the bytes; the cursor is found by looking at the end, and nothing is parsed."""
    import requests
    from isal import igzip

    def read(day: date) -> int:
        with requests.Session() as session, (work.folder / "out" / str(day)).open("wb") as file:
            zipped = igzip.IGzipFile(mode="wb", compresslevel=1, fileobj=file) if compressed else None
            parameters = {"date": str(day), "limit": str(ROWS)}
            pages = 0
            while True:
                body = session.get(f"{work.base}/v1/organizations/analytics/users", params=parameters).content
                pages += 1
                if zipped is not None:
                    zipped.write(body)
                cursor = body[body.rindex(NEXT) + len(NEXT) : -1]
                if cursor == b"null":
                    break
                parameters["page"] = cursor.decode().strip('"')
            if zipped is not None:
                zipped.close()
            return pages * ROWS

    with Meter() as meter, ThreadPoolExecutor(work.workers) as pool:
        rows = sum(pool.map(read, work.days))
    work.report(meter, rows)


def http_operator(work: Work) -> None:
    """Airflow's ``HttpOperator`` with a ``pagination_function``, writing NDJSON in its ``response_filter``."""
    work.set_up_airflow()
    os.environ["AIRFLOW_CONN_BENCH"] = json.dumps({"conn_type": "http", "host": work.base})
    from airflow.providers.http.operators.http import HttpOperator

    def more(response: Any) -> dict[str, Any] | None:
        cursor = response.json()["next_page"]
        return {"data": {"page": cursor}} if cursor else None

    def written(responses: list[Any]) -> int:
        rows = 0
        with (work.folder / "out" / "rows.ndjson").open("w") as file:
            for response in responses:
                for row in response.json()["data"]:
                    file.write(json.dumps(row) + "\n")
                    rows += 1
        return rows

    operator = HttpOperator(
        task_id="read",
        http_conn_id="bench",
        method="GET",
        endpoint="v1/organizations/analytics/users",
        data={"date": str(FIRST), "limit": str(ROWS)},
        pagination_function=more,
        response_filter=written,
    )
    with Meter() as meter:
        rows = operator.execute({})
    work.report(meter, rows)


def dlt_rest_api(work: Work, *, file_format: str) -> None:
    """``dlt``'s ``rest_api`` source to a local folder, not compressed."""
    os.environ.update(
        DLT_DATA_DIR=str(work.folder / "dlt"),
        RUNTIME__DLTHUB_TELEMETRY="false",
        RUNTIME__LOG_LEVEL="ERROR",
        DESTINATION__FILESYSTEM__BUCKET_URL=(work.folder / "out").as_uri(),
        NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION="true",
    )
    import dlt
    from dlt.sources.rest_api import rest_api_source

    source = rest_api_source(
        {
            "client": {
                "base_url": f"{work.base}/v1/organizations/analytics/",
                "paginator": {"type": "cursor", "cursor_path": "next_page", "cursor_param": "page"},
            },
            "resources": [
                {
                    "name": "users",
                    "endpoint": {
                        "path": "users",
                        "params": {"date": str(FIRST), "limit": str(ROWS)},
                        "data_selector": "data",
                    },
                }
            ],
        },
        name="claude",
    )
    with Meter() as meter:
        pipeline = dlt.pipeline(
            "bench", destination="filesystem", dataset_name="lake", pipelines_dir=str(work.folder / "pipelines")
        )
        pipeline.run(source, loader_file_format=file_format)
    work.report(meter, pipeline.last_trace.last_normalize_info.row_counts["users"])


def official_client(work: Work) -> None:
    """The vendor's own client, its iterator walked and nothing written."""
    from anthropic import Anthropic

    client = Anthropic(api_key="benchmark", base_url=work.base)
    with Meter() as meter:
        rows = sum(1 for _ in client.organization.analytics.users.list(date=str(FIRST), limit=ROWS))
    work.report(meter, rows)


def ours(work: Work, *, file_format: str, compression: str) -> None:
    """The operator, landing a folder."""
    work.set_up_airflow()
    # What it imports late is imported before the clock starts, as it is for the others.
    import airflow.providers.common.compat.sdk as sdk
    import isal.igzip
    import zstandard

    from airflow_provider_aianalytics.ingest import loop
    from airflow_provider_aianalytics.operators.claude_enterprise import (
        ClaudeEnterpriseAnalyticsToObjectStorageOperator,
    )

    assert all((sdk.ObjectStoragePath, isal.igzip, zstandard, loop))
    if file_format == "parquet":
        import pyarrow.parquet

        assert pyarrow.parquet
    operator = ClaudeEnterpriseAnalyticsToObjectStorageOperator(
        task_id="land",
        dataset="users",
        conn_id="bench",
        path=str(work.folder / "out"),
        start=work.days[0],
        end=work.days[-1] + timedelta(days=1),
        file_format=file_format,
        compression=compression,
        max_concurrency=work.workers,
    )
    operator.hook()
    instance = SimpleNamespace(dag_id="d", run_id="r", task_id="land", map_index=-1, try_number=1, max_tries=0)
    with Meter() as meter:
        summary = operator.execute({"ti": instance, "task": operator})
    work.report(meter, summary["rows"])


def our_hook(work: Work) -> None:
    """The hook's ``records``, each decoded to a dict, and nothing written."""
    work.set_up_airflow()
    from airflow_provider_aianalytics.hooks.claude_enterprise import ClaudeEnterpriseAnalyticsHook

    hook = ClaudeEnterpriseAnalyticsHook("bench")
    with Meter() as meter:
        rows = sum(1 for _ in hook.records("users", work.days[0], work.days[-1] + timedelta(days=1)))
    work.report(meter, rows)


CONTENDERS: dict[str, Callable[[Work], None]] = {
    "floor": floor,
    "floor-gzip": partial(floor, compressed=True),
    "http-operator": http_operator,
    "dlt-jsonl": partial(dlt_rest_api, file_format="jsonl"),
    "dlt-parquet": partial(dlt_rest_api, file_format="parquet"),
    "official-client": official_client,
    "hook": our_hook,
    "ndjson": partial(ours, file_format="ndjson", compression="none"),
    "ndjson-gzip": partial(ours, file_format="ndjson", compression="gzip"),
    "ndjson-zstd": partial(ours, file_format="ndjson", compression="zstd"),
    "csv-gzip": partial(ours, file_format="csv", compression="gzip"),
    "parquet": partial(ours, file_format="parquet", compression="zstd"),
}


if __name__ == "__main__":
    contender, *numbers, folder = sys.argv[1:]
    work = Work(*map(int, numbers), folder=Path(folder))
    (work.folder / "out").mkdir(parents=True)
    CONTENDERS[contender](work)
