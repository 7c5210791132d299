# SPDX-License-Identifier: Apache-2.0
"""The vocabulary in which a vendor's API is described: vendors, datasets, and what each of them promises.

Everything here is data. The planner, the checks at DAG-parse time, the sensors' waiting, the typed schemas, the
connection forms and the README's table are all read from it, so that one place knows each fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Literal

from airflow_provider_aianalytics.exceptions import InvalidArgumentError

DAY = timedelta(days=1)
BUCKET_WIDTHS: Mapping[str, timedelta] = {"1d": DAY, "1h": timedelta(hours=1), "1m": timedelta(minutes=1)}


class TimestampFormat(Enum):
    """How an API writes the bounds of a window."""

    DATE = "YYYY-MM-DD"
    RFC3339 = "RFC 3339, UTC"
    EPOCH = "Unix seconds, UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """How a period is put to an API.

    :param start: the parameter for the first moment, inclusive.
    :param end: the parameter for the end, exclusive; ``None`` where the API takes one day at a time.
    :param time_format: how both are written.
    :param max_days: the longest window of one chain of pages.
    :param max_days_by_width: shorter limits of some bucket widths.
    """

    start: str
    end: str | None = None
    time_format: TimestampFormat = TimestampFormat.DATE
    max_days: int = 1
    max_days_by_width: Mapping[str, int] = field(default_factory=dict)

    def limit(self, bucket_width: str | None) -> int:
        return self.max_days_by_width.get(bucket_width or "", self.max_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """How the data of a day appears, and when it is settled.

    :param kind: ``aggregated`` once a day at ``at`` of the next day, with a 400 until then; ``watermark`` when answers
        say how far the data goes; ``frontier`` when only complete buckets are answered and a recent zero can mean
        "not synced yet".
    :param at: the time of day, UTC, at which the day before is aggregated.
    :param lag: how long after that a day is expected to be answered.
    :param settle: how long after a bucket's end a zero is not believed.
    :param final_after: how long after the end of a day its values may still be restated.
    """

    kind: Literal["aggregated", "watermark", "frontier"]
    at: time = time(0)
    lag: timedelta = timedelta(0)
    settle: timedelta = timedelta(0)
    final_after: timedelta

    def exists_from(self, day: date) -> datetime:
        """The earliest moment, UTC, at which the whole of a day can be answered at all."""
        return datetime.combine(day + DAY, self.at, tzinfo=UTC)

    def settled_from(self, day: date) -> datetime:
        """The moment, UTC, from which the zeros of a day are believed."""
        return datetime.combine(day + DAY, time(0), tzinfo=UTC) + self.settle

    def final_from(self, day: date) -> datetime:
        """The moment, UTC, from which a day is not restated any more."""
        return datetime.combine(day + DAY, time(0), tzinfo=UTC) + self.final_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One filter of a dataset.

    :param values: the values the vendor documents, empty when they are free. Enums are open on the vendors' side, so
        these are checked only where the contract says that another value is refused.
    :param multiple: whether it takes a list, up to 100 entries.
    """

    values: tuple[str, ...] = ()
    multiple: bool = True


class ColumnType(Enum):
    """The types of typed tables. Money is exact: a decimal count of US cents."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    CENTS = "cents"


@dataclass(frozen=True, slots=True)
class Column:
    """One known field of a record.

    :param path: where it is in the record, dotted.
    :param type: what it holds.
    """

    path: str
    type: ColumnType

    @property
    def name(self) -> str:
        """The column's name in typed tables: the path, with the unit where there is one."""
        return f"{self.path}_cents" if self.type is ColumnType.CENTS else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One thing a vendor's API can be asked for.

    :param vendor: the vendor's name.
    :param name: the dataset's name, which is also its default table.
    :param path: the path of the endpoint.
    :param title: what it is, in a few words.
    :param grain: what one landed row is.
    :param window: how a period is put to the API.
    :param page_limit: the largest page the API serves, by bucket width (``None`` where there is no width).
    :param limit_unit: what the API counts in a page; see :attr:`is_series`.
    :param availability: how its days appear and become final.
    :param bounds: the fields of an answered item that hold its bounds, or ``None`` where no item carries its day.
    :param legacy_bounds: the names of the same fields in an older shape of the API.
    :param legacy_names: for a field's name in an older shape of the API its present one.
    :param results: the field of a bucket that holds its rows, or ``None`` where an item is itself a record.
    :param has_more: whether pages say ``has_more`` beside the cursor.
    :param columns: the known fields of a record, in the order of the typed tables.
    :param measure: the column whose total must not shrink unnoticed; ``None`` to compare row counts alone.
    :param breakdown: the fields that may hold an item's breakdown by category.
    :param first_day: the first day the vendor has, ``None`` where none is documented.
    :param retention: how far back a window may start, ``None`` where there is no such limit.
    :param bucket_width_parameter: how the API calls the bucket width.
    :param bucket_widths: the widths it offers, the default first.
    :param group_by: the dimensions it can be grouped by.
    :param max_group_by: how many of them at once.
    :param free_group_by: the dimensions that do not count towards that.
    :param groups_per_bucket: how many groups of a bucket are served; the rest is dropped without a word.
    :param overlapping_group_by: the dimensions whose groups overlap, so that their rows do not add up.
    :param split_filters: for each dimension the filter that narrows to one of its values, to split a capped bucket.
    :param null_filter_values: for each dimension the value of that filter that stands for null, where there is one.
    :param filter_parameter: the one parameter that takes ``dimension:value``; ``None``: each filter has its own.
    :param filters: the filters by name.
    :param conflicts: pairs of options the vendor refuses together.
    :param requirements: pairs of an option and another that it needs.
    :param parameters: parameters every request carries.
    :param headers: headers every request carries beside the vendor's own.
    :param admin_key: whether a Console Admin API key is accepted.
    """

    vendor: str
    name: str
    path: str
    title: str
    grain: str
    window: WindowRule
    page_limit: Mapping[str | None, int]
    limit_unit: Literal["rows", "buckets", "member rows", "days"]
    availability: Availability
    columns: tuple[Column, ...]
    bounds: tuple[str, str] | None = None
    legacy_bounds: tuple[str, str] | None = None
    legacy_names: Mapping[str, str] = field(default_factory=dict)
    results: str | None = None
    has_more: bool = True
    measure: str | None = None
    breakdown: tuple[str, ...] = ()
    first_day: date | None = None
    retention: timedelta | None = None
    bucket_width_parameter: str = "bucket_width"
    bucket_widths: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    max_group_by: int | None = None
    free_group_by: tuple[str, ...] = ()
    groups_per_bucket: int | None = None
    overlapping_group_by: tuple[str, ...] = ()
    split_filters: Mapping[str, str] = field(default_factory=dict)
    null_filter_values: Mapping[str, str] = field(default_factory=dict)
    filter_parameter: str | None = None
    filters: Mapping[str, Filter] = field(default_factory=dict)
    conflicts: tuple[tuple[str, str], ...] = ()
    requirements: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    admin_key: bool = False

    @property
    def is_series(self) -> bool:
        """Whether each bucket or day of a range is answered, once, also where nothing happened in it."""
        return self.limit_unit in ("buckets", "days")

    @property
    def default_bucket_width(self) -> str | None:
        return self.bucket_widths[0] if self.bucket_widths else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One vendor: where its API is, how it is entered, and what it can be asked for.

    :param name: the vendor's name in paths, manifests and summaries.
    :param title: how people call it.
    :param base_url: the API's own address.
    :param key_header: the header that carries the key.
    :param key_format: how the key is written there, ``{key}`` standing for it.
    :param headers: headers every request carries.
    :param requests_per_minute: the budget of an organization, shared by all its keys and tools.
    :param max_concurrency: how many requests may be under way at once.
    :param key_help: which key, where to make it, which scope: the way out of an authentication error.
    :param analytics_url: the vendor's own page with these figures.
    :param datasets: the catalogue.
    """

    name: str
    title: str
    base_url: str
    key_header: str
    key_format: str
    headers: Mapping[str, str]
    requests_per_minute: int
    max_concurrency: int
    key_help: str
    analytics_url: str
    datasets: Mapping[str, Dataset]

    def dataset(self, name: str) -> Dataset:
        """The catalogue row of that name.

        :raises InvalidArgumentError: for a name that is not in the catalogue.
        """
        try:
            return self.datasets[name]
        except KeyError:
            raise InvalidArgumentError(
                f"{self.name} has no dataset {name!r}; it has {', '.join(self.datasets)}"
            ) from None
