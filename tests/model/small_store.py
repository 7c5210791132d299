# SPDX-License-Identifier: Apache-2.0
"""An object store in memory that can stop at any call: before it, or after it was applied and before its answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any


class KilledError(BaseException):
    """The process is gone: nothing that it still tries reaches the store."""


class Objects:
    """What all clients share.

    :param compares: whether writes can be conditional, as on S3.
    """

    def __init__(self, *, compares: bool = True) -> None:
        self.compares = compares
        self.data: dict[str, bytes] = {}
        self.after_write: Callable[[], None] = lambda: None


class SmallStore:
    """One process' client, with the calls of fsspec that the lake makes.

    :param kill_at: the call at which the process dies, counted from 1; 0 for none.
    :param applied: whether that call is applied.
    :param before: called before each call; two clients are interleaved by it.
    """

    def __init__(
        self, objects: Objects, *, kill_at: int = 0, applied: bool = False, before: Callable[[], None] = lambda: None
    ) -> None:
        self.objects = objects
        self.protocol = ("s3",) if objects.compares else ("plain",)
        self.calls = 0
        self.is_dead = False
        self._kill_at = kill_at
        self._applied = applied
        self._before = before

    def _call(self, work: Callable[[], Any]) -> Any:
        if self.is_dead:
            raise KilledError
        self._before()
        self.calls += 1
        if self.calls != self._kill_at:
            return work()
        self.is_dead = True
        if self._applied:
            work()
        raise KilledError

    def invalidate_cache(self, path: str | None = None) -> None:
        pass

    def find(self, path: str, detail: bool = False, prefix: str = "") -> dict[str, dict[str, Any]]:
        data, start = self.objects.data, f"{path}/{prefix}"
        return self._call(lambda: {name: _info(data[name]) for name in sorted(data) if name.startswith(start)})

    def info(self, path: str) -> dict[str, Any]:
        return self._call(lambda: _info(self._get(path)))

    def cat_file(self, path: str, max_concurrency: int = 0) -> bytes:
        return self._call(lambda: self._get(path))

    def get_file(self, path: str, target: str) -> None:
        self._call(lambda: Path(target).write_bytes(self._get(path)))

    def put_file(self, source: str, path: str, **condition: str) -> None:
        data = Path(source).read_bytes()
        self._call(lambda: self._put(path, data, condition))

    def pipe_file(self, path: str, data: bytes, **condition: str) -> None:
        self._call(lambda: self._put(path, data, condition))

    def split_path(self, path: str) -> tuple[str, str, None]:
        bucket, _, key = path.partition("/")
        return bucket, key, None

    def call_s3(self, method: str, **fields: Any) -> None:
        assert method == "copy_object"
        source = "/".join(fields["CopySource"].values())
        self._call(lambda: self._copy(source, f"{fields['Bucket']}/{fields['Key']}", fields["CopySourceIfMatch"]))

    def _copy(self, source: str, path: str, tag: str) -> None:
        data = self._get(source)
        if _info(data)["ETag"] != tag:
            raise OSError(22, "412")
        self._put(path, data, {})

    def rm_file(self, path: str) -> None:
        self._call(lambda: self._remove(path))

    def _get(self, path: str) -> bytes:
        if path not in self.objects.data:
            raise FileNotFoundError(path)
        return self.objects.data[path]

    def _put(self, path: str, data: bytes, condition: dict[str, str]) -> None:
        there = self.objects.data.get(path)
        if self.objects.compares:
            if "IfNoneMatch" in condition and there is not None:
                raise FileExistsError(path)
            if "IfMatch" in condition and (there is None or _info(there)["ETag"] != condition["IfMatch"]):
                raise FileNotFoundError(path) if there is None else OSError(22, "412")
        self.objects.data[path] = data
        self.objects.after_write()

    def _remove(self, path: str) -> None:
        if self.objects.data.pop(path, None) is None:
            raise FileNotFoundError(path)
        self.objects.after_write()


def _info(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "ETag": f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"', "type": "file"}
