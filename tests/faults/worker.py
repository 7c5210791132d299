# SPDX-License-Identifier: Apache-2.0
"""A process that runs a DAG again and again and is killed at it: imports Airflow once, then forks a child for each run.

Takes the path of a DAG file a line on its standard input, and answers with two lines: the child's process id, and its
exit status, negative for a signal.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from pathlib import Path

from tests.integration.conftest import run_file
from tests.support import NOW

GIVE_UP = 300
FIRST_USED_IN_A_RUN = (
    "airflow.api_fastapi.execution_api.app",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.providers.fab.auth_manager.models",
    "airflow.models.dagrun",
    "airflow.models.taskinstance",
    "airflow.serialization.serialized_objects",
    "airflow_provider_aianalytics.ingest.loop",
    "airflow_provider_aianalytics.operators.claude_enterprise",
    "airflow_provider_aianalytics.hooks.claude_enterprise",
    "pyarrow.parquet",
)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Airflow logs to the standard output
    for name in FIRST_USED_IN_A_RUN:
        with suppress(ImportError):
            import_module(name)
    with suppress(Exception):  # an Airflow that has no such thing needs no such warming
        asyncio.run(_warm_up())
    for number, line in enumerate(sys.stdin):
        # Airflow 2 starts a run of ``dag.test()`` at its logical date; two runs of one start keep each other's days.
        day = NOW + timedelta(minutes=number)
        process = os.fork()
        if process == 0:
            signal.alarm(GIVE_UP)  # its default action ends the process
            status = 1
            try:
                status = 0 if run_file(Path(line.strip()), day=day).state.endswith("success") else 2
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        print(process, file=answers, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), file=answers, flush=True)


async def _warm_up() -> None:
    """Let the server that Airflow 3 runs tasks against be made once: that takes longer than all the rest of a run.

    In a loop of its own, which ends here, so that no thread of it is lost in a fork.
    """
    import httpx
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    app = in_process_api_server().app
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://in-process") as client,
    ):
        await client.get("/health")


if __name__ == "__main__":
    main()
