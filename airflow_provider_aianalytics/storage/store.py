# SPDX-License-Identifier: Apache-2.0
"""The few calls that the lake makes to the place where it is stored: a file system or an object store."""

from __future__ import annotations

import base64
import errno
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_aianalytics.exceptions import StorageError
from airflow_provider_aianalytics.storage import drivers

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

_HINTS: Mapping[int, str] = {
    errno.EXDEV: "Put the lake and the folders of its tables on one file system: a file is published by a rename",
    errno.EISDIR: "A folder lies where a file has to be; move it away",
    errno.ENOTDIR: "A file lies where a folder has to be; move it away",
    errno.EROFS: "The lake is read-only; make it writable for the worker",
    errno.EACCES: "Give the worker the right to list, read, write and delete below the path",
    errno.EPERM: "Give the worker the right to list, read, write and delete below the path",
}


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What a listing says of a file.

    :param size: its length in bytes.
    :param md5: its digest in hexadecimal, ``None`` where the store does not say. S3 may give another kind of tag: an
        equal digest is a proof, a different one is none.
    :param version: changes with every write, empty where the store does not say.
    """

    size: int
    md5: str | None = None
    version: str = ""


_KINDS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "az": "azure", "memory": "memory"}
"""The protocols of file systems whose writes can be conditional."""


class StoreConflictError(Exception):
    """A conditional write was refused: the file is no longer what the caller saw."""


class Store(ABC):
    """Files below the lake's path. All names are relative to it, with ``/`` between their parts.

    Every call is atomic for readers, and only its last step is visible.

    :cvar at_once: how many calls are worth making at once.
    """

    at_once: ClassVar[int]

    @abstractmethod
    def list(self, folder: str) -> dict[str, FileInfo]:
        """All files below a folder, in one listing; empty where the folder does not exist."""

    @abstractmethod
    def children(self, folder: str) -> dict[str, FileInfo | None]:
        """What lies directly in a folder, by name, ``None`` for a folder; empty where there is no such folder."""

    @abstractmethod
    def info(self, file: str) -> FileInfo | None:
        """What the store says of a file, ``None`` where there is none."""

    @abstractmethod
    def read(self, file: str) -> bytes:
        """:raises FileNotFoundError: where there is none."""

    @abstractmethod
    def read_listed(self, file: str, seen: FileInfo) -> tuple[bytes, bool]:
        """Read a file that a listing showed.

        :return: its content, and whether it surely is of the version in the listing, and no other is.
        :raises FileNotFoundError: where there is none.
        """

    @abstractmethod
    def download(self, file: str, target: Path) -> None:
        """Copy a file to a local one.

        :raises FileNotFoundError: where there is none.
        """

    def copy(self, file: str, target: str, seen: FileInfo) -> bool:
        """Copy a file inside the store, where one request can do that and compare the version.

        :param seen: the version to be copied.
        :return: whether it was copied; if not, the caller downloads it.
        :raises StoreConflictError: where there is another version, or none.
        """
        return False

    @abstractmethod
    def publish(self, finished: Path, file: str, *, expected: FileInfo | bool | None = True) -> None:
        """Put a finished local file in its place.

        :param expected: the version that is replaced; ``None`` when there must be none; ``True`` for any.
        :raises StoreConflictError: where there is another version, or none; a store of which no conditional write is
            known looks that up just before it writes, and does not notice a file where there must be none.
        """

    @abstractmethod
    def write(self, file: str, data: bytes, *, expected: FileInfo | bool | None = True) -> None:
        """Write a small file; parameters and errors as for :meth:`publish`."""

    @abstractmethod
    def remove(self, files: Iterable[str]) -> None:
        """Remove files; those that are gone already are no error."""


class ObjectStore(Store):
    """An object store, by fsspec: every write is one request that readers see wholly or not at all.

    :param root: the lake's path.
    """

    at_once = drivers.AT_ONCE

    def __init__(self, root: ObjectStoragePath) -> None:
        self._root = root
        self._base = str(root.path).strip("/")
        self._url = str(root)
        protocols = {self._fs.protocol} if isinstance(self._fs.protocol, str) else set(self._fs.protocol)
        self._kind = next((kind for name, kind in _KINDS.items() if name in protocols), "")
        if self._kind == "s3":
            drivers.tune_s3(self._fs)

    @property
    def _fs(self) -> Any:
        return self._root.fs

    def _path(self, file: str) -> str:
        return f"{self._root.path.rstrip('/')}/{file}"

    def list(self, folder: str) -> dict[str, FileInfo]:
        path = self._path(folder)
        with storage_errors(path):
            # Every task of this process shares the file system, and with it the listings that any of them made.
            self._fs.invalidate_cache(path)
            try:
                found = self._find(path)
            except FileNotFoundError:
                return {}
        return {
            name.lstrip("/").removeprefix(f"{self._base}/"): _info(info)
            for name, info in found.items()
            if info.get("type") != "directory"
        }

    def _find(self, path: str) -> dict[str, dict[str, Any]]:
        if self._kind == "azure":
            return drivers.list_azure(self._fs, path)
        if self._kind == "s3":
            # Without a prefix, s3fs sends two more requests for a folder that is empty.
            path, _, name = path.rpartition("/")
            return self._fs.find(path, prefix=f"{name}/", detail=True)  # type: ignore[no-any-return]
        return self._fs.find(path, detail=True)  # type: ignore[no-any-return]

    def children(self, folder: str) -> dict[str, FileInfo | None]:
        path = self._path(folder).rstrip("/")
        with storage_errors(path):
            self._fs.invalidate_cache(path)
            try:
                entries = self._fs.ls(path, detail=True)
            except FileNotFoundError:
                return {}
        return {
            entry["name"].rstrip("/").rpartition("/")[2]: None if entry["type"] == "directory" else _info(entry)
            for entry in entries
        }

    def info(self, file: str) -> FileInfo | None:
        path = self._path(file)
        with storage_errors(path):
            self._fs.invalidate_cache(path.rpartition("/")[0])
            try:
                return _info(self._fs.info(path))
            except FileNotFoundError:
                return None

    def read(self, file: str) -> bytes:
        path = self._path(file)
        with storage_errors(path):
            # In one request: a file that is opened and then read can be replaced in between.
            # For that, s3fs must not plan parts, for which it requests the size first.
            data: bytes = self._fs.cat_file(path, **({"max_concurrency": 1} if self._kind == "s3" else {}))
        return data

    def read_listed(self, file: str, seen: FileInfo) -> tuple[bytes, bool]:
        if self._kind == "s3" and seen.version:
            with suppress(Exception):  # :meth:`read` tries again and knows the errors
                data, version = drivers.read_s3(self._fs, self._path(file))
                return data, version == seen.version
        data = self.read(file)
        return data, hashlib.md5(data, usedforsecurity=False).hexdigest() == seen.md5

    def download(self, file: str, target: Path) -> None:
        path = self._path(file)
        with storage_errors(path):
            # In one request: gcsfs reads parts, for which it requests the size first.
            self._fs.get_file(path, str(target), **({"concurrency": 1} if self._kind == "gcs" else {}))

    def copy(self, file: str, target: str, seen: FileInfo) -> bool:
        copies = {"s3": drivers.copy_s3, "gcs": drivers.copy_gcs, "azure": drivers.copy_azure}
        copy = copies.get(self._kind)
        if copy is None or not seen.version:
            return False
        path = self._path(file)
        with storage_errors(path), _conflicts(seen):
            return copy(self._fs, path, self._path(target), seen.version)

    def publish(self, finished: Path, file: str, *, expected: FileInfo | bool | None = True) -> None:
        """``open(…, "wb")`` would not do: an exception inside its ``with`` commits what was written so far."""
        path, generation = self._path(file), self._generation(expected)
        with storage_errors(path), _conflicts(expected):
            if generation and finished.stat().st_size <= drivers.LARGEST_POST:
                drivers.replace_gcs(self._fs, path, finished.read_bytes(), generation)
            else:
                self._fs.put_file(str(finished), path, **self._condition(file, expected))

    def write(self, file: str, data: bytes, *, expected: FileInfo | bool | None = True) -> None:
        path, generation = self._path(file), self._generation(expected)
        with storage_errors(path), _conflicts(expected):
            if generation:
                drivers.replace_gcs(self._fs, path, data, generation)
            else:
                self._fs.pipe_file(path, data, **self._condition(file, expected))

    def remove(self, files: Iterable[str]) -> None:
        for file in files:
            path = self._path(file)
            with storage_errors(path), suppress(FileNotFoundError):
                self._fs.rm_file(path)

    def _generation(self, expected: FileInfo | bool | None) -> str:
        """The generation that a write to GCS replaces, empty for another store or another condition."""
        return expected.version if self._kind == "gcs" and isinstance(expected, FileInfo) else ""

    def _condition(self, file: str, expected: FileInfo | bool | None) -> dict[str, Any]:
        """The arguments that make a write conditional.

        :raises StoreConflictError: as for :meth:`publish`, where the driver takes no such argument.
        """
        if expected is None:
            if self._kind == "s3":
                return {"IfNoneMatch": "*"}
            return {"mode": "create"} if self._kind else {}
        if isinstance(expected, FileInfo) and expected.version:
            if self._kind == "s3":
                return {"IfMatch": expected.version}
            if self._kind == "azure":
                return drivers.azure_condition(expected.version)
            found = self.info(file)
            if found is None or found.version.strip('"') != expected.version.strip('"'):
                raise StoreConflictError(f"{file} has been replaced since it was listed")
        return {}


def _info(info: Mapping[str, Any]) -> FileInfo:
    version = next((info[name] for name in ("ETag", "generation", "etag", "created") if info.get(name)), "")
    if isinstance(version, datetime):  # fsspec's memory has a time in info() where it has seconds in ls()
        version = version.timestamp()
    return FileInfo(int(info.get("size") or 0), _reported_md5(info), str(version))


def _reported_md5(info: Mapping[str, Any]) -> str | None:
    """What a store says of an object without reading it."""
    if tag := info.get("ETag"):
        return str(tag).strip('"')
    if text := info.get("md5Hash"):
        return base64.b64decode(text).hex()
    settings = info.get("content_settings") or {}
    return bytes(settings["content_md5"]).hex() if settings.get("content_md5") else None


_REFUSALS = (FileExistsError, FileNotFoundError)
"""What fsspec makes of a condition that fails, beside EINVAL (412 without a name) and EBUSY (409)."""


@contextmanager
def _conflicts(expected: FileInfo | bool | None) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        is_refusal = (
            isinstance(error, _REFUSALS)
            or getattr(error, "errno", None) in (errno.EINVAL, errno.EBUSY)
            or getattr(error, "status_code", None) == 412  # an error of Azure's SDK
        )
        if expected is not True and is_refusal:
            raise StoreConflictError(str(error)) from error
        raise


@contextmanager
def storage_errors(path: str) -> Iterator[None]:
    """Explain an error that only a person can mend.

    :param path: the file or folder, for the message.
    :raises StorageError: for a folder in a file's place, another file system, a lake without write access.
    """
    try:
        yield
    except OSError as error:
        number = _number(error)
        if number is None or number not in _HINTS:
            raise
        raise StorageError(
            f"{type(error).__name__}: {error.strerror or error}", where=path, hint=_HINTS[number]
        ) from error


def _number(error: OSError) -> int | None:
    if error.errno is not None:
        return error.errno
    for kind, number in (
        (IsADirectoryError, errno.EISDIR),
        (NotADirectoryError, errno.ENOTDIR),
        (PermissionError, errno.EACCES),
    ):
        if isinstance(error, kind):
            return number
    return None
