# SPDX-License-Identifier: Apache-2.0
"""A dataset with its options, checked against the catalogue before a request is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.vendors.base import Dataset, Filter, TimestampFormat

FilterValue = str | bool | Sequence[str]


@dataclass(frozen=True, slots=True)
class Query:
    """A dataset with its options.

    :param dataset: the catalogue row.
    :param bucket_width: the width of the buckets, ``None`` where the dataset has none.
    :param group_by: the dimensions grouped by, in the catalogue's order.
    :param filters: the filters by name, in the catalogue's order, the values of each sorted.
    """

    dataset: Dataset
    bucket_width: str | None
    group_by: tuple[str, ...]
    filters: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def is_default(self) -> bool:
        """Whether all options are the dataset's defaults."""
        return self.bucket_width == self.dataset.default_bucket_width and not self.group_by and not self.filters

    @property
    def page_limit(self) -> int:
        return self.dataset.page_limit[self.bucket_width]

    def options(self) -> Iterator[tuple[str, str]]:
        """The parameters without window and page, which identify the query."""
        dataset = self.dataset
        yield from dataset.parameters
        if self.bucket_width is not None:
            yield dataset.bucket_width_parameter, self.bucket_width
        for dimension in self.group_by:
            yield dataset.wire.group_by_parameter, dimension
        for name, values in self.filters:
            for value in values:
                if dataset.filter_parameter is not None:
                    yield dataset.filter_parameter, f"{name}:{value}"
                else:
                    multiple = dataset.filters[name].multiple
                    yield (dataset.wire.list_parameter.format(name=name) if multiple else name), value

    def parameters(self, window: Window, *, limit: int | None = None) -> tuple[tuple[str, str], ...]:
        """The parameters of the first page of a window. Later pages add only the cursor.

        :param limit: a page size for a probe; the largest page otherwise.
        """
        rule = self.dataset.window
        bounds = [(rule.start, _format_bounds(window, rule.time_format)[0])]
        if rule.end is not None:
            bounds.append((rule.end, _format_bounds(window, rule.time_format)[1]))
        return (*self.options(), *bounds, (self.dataset.wire.limit_parameter, str(limit or self.page_limit)))


def build_query(
    dataset: Dataset,
    *,
    bucket_width: str | None = None,
    group_by: Iterable[str] = (),
    filters: Mapping[str, FilterValue] | None = None,
) -> Query:
    """Check the options against the catalogue.

    :param bucket_width: ``1d``, ``1h`` or ``1m`` where the dataset has it; ``None`` is its default.
    :param group_by: dimensions of the dataset.
    :param filters: values by filter name: a string, a flag or a list of strings.
    :raises InvalidArgumentError: naming the value, the allowed ones and the dataset.
    """
    width = bucket_width or dataset.default_bucket_width
    if width is not None and width not in dataset.bucket_widths:
        raise _not_allowed(dataset, "bucket_width", width, dataset.bucket_widths)
    checked = Query(
        dataset=dataset,
        bucket_width=width,
        group_by=_checked_group_by(dataset, group_by),
        filters=_checked_filters(dataset, filters or {}),
    )
    _check_combinations(checked)
    return checked


def _checked_group_by(dataset: Dataset, group_by: Iterable[str]) -> tuple[str, ...]:
    dimensions = _string_list("group_by", group_by)
    for dimension in dimensions:
        if dimension not in dataset.group_by:
            raise _not_allowed(dataset, "group_by", dimension, dataset.group_by)
    counted = [dimension for dimension in dimensions if dimension not in dataset.free_group_by]
    if dataset.max_group_by is not None and len(counted) > dataset.max_group_by:
        uncounted = f" ({' and '.join(dataset.free_group_by)} not counted)" if dataset.free_group_by else ""
        raise InvalidArgumentError(
            f"{dataset}: group_by takes at most {dataset.max_group_by} dimensions{uncounted}; "
            f"{len(counted)} were given: {', '.join(counted)}"
        )
    return tuple(dimension for dimension in dataset.group_by if dimension in dimensions)


def _checked_filters(dataset: Dataset, filters: Mapping[str, FilterValue]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(filters, Mapping):
        raise InvalidArgumentError(f"{dataset}: filters takes a dict of values by filter name, not {filters!r}")
    for name in filters:
        if name not in dataset.filters:
            raise _not_allowed(dataset, "filters", name, dataset.filters)
    checked = tuple(
        (name, _checked_values(dataset, name, rule, filters[name]))
        for name, rule in dataset.filters.items()
        if name in filters
    )
    entries = sum(len(values) for _, values in checked)
    maximum = dataset.wire.max_list_entries
    if dataset.filter_parameter is not None and entries > maximum:
        raise InvalidArgumentError(f"{dataset}: filters take {maximum} values together; {entries} were given")
    return checked


def _string_list(option: str, given: object) -> tuple[str, ...]:
    if not isinstance(given, list | tuple | set | frozenset) or not all(isinstance(value, str) for value in given):
        raise InvalidArgumentError(f"{option} takes a list of strings, not {given!r}")
    return tuple(given)


def _checked_values(dataset: Dataset, name: str, rule: Filter, given: FilterValue) -> tuple[str, ...]:
    if isinstance(given, bool):
        values: tuple[str, ...] = (str(given).lower(),)
    else:
        values = (given,) if isinstance(given, str) else _string_list(f"filters[{name!r}]", given)
    maximum = dataset.wire.max_list_entries if rule.multiple else 1
    if not 1 <= len(values) <= maximum:
        raise InvalidArgumentError(
            f"{dataset}: filters[{name!r}] takes 1 to {maximum} values; {len(values)} were given"
        )
    for value in values:
        is_value = value.isprintable() and value.strip() not in ("", "None")
        if not is_value and not (rule.takes_empty and value == ""):
            raise InvalidArgumentError(
                f"{dataset}: filters[{name!r}] has the value {value!r}, which filters nothing; give a text, or leave "
                "the filter out. A template gives an empty text or 'None' when its variable is not set"
            )
        if rule.values and value not in rule.values:
            raise _not_allowed(dataset, f"filters[{name!r}]", value, rule.values)
    return tuple(sorted(set(values)))


def _check_combinations(checked: Query) -> None:
    given = {f"group_by={dimension}" for dimension in checked.group_by}
    given |= {f"filters.{name}" for name, _ in checked.filters}
    if checked.group_by:
        given.add("group_by")
    dataset = checked.dataset
    for one, other in dataset.conflicts:
        if one in given and other in given:
            raise InvalidArgumentError(f"{dataset}: {one} cannot be combined with {other}")
    for option, needed in dataset.requirements:
        if option in given and needed not in given:
            raise InvalidArgumentError(f"{dataset}: {option} needs {needed}")
    is_capped = dataset.groups_per_bucket is not None and not set(checked.group_by) <= set(dataset.free_group_by)
    for dimension, other in dataset.partial_group_by.items():
        if is_capped and dimension in checked.group_by and other not in checked.group_by:
            raise InvalidArgumentError(
                f"{dataset}: group_by {dimension!r} without {other!r} leaves out whole groups, so that it cannot be "
                f"noticed when the vendor cuts a bucket off at {dataset.groups_per_bucket}; add {other!r}"
            )


def _not_allowed(dataset: Dataset, option: str, value: object, allowed: Iterable[str]) -> InvalidArgumentError:
    choices = ", ".join(allowed)
    return InvalidArgumentError(
        f"{dataset}: {option} {value!r} is not allowed; "
        + (f"allowed: {choices}" if choices else "this dataset takes none")
    )


def _format_bounds(window: Window, time_format: TimestampFormat) -> tuple[str, str]:
    match time_format:
        case TimestampFormat.DATE:
            return window.start.date().isoformat(), window.end.date().isoformat()
        case TimestampFormat.RFC3339:
            return window.start.strftime("%Y-%m-%dT%H:%M:%SZ"), window.end.strftime("%Y-%m-%dT%H:%M:%SZ")
        case TimestampFormat.EPOCH:
            return str(int(window.start.timestamp())), str(int(window.end.timestamp()))
