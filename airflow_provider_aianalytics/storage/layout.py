# SPDX-License-Identifier: Apache-2.0
"""Names of the files and folders of a table, relative to the lake's path.

::

    {vendor}/{table}/date=2026-11-01/{table}.ndjson.gz          data, one file a day
    {vendor}/_manifests/{table}/2026-11-01.json                 manifests, one a day
    {vendor}/_manifests/{table}/coverage.hint                   what was read of them, to read less again
    {vendor}/_revisions/{table}/2026-11-01/…                    replaced contents
    {vendor}/_tables/{table}/…                                  what the table holds, written by its first run
    {vendor}/_unfinished/{table}/…                              pages of windows that are still being read
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

from airflow_provider_aianalytics.exceptions import InvalidArgumentError

TABLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_MANIFEST = re.compile(r"(\d{4}-\d\d-\d\d)\.json")
_PARTITION = re.compile(r"date=(\d{4}-\d\d-\d\d)")
_FILE_HOST = re.compile(r"(?:file|local)://(?![^/]*@/)([^/]+)", re.IGNORECASE)
"""A connection's name may stand there: ``file://connection@/data/lake``."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def check_path(path: object) -> str:
    """Make sure that a lake's path names one place, whatever the process' working folder.

    :return: the path as text, with the home folder for ``~``.
    :raises InvalidArgumentError: for an empty or relative path, a file URL with a host, a character that cannot be
        seen, and for ``None`` in any form: what a template with an unset variable renders to.
    """
    text = str(path)
    if path is None or text.strip() in ("", "None") or not (_URL.match(text) or text.startswith(("/", "~"))):
        raise InvalidArgumentError(
            f"path {path!r} is not a place: give a URL such as s3://connection@bucket/lake, or an absolute path. "
            "A template gives an empty text or 'None' when its variable is not set"
        )
    if not text.isprintable():
        raise InvalidArgumentError(f"path {path!r} has a character that cannot be seen; remove it")
    if host := _FILE_HOST.match(text):
        raise InvalidArgumentError(
            f"path {path!r} names a host, {host[1]!r}, and a file URL has none: write three slashes, such as "
            "file:///data/lake"
        )
    return os.path.expanduser(text)


def check_table(table: str) -> str:
    """Make sure that a table's name is one plain path segment.

    :raises InvalidArgumentError: when it could lead out of the lake or hide from its readers.
    """
    if not isinstance(table, str) or not TABLE_NAME.fullmatch(table) or table.lower() == "none":
        raise InvalidArgumentError(
            f"table {table!r} is not a name: letters, digits, '_', '-' and '.', not beginning with a sign. A template "
            "gives 'None' when its variable is not set"
        )
    return table


def manifests_folder(vendor: str) -> str:
    return f"{vendor}/_manifests"


def manifest_day(file: str) -> date | None:
    """The day of a manifest by its file's name, ``None`` for any other file."""
    return _day_in(_MANIFEST, file.rpartition("/")[2])


def partition_day(file: str) -> date | None:
    """The day of a data file by its folder's name, ``None`` for any other file."""
    return _day_in(_PARTITION, file.rpartition("/")[0].rpartition("/")[2])


def _day_in(pattern: re.Pattern[str], name: str) -> date | None:
    if found := pattern.fullmatch(name):
        with suppress(ValueError):  # no such day
            return date.fromisoformat(found[1])
    return None


@dataclass(frozen=True, slots=True)
class Layout:
    """The names of one table.

    :param suffix: the ending of its data files, with the first dot.
    """

    vendor: str
    table: str
    suffix: str

    @property
    def data(self) -> str:
        return f"{self.vendor}/{self.table}"

    @property
    def manifests(self) -> str:
        return f"{manifests_folder(self.vendor)}/{self.table}"

    @property
    def revisions(self) -> str:
        return f"{self.vendor}/_revisions/{self.table}"

    @property
    def claims(self) -> str:
        return f"{self.vendor}/_tables/{self.table}"

    @property
    def unfinished(self) -> str:
        return f"{self.vendor}/_unfinished/{self.table}"

    def day_folder(self, day: date) -> str:
        return f"{self.data}/date={day.isoformat()}"

    def data_file(self, day: date) -> str:
        return f"{self.day_folder(day)}/{self.table}{self.suffix}"

    def manifest_file(self, day: date) -> str:
        return f"{self.manifests}/{day.isoformat()}.json"

    def day_revisions(self, day: date) -> str:
        return f"{self.revisions}/{day.isoformat()}"

    def revision_file(self, day: date, name: str, suffix: str | None = None) -> str:
        """:param name: when the content was read, or another name; without colons, which some file systems refuse."""
        return f"{self.day_revisions(day)}/{name.replace(':', '')}{self.suffix if suffix is None else suffix}"
