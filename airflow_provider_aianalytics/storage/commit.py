# SPDX-License-Identifier: Apache-2.0
"""How a day that was read takes the place of what is known of it."""

from __future__ import annotations

import logging
from decimal import Decimal
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from airflow_provider_aianalytics.exceptions import SuspiciousShrinkError
from airflow_provider_aianalytics.storage.lake import LakeTable
from airflow_provider_aianalytics.storage.manifest import Manifest, Revision

log = logging.getLogger(__name__)

Status = Literal["created", "revised", "unchanged", "kept"]


SHRINK_TOLERANCE = Decimal("0.1")
"""The share of a day's rows or total that a restatement may take away without anybody having to look."""


def commit(
    table: LakeTable,
    file: Path,
    new: Manifest,
    old: Manifest | None,
    *,
    keep_revisions: bool = True,
    accept_shrink: bool = False,
) -> tuple[Manifest, Status]:
    """Publish a finished file as the content of its day, and its manifest after it.

    :param file: the finished local file.
    :param new: what the day is now.
    :param old: what it was, ``None`` when it never landed.
    :param keep_revisions: whether the content that this replaces is kept.
    :param accept_shrink: whether a day may lose rows or total beyond the tolerance.
    :return: the manifest as it stands, and what became of the day.
    :raises SuspiciousShrinkError: with both numbers, before anything is touched.
    """
    new = replace(new, file_bytes=file.stat().st_size, file_md5=table.file_md5(file))
    if old is None:
        table.publish(file, new.file)
        table.publish_manifest(new)
        return new, "created"
    # A copy of what stands there is made first and listed last, so one that is not listed tells of a commit that did
    # not get to its end: then the data is not known to be what the manifest says.
    interrupted = table.exists(table.revision_path(old))
    if interrupted:
        log.warning("%s: repairing an interrupted commit", table.url(new.file))
    if new.sha256 == old.sha256 and not interrupted:
        if table.verify(old):
            return _with_standing(table, old, new), "unchanged"
        log.warning(
            "%s is gone or is not what its manifest says, as when two runs commit at the same moment; repairing it",
            table.url(old.file),
        )
    if not accept_shrink:
        _check_shrink(old, new)
    marker = table.save_revision(old)
    table.publish(file, new.file)
    revised = replace(new, revisions=old.revisions)
    # A day so far that grows, and a content that came back, are no restatements.
    restated = new.sha256 != old.sha256 and (old.complete or old.capped_buckets > 0)
    if restated:
        kept = marker if keep_revisions else None
        revision = Revision(fetched_at=old.fetched_at, rows=old.rows, sha256=old.sha256, file=kept, total=old.total)
        revised = replace(revised, revisions=(*old.revisions, revision))
    table.publish_manifest(revised)
    if marker is not None and not (restated and keep_revisions):
        table.drop_revision(marker)
    return revised, "revised"


def _check_shrink(old: Manifest, new: Manifest) -> None:
    for what, before, after in (("rows", old.rows, new.rows), ("total", old.total, new.total)):
        if before is not None and before > 0 and after is not None and after < before * (1 - SHRINK_TOLERANCE):
            raise SuspiciousShrinkError(
                f"{new.date} had {before:,} {what} and was answered with {after:,}; what is landed was left as it is",
                where=f"{new.vendor} {new.dataset}",
                hint='If the vendor means it, run the day again with on_shrink="accept"',
            )


def _with_standing(table: LakeTable, old: Manifest, new: Manifest) -> Manifest:
    """The same content read again: only its standing may have moved on."""
    if (old.complete, old.capped_buckets, old.final) == (new.complete, new.capped_buckets, new.final):
        return old
    standing = replace(
        old,
        complete=new.complete,
        capped_buckets=new.capped_buckets,
        final=new.final,
        data_refreshed_at=new.data_refreshed_at,
    )
    table.publish_manifest(standing)
    return standing
