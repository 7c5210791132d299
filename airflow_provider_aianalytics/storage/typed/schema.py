# SPDX-License-Identifier: Apache-2.0
"""The columns of Parquet and CSV, one documented schema a dataset, derived from the catalogue.

Every row starts with ``_date``, the UTC day, and ends with ``_extra``; between them stands one column for each field
the catalogue knows, in its order, named by the words of its path: ``chat_metrics_message_count``. A name has letters,
digits and ``_`` alone, at most 63 characters, and no word that a database reserves.

=============  =============================  ======================================================================
catalogue      Parquet                        CSV
=============  =============================  ======================================================================
STRING         string                         as it is; an empty one is ``""``, a null is nothing
INTEGER        int64                          digits; ``100.0`` and ``1e3`` are integers too
CENTS          decimal128(38, 12)             plain digits, never an exponent; the name ends in ``_cents``
NUMBER         float64 (adoption rates only)  plain digits
BOOLEAN        bool                           ``true``, ``false``
DATE           date32                         ``2026-11-01``
TIMESTAMP      timestamp[us, UTC]             ``2026-11-01T00:00:00Z``
=============  =============================  ======================================================================

**Money** is a count of US cents and never meets a float. The vendor sends six decimals today; the scale of 12 leaves
room for six more, and 26 digits before the point are left, so that sums do not overflow. An amount that does not fit
is an error and never rounded.

**Null** is a field that is null or absent, or in a block that is. Older names of fields (``email``,
``starting_date``) fill the columns of the present ones.

**_extra** is a JSON object, nested as the record is, of what has no column: fields the schema does not know, and known
fields whose value is of another type than their column, which is null then. Values keep the vendor's bytes. It is null
if there is nothing to keep. Of a name that stands twice in one object the last counts, as for any JSON parser.

**Breakdowns** are rows. Datasets with a breakdown give for each bucket, and for each member of one:

================  ==========  ============  ========================================================================
``row_type``      ``axis``    ``category``  ``count``
================  ==========  ============  ========================================================================
``total``         null        null          of the bucket
``category``      the label   the title     of the category; titles are people's own and may be there twice
``unattributed``  the label   null          the bucket's count less the axis's categories: also when that is zero,
                                            and negative where categories overlap
================  ==========  ============  ========================================================================

So for every ``axis``, null among them, ``sum(count)`` is the total: never add up two of them. A bucket without any
breakdown is its total row alone. The axis of a list without a label, the older shape, is named as its field:
``by_category``. Of what has no column, a category's own is on its row and the rest on the total's.
"""

from __future__ import annotations

from airflow_provider_aianalytics.vendors.base import Column, ColumnType, Dataset

DATE = Column("_date", ColumnType.DATE, "the UTC day of the record")
EXTRA = Column("_extra", ColumnType.STRING, "the fields that have no column, as JSON")
BREAKDOWN = (
    Column("row_type", ColumnType.STRING, "what the row counts: `total`, `category` or `unattributed`"),
    Column("axis", ColumnType.STRING, "the breakdown that the row belongs to; null for a total"),
    Column("category", ColumnType.STRING, "the category's title; null for the other rows"),
)

PRECISION = 38
SCALE = 12


def record_columns(dataset: Dataset) -> tuple[Column, ...]:
    """The columns of a record, before any breakdown is laid out."""
    return (DATE, *dataset.columns, EXTRA)


def typed_columns(dataset: Dataset) -> tuple[Column, ...]:
    """The columns of a dataset's Parquet and CSV files, in order."""
    if not dataset.breakdown:
        return record_columns(dataset)
    keys = (column for column in dataset.columns if column.path != dataset.measure)
    counts = (column for column in dataset.columns if column.path == dataset.measure)
    return (DATE, *keys, *BREAKDOWN, *counts, EXTRA)
