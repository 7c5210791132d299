# SPDX-License-Identifier: Apache-2.0
"""How a day that was read replaces what lies in the lake.

The order of the calls is what makes a kill harmless between any two of them: first everything that is replaced is
saved, then other files leave the day's folder, then the data is published, then the manifest. A manifest that does not
describe its data tells the next run of an interrupted commit; that run saves what it finds and commits the day anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from airflow_provider_aianalytics.exceptions import StorageError
from airflow_provider_aianalytics.storage import orphans
from airflow_provider_aianalytics.storage.encoders.parquet import have_equal_rows
from airflow_provider_aianalytics.storage.lake import DayState, LakeTable
from airflow_provider_aianalytics.storage.manifest import Manifest, Revision
from airflow_provider_aianalytics.storage.orphans import Orphan
from airflow_provider_aianalytics.storage.shrink_check import Size, baselines, check_shrink, find_shrink
from airflow_provider_aianalytics.storage.store import FileInfo, StoreConflictError

log = logging.getLogger(__name__)

Check = Callable[[Manifest], object]
Status = Literal["created", "revised", "unchanged", "kept"]

ATTEMPTS = 8
"""How often a commit is tried when other runs commit the same day at the same moment."""


def commit(
    table: LakeTable,
    file: Path,
    new: Manifest,
    *,
    covered: bool = True,
    keep_revisions: bool = True,
    accept_shrink: bool = False,
    check: Check = lambda old: None,
) -> tuple[Manifest, Status]:
    """Publish a finished file as the content of its day, and its manifest after it.

    :param file: the finished local file.
    :param new: what the day becomes.
    :param covered: whether the vendor's data covered the whole day; if not, a complete day is left as it is.
    :param keep_revisions: whether the content that this replaces is saved under ``_revisions``.
    :param accept_shrink: whether a day may lose rows or total beyond the tolerance.
    :param check: raises when the manifest in the lake may not be replaced by this run.
    :return: the manifest in the lake afterwards, and what became of the day.
    :raises SuspiciousShrinkError: with both numbers, before anything is changed.
    :raises StorageError: when other runs commit the day all the time.
    """
    new = replace(new, file_bytes=file.stat().st_size, file_md5=table.file_md5(file))
    with table.lock_day(new.date):
        for _ in range(ATTEMPTS):
            commit_ = _Commit(table, file, new, table.state(new.date), keep_revisions=keep_revisions)
            try:
                return commit_.run(covered=covered, accept_shrink=accept_shrink, check=check)
            except StoreConflictError as conflict:
                log.warning("%s: another run committed it at the same moment; looking again", table.url(new.file))
                table.forget(new.date)
                cause = conflict
    raise StorageError(
        f"another run replaced the day {ATTEMPTS} times during this commit ({cause})",
        where=table.url(new.file),
        hint="Let one task at a time land a table",
    )


class _Commit:
    """One attempt to commit a day, from one look at it.

    :param state: what lies in the lake.
    """

    def __init__(self, table: LakeTable, file: Path, new: Manifest, state: DayState, *, keep_revisions: bool) -> None:
        self.table = table
        self.file = file
        self.new = new
        self.state = state
        self.keep_revisions = keep_revisions

    def run(self, *, covered: bool, accept_shrink: bool, check: Check) -> tuple[Manifest, Status]:
        old, files = self.state.manifest, self.state.files
        if old is not None:
            check(old)
            if _worth(old, covered=True) > _worth(self.new, covered=covered):
                log.warning("%s: what has landed is more complete than this read, which does not replace it", self._url)
                return old, "unchanged"
        is_intact = old is not None and old.file in files and self.table.verify(old, files[old.file])
        others = {name: info for name, info in files.items() if not (is_intact and old and name == old.file)}
        if old is not None and is_intact and not others and self._is_unchanged(old):
            return self._update_status(old), "unchanged"
        if old is not None and (not is_intact or others):
            self._report(old, is_intact=is_intact)
        found = self._orphans(others)
        self._check_shrink(found, accept=accept_shrink)
        revisions = self._save(found, is_intact=is_intact)
        return self._publish(revisions, is_intact=is_intact), self._status(found)

    @property
    def _url(self) -> str:
        return self.table.url(self.new.file)

    def _is_unchanged(self, old: Manifest) -> bool:
        new = self.new
        if new.sha256 == old.sha256:
            return True
        if new.format != "parquet" or (new.rows, new.total) != (old.rows, old.total):
            return False
        # Another version of pyarrow writes other bytes for the same rows.
        with self.table.spool() as folder:
            self.table.store.download(old.file, folder / "copy")
            return have_equal_rows(folder / "copy", self.file)

    def _report(self, old: Manifest, *, is_intact: bool) -> None:
        if is_intact:
            log.warning("%s: the day's folder has files beside the one of its manifest; repairing it", self._url)
        else:
            log.warning(
                "%s is gone or is not what its manifest says, as after an interrupted commit or when two runs commit "
                "at the same moment; repairing it",
                self.table.url(old.file),
            )

    def _orphans(self, others: Mapping[str, FileInfo]) -> list[Orphan]:
        """The files of the day that no manifest describes, but for one that is the new content already."""
        if not self.keep_revisions and self.state.manifest is not None:
            return []
        return [
            orphans.describe(self.table, name)
            for name, info in others.items()
            if not (name == self.new.file and self.table.verify(self.new, info))
        ]

    def _check_shrink(self, found: list[Orphan], *, accept: bool) -> None:
        old = self.state.manifest
        earlier = [Size(orphan.rows) for orphan in found] if old is None else baselines(old, self.new)
        if not accept:
            check_shrink(self.new, earlier)
        is_accepted = find_shrink(self.new, earlier) is not None
        accepted_at = self.new.fetched_at if is_accepted else old and old.shrink_accepted_at
        self.new = replace(self.new, shrink_accepted_at=accepted_at)

    def _save(self, found: list[Orphan], *, is_intact: bool) -> tuple[Revision, ...]:
        """Save what is replaced.

        :return: the revisions for the new manifest, oldest first.
        """
        old, new = self.state.manifest, self.new
        revisions = list(old.revisions) if old is not None else []
        # A day that is not complete yet and grows, and a content that came back, are no restatements.
        is_restated = old is not None and new.sha256 != old.sha256 and (old.complete or old.capped_buckets > 0)
        # An earlier run kept these, and its manifest was lost or never written: they stay, whatever this run keeps.
        unlisted = {orphan.sha256: orphan for orphan in map(self._describe, self._unlisted(old))}
        if old is not None and is_restated:
            saved = unlisted.pop(old.sha256, None)
            file = saved.file if saved is not None else None
            if file is None and is_intact and self.keep_revisions:
                taken = {revision.file for revision in revisions} | {orphan.file for orphan in unlisted.values()}
                file = self.table.save_revision(old, self.state.files[old.file], taken)
            revisions.append(_revision(old, file))
        for orphan in found if self.keep_revisions else ():
            saved = unlisted.pop(orphan.sha256, None)
            file = saved.file if saved is not None else orphans.save(self.table, orphan, new)
            # A damaged copy of the same content had the same name.
            unlisted = {sha256: other for sha256, other in unlisted.items() if other.file != file}
            revisions += orphan.revisions(file, new.fetched_at)
        for orphan in unlisted.values():
            revisions += orphan.revisions(orphan.file, new.fetched_at)
        return tuple(revisions)

    def _describe(self, file: str) -> Orphan:
        return orphans.describe(self.table, file)

    def _unlisted(self, manifest: Manifest | None) -> list[str]:
        return orphans.unlisted(manifest, self.table.revisions(self.new.date))

    def _publish(self, revisions: tuple[Revision, ...], *, is_intact: bool) -> Manifest:
        table, new, files = self.table, replace(self.new, revisions=revisions), self.state.files
        table.forget(new.date)
        table.store.remove(name for name in files if name != new.file)
        if not self._is_in_place(is_intact=is_intact):
            table.publish(self.file, new.file, expected=files.get(new.file))
        table.publish_manifest(new, expected=self.state.manifest_info)
        return new

    def _is_in_place(self, *, is_intact: bool) -> bool:
        old, there = self.state.manifest, self.state.files.get(self.new.file)
        if old is not None and is_intact and old.file_md5 not in (None, self.new.file_md5):
            return False
        return there is not None and self.table.verify(self.new, there)

    def _status(self, found: list[Orphan]) -> Status:
        return "created" if self.state.manifest is None and not found else "revised"

    def _update_status(self, old: Manifest) -> Manifest:
        """The same content read again: only what is known of it may have changed."""
        new = self.new
        updated = replace(
            old,
            complete=new.complete,
            capped_buckets=new.capped_buckets,
            final=new.final,
            organization_id=old.organization_id or new.organization_id,
            pseudonym_secret_id=old.pseudonym_secret_id or new.pseudonym_secret_id,
        )
        if updated == old:
            return old
        updated = replace(updated, data_refreshed_at=new.data_refreshed_at)
        self.table.publish_manifest(updated, expected=self.state.manifest_info)
        return updated


def _revision(old: Manifest, file: str | None = None) -> Revision:
    return Revision(fetched_at=old.fetched_at, rows=old.rows, sha256=old.sha256, file=file, total=old.total)


def _worth(manifest: Manifest, *, covered: bool) -> int:
    """A complete day is worth more than one of which groups were cut off, and that more than a part of the day."""
    if manifest.complete:
        return 2
    return 1 if covered and manifest.capped_buckets else 0
