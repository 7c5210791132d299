# SPDX-License-Identifier: Apache-2.0
"""``memory://`` as a path of Airflow's object storage, for DAGs that are tried out in one process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem  # type: ignore[import-untyped]

schemes = ["memory"]


def get_fs(conn_id: str | None, storage_options: dict[str, Any] | None = None) -> AbstractFileSystem:
    from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]

    return MemoryFileSystem(**(storage_options or {}))
