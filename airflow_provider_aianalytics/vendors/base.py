# SPDX-License-Identifier: Apache-2.0
"""The words in which a vendor's API is described: a vendor, its datasets, their windows, columns and options.

Everything here is data, and imports nothing but the standard library: Airflow discovers providers before it is
configured. The planner, the checks at DAG-parse time, the sensors, the typed schemas, the connection forms and the
documentation read it, so that one place knows each fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum

from airflow_provider_aianalytics.vendors.answers import Answers
from airflow_provider_aianalytics.vendors.availability import DAY as DAY
from airflow_provider_aianalytics.vendors.availability import Availability
from airflow_provider_aianalytics.vendors.charges import VendorCharges
from airflow_provider_aianalytics.vendors.wire import WireFormat

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
class Filter:
    """One filter of a dataset.

    :param values: the values the vendor documents, empty when they are free. Enums are open on the vendors' side, so
        these are checked only where the contract says that another value is refused.
    :param multiple: whether it takes a list, up to 100 entries.
    :param takes_empty: whether an empty text is a value of it, for rows that have none.
    """

    values: tuple[str, ...] = ()
    multiple: bool = True
    takes_empty: bool = False


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
    :param meaning: what it says, in a few words of Markdown, for people.
    :param unit: what a number counts, such as ``messages``; every number has one, and money and times have theirs.
    :param alias: the name in typed tables, where the path's own words are too long or name two columns.
    :param section: the section of the contract that describes it, where that is not the dataset's.
    """

    path: str
    type: ColumnType
    meaning: str = ""
    unit: str = ""
    alias: str = ""
    section: str = ""

    @property
    def name(self) -> str:
        """The column's name in typed tables: the words of its path joined by ``_``, with the unit of money."""
        words = self.alias or self.path.replace(".", "_")
        return f"{words}_cents" if self.type is ColumnType.CENTS else words


@dataclass(frozen=True, slots=True)
class Figure:
    """What a day of the organization came to, as people follow it: the sum of some columns over the day's records.

    :param name: ``spend_usd_cents``, ``tokens``, ``credits`` or ``active_members``: the same for all vendors.
    :param columns: the columns that are added up.
    :param is_additive: whether days add up to a week, and buckets and groups to a day; distinct people do not.
    """

    name: str
    columns: tuple[str, ...]
    is_additive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One thing that a vendor's API serves.

    :param vendor: the vendor's name.
    :param name: the dataset's name, which is also its default table.
    :param path: the path of the endpoint.
    :param title: what it is, in a few words.
    :param grain: what one landed row is.
    :param section: the section of the vendor's contract that describes the fields of a record.
    :param wire: how requests, pages and errors are written.
    :param window: how a period is put to the API.
    :param page_limit: the largest page the API serves, by bucket width (``None`` where there is no width).
    :param limit_unit: what the API counts in a page, for people.
    :param is_series: whether every bucket or day of a range is answered, once, also where nothing happened in it.
    :param availability: how its days appear and become final.
    :param row_key: the fields that identify a row on a page or, where a bucket holds rows, in its bucket.
    :param bounds: the fields of an answered item that hold its bounds, or ``None`` where no item carries its day.
    :param legacy_bounds: the names of the same fields in an older shape of the API.
    :param legacy_names: for a field's name in an older shape of the API its present one.
    :param results: the field of a bucket that holds its rows, or ``None`` where an item is itself a record.
    :param has_more: whether pages say ``has_more`` beside the cursor.
    :param columns: the known fields of a record, in the order of the typed tables.
    :param measure: the column whose total must not shrink unnoticed; ``None`` to compare row counts alone.
    :param figure: what a day of the organization came to, ``None`` where the records say nothing of the kind.
    :param breakdown: the fields that may hold an item's breakdown by category.
    :param first_day: the first day the vendor has, ``None`` where none is documented.
    :param retention: how far back a window may start, ``None`` where there is no such limit.
    :param bucket_width_parameter: how the API calls the bucket width.
    :param bucket_widths: the widths it offers, the default first.
    :param group_by: the dimensions it can be grouped by.
    :param max_group_by: how many of them at once.
    :param free_group_by: the dimensions that do not count towards that.
    :param groups_per_bucket: how many groups of a bucket are served; the vendor drops the rest silently.
    :param overlapping_group_by: the dimensions whose groups overlap, so that their rows do not add up.
    :param partial_group_by: for each dimension whose groups leave amounts out, another one that adds these.
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
    section: str
    wire: WireFormat = field(default_factory=WireFormat)
    window: WindowRule
    page_limit: Mapping[str | None, int]
    limit_unit: str
    availability: Availability
    columns: tuple[Column, ...]
    is_series: bool = False
    row_key: tuple[str, ...] = ()
    bounds: tuple[str, str] | None = None
    legacy_bounds: tuple[str, str] | None = None
    legacy_names: Mapping[str, str] = field(default_factory=dict)
    results: str | None = None
    has_more: bool = True
    measure: str | None = None
    figure: Figure | None = None
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
    partial_group_by: Mapping[str, str] = field(default_factory=dict)
    split_filters: Mapping[str, str] = field(default_factory=dict)
    null_filter_values: Mapping[str, str] = field(default_factory=dict)
    filter_parameter: str | None = None
    filters: Mapping[str, Filter] = field(default_factory=dict)
    conflicts: tuple[tuple[str, str], ...] = ()
    requirements: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    admin_key: bool = False

    def __str__(self) -> str:
        return f"{self.vendor} {self.name}"

    def column(self, path: str) -> Column:
        """The column of a field.

        :param path: where the field is in the record, dotted.
        :raises KeyError: when no column has that path.
        """
        found = {column.path: column for column in self.columns}
        return found[path]

    @property
    def additive_columns(self) -> tuple[str, ...]:
        """The paths of the columns whose sum over all groups is that of the organization: money, and the figure's."""
        figure = self.figure.columns if self.figure is not None and self.figure.is_additive else ()
        money = (column.path for column in self.columns if column.type is ColumnType.CENTS)
        return tuple(dict.fromkeys((*figure, *money)))

    @property
    def default_bucket_width(self) -> str | None:
        return self.bucket_widths[0] if self.bucket_widths else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One vendor: where its API is, how its key is sent, and which datasets it has.

    :param name: the vendor's name in module names, connection types, paths, manifests and summaries.
    :param title: the product's name, for people.
    :param base_url: the API's own address.
    :param key_header: the header that carries the key.
    :param key_format: how the key is written there, ``{key}`` standing for it.
    :param headers: headers of every request.
    :param requests_per_minute: the rate limit of an organization, shared by all its keys and tools.
    :param max_concurrency: how many requests may be under way at once.
    :param key_placeholder: which key belongs in the connection form.
    :param key_help: which key, where to make it, which scope: the hint of an authentication error.
    :param analytics_url: the vendor's own page with these figures.
    :param docs_url: the vendor's documentation of the API.
    :param contract: the file in ``docs/contracts`` that describes the API.
    :param probe_dataset: the dataset that a connection test requests.
    :param datasets: the catalogue.
    :param charges: how rows of datasets become charges, ``None`` where no dataset has costs.
    :param answers: which datasets and fields answer what people ask.
    """

    name: str
    title: str
    base_url: str
    key_header: str
    key_format: str
    headers: Mapping[str, str]
    requests_per_minute: int
    max_concurrency: int
    key_placeholder: str
    key_help: str
    analytics_url: str
    docs_url: str
    contract: str
    probe_dataset: str
    datasets: Mapping[str, Dataset]
    charges: VendorCharges | None = None
    answers: Answers = field(default_factory=Answers)

    @property
    def conn_type(self) -> str:
        """Airflow's connection type."""
        return f"{self.name}_analytics"

    @property
    def default_conn_id(self) -> str:
        return f"{self.conn_type}_default"

    @property
    def class_prefix(self) -> str:
        """What the names of the vendor's hook, operators and sensor start with."""
        return self.name.title().replace("_", "")

    @property
    def hook_class(self) -> str:
        return f"{self.class_prefix}AnalyticsHook"

    @property
    def link_class(self) -> str:
        return f"{self.class_prefix}AnalyticsLink"

    @property
    def short_title(self) -> str:
        return self.name.replace("_", " ").title()

    def dataset(self, name: str) -> Dataset:
        """The catalogue row of that name.

        :raises InvalidArgumentError: for a name that is not in the catalogue.
        """
        if not isinstance(name, str) or name not in self.datasets:
            # Imported here because the exceptions need Airflow, and provider discovery reads this module without it.
            from airflow_provider_aianalytics.exceptions import InvalidArgumentError

            raise InvalidArgumentError(f"{self.name} has no dataset {name!r}; it has {', '.join(self.datasets)}")
        return self.datasets[name]


def catalogue(*datasets: Dataset) -> Mapping[str, Dataset]:
    """Datasets by their names, in the order in which they are documented."""
    return {dataset.name: dataset for dataset in datasets}
