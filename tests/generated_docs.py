# SPDX-License-Identifier: Apache-2.0
"""The parts of the documentation that the code writes: ``python -m tests.generated_docs`` writes them anew."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_aianalytics import cli, exceptions
from airflow_provider_aianalytics.get_provider_info import get_provider_info
from airflow_provider_aianalytics.hooks.base import AnalyticsHook
from airflow_provider_aianalytics.operators.base import AnalyticsOperator
from airflow_provider_aianalytics.operators.to_object_storage import AnalyticsToObjectStorageOperator
from airflow_provider_aianalytics.operators.to_xcom import AnalyticsToXComOperator
from airflow_provider_aianalytics.reference.availability_text import duration_text
from airflow_provider_aianalytics.reference.dataset_page import (
    dataset_page,
    markdown_table,
    request_limits,
)
from airflow_provider_aianalytics.sensors.base import AnalyticsSensor
from airflow_provider_aianalytics.sensors.perplexity import PerplexityAnalyticsSensor
from airflow_provider_aianalytics.simulator.__main__ import parser as simulator_parser
from airflow_provider_aianalytics.storage.manifest import Manifest, Revision, Run
from airflow_provider_aianalytics.timetables import DataAvailabilityTimetable
from airflow_provider_aianalytics.triggers.new_day import NewDayTrigger
from airflow_provider_aianalytics.vendors.availability import Availability
from airflow_provider_aianalytics.vendors.base import DAY, Vendor
from airflow_provider_aianalytics.vendors.registry import VENDORS
from tests.documents import DOCS, GUIDES

MARK = re.compile(r"<!-- generated: (.+?) -->\n.*?<!-- end -->", re.DOTALL)


def main() -> None:
    for document in GUIDES:
        document.path.write_text(with_sections(document.text))
    for path, text in dataset_pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def with_sections(text: str) -> str:
    """A page with every generated section made anew between its marks."""
    return MARK.sub(lambda found: f"<!-- generated: {found[1]} -->\n{SECTIONS[found[1]]()}\n<!-- end -->", text)


def dataset_pages() -> dict[Path, str]:
    """The page of each dataset and their index, by file."""
    pages = {
        DOCS / "datasets" / vendor.name / f"{dataset.name}.md": dataset_page(vendor, dataset)
        for vendor in VENDORS.values()
        for dataset in vendor.datasets.values()
    }
    return {DOCS / "datasets" / "README.md": _index(), **pages}


# --- datasets ---------------------------------------------------------------------------------------------------------


def _index() -> str:
    sections = "\n\n".join(f"## {vendor.title}\n\n{_limits(vendor)}" for vendor in VENDORS.values())
    return (
        "# Datasets\n\nEach name leads to a page with columns, units, query options, limits and a sample record. "
        "`airflow aianalytics datasets users` (Airflow 3.2 and newer) and "
        "`python -m airflow_provider_aianalytics datasets users` print the same page.\n\n"
        "How days become [available](../concepts.md#availability) and [final](../concepts.md#the-life-of-a-day) is "
        "explained on another page.\n\n"
        f"{sections}\n"
    )


def _limits(vendor: Vendor) -> str:
    return markdown_table(
        ["dataset", "a row", "`bucket_width`", "a request reads", "expected after the day", "final after the day"],
        (
            [
                f"[`{dataset.name}`]({vendor.name}/{dataset.name}.md)",
                dataset.grain,
                ", ".join(f"`{width}`" for width in dataset.bucket_widths),
                request_limits(dataset),
                _expected(dataset.availability),
                duration_text(dataset.availability.final_after),
            ]
            for dataset in vendor.datasets.values()
        ),
    )


def _expected(availability: Availability) -> str:
    day = date(2026, 11, 1)
    end = datetime.combine(day + DAY, time(0), tzinfo=UTC)
    return duration_text(max(availability.exists_from(day) + availability.lag, availability.settled_from(day)) - end)


def _titles(vendor: Vendor) -> str:
    return markdown_table(
        ["dataset", "what it is", "a row"],
        (
            [f"[`{dataset.name}`](docs/datasets/{vendor.name}/{dataset.name}.md)", dataset.title, dataset.grain]
            for dataset in vendor.datasets.values()
        ),
    )


# --- arguments --------------------------------------------------------------------------------------------------------


def _arguments(*kinds: type) -> str:
    """The parameters of classes with their defaults, from signatures and docstrings."""
    meanings = {name: text for kind in reversed(kinds) for name, text in _meanings(kind.__doc__).items()}
    parameters = {name: parameter for kind in reversed(kinds) for name, parameter in _parameters(kind)}
    return markdown_table(
        ["argument", "default", "meaning"],
        (
            [f"`{name}`", _default(parameters[name]), meaning]
            for name, meaning in meanings.items()
            if name in parameters
        ),
    )


def _parameters(kind: type) -> Iterator[tuple[str, inspect.Parameter]]:
    # Of each class its own constructor alone: Airflow's takes dozens more.
    if "__init__" in vars(kind):
        yield from inspect.signature(vars(kind)["__init__"]).parameters.items()


def _default(parameter: inspect.Parameter) -> str:
    match parameter.default:
        case inspect.Parameter.empty:
            return "required"
        case None | ():
            return ""
        case timedelta() as span:
            return duration_text(span)
        case time() as moment:
            return f"{moment:%H:%M} UTC"
        case value if parameter.name == "deferrable":
            return "`[operators] default_deferrable`"
        case value:
            return f"`{value!r}`".replace("'", '"')


def _meanings(docstring: str | None) -> dict[str, str]:
    """The parameters that a docstring describes, as Markdown."""
    text = inspect.cleandoc(docstring or "")
    found = re.findall(r"^:param (\w+): (.*?)(?=^:|\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: _markdown(" ".join(meaning.split())) for name, meaning in found}


def _markdown(text: str) -> str:
    text = re.sub(r":(?:class|meth|func|attr|mod|data):`~?([^`]+)`", r"`\1`", text.replace("``", "`"))
    return text[0].upper() + text[1:] if text else text


# --- manifests, errors, connections, commands -------------------------------------------------------------------------


def _fields(kind: Any) -> str:
    meanings = {**OBVIOUS, **_meanings(kind.__doc__)}
    return markdown_table(
        ["field", "type", "meaning"],
        (
            [f"`{name}`", _type_name(annotation), meanings[name].replace("`None`", "null")]
            for name, annotation in inspect.get_annotations(kind).items()
        ),
    )


OBVIOUS = {
    "schema_version": "The version of this schema.",
    "vendor": "The vendor's name.",
    "dataset": "The dataset's name.",
    "table": "The table's name.",
    "date": "The UTC day.",
    "format": "`ndjson`, `parquet` or `csv`.",
    "compression": "`gzip`, `zstd` or `none`.",
    "rows": "How many rows.",
    "sha256": "The digest of the uncompressed content, in hexadecimal.",
    "organization_id": "The organization as the vendor names it, null where it does not.",
    "provider_version": "The version of this package that wrote the manifest.",
    "run": "The task run that landed the day, see below.",
    "dag_id": "Airflow's name of the DAG.",
    "run_id": "Airflow's name of the run.",
    "task_id": "Airflow's name of the task.",
}
"""Of fields that explain themselves in code."""

JSON_TYPES = {
    "str": "string",
    "int": "integer",
    "bool": "boolean",
    "Decimal": "decimal string",
    "date": "date",
    "None": "null",
    "Run": "object",
    "tuple[str, ...]": "list of strings",
    "tuple[Revision, ...]": "list of objects",
    "dict[str, str | list[str]]": "object",
    "dict[str, Decimal]": "object",
}


def _type_name(annotation: str) -> str:
    known = JSON_TYPES.get(annotation)
    return known or " or ".join(JSON_TYPES[part.strip()] for part in annotation.split(" | "))


def _errors() -> str:
    return markdown_table(
        ["error", "what happened", "Airflow retries"],
        (
            [f"`{name}`", _first_line(kind), "no" if issubclass(kind, AirflowFailException) else "yes"]
            for name, kind in vars(exceptions).items()
            if isinstance(kind, type)
            and issubclass(kind, exceptions.AIAnalyticsError)
            and kind is not exceptions.AIAnalyticsError
        ),
    )


def _first_line(kind: type) -> str:
    return _markdown(" ".join(inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].split()))


def _connection_fields() -> str:
    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    return markdown_table(["extra", "meaning"], ([f"`{name}`", field["description"]] for name, field in fields.items()))


def _command_options(name: str) -> str:
    (command,) = (command for command in cli.COMMANDS if command.name == name)
    return markdown_table(
        ["argument", "meaning"],
        ([f"`{', '.join(flags)}`", str(more["help"])] for flags, more in command.arguments),
    )


def _simulator_options() -> str:
    return markdown_table(
        ["option", "default", "meaning"],
        (
            [
                f"`{', '.join(action.option_strings)}`",
                "" if action.default in (None, False) else f"`{action.default}`",
                action.help or ", ".join(action.choices or ()),
            ]
            for action in simulator_parser()._actions
            if action.dest != "help"
        ),
    )


SECTIONS: Mapping[str, Callable[[], str]] = {
    **{f"titles of {name}": (lambda vendor=vendor: _titles(vendor)) for name, vendor in VENDORS.items()},
    "arguments of every operator": lambda: _arguments(AnalyticsOperator),
    "arguments of landing operators": lambda: _arguments(AnalyticsToObjectStorageOperator),
    "arguments of XCom operators": lambda: _arguments(AnalyticsToXComOperator),
    "arguments of sensors": lambda: _arguments(PerplexityAnalyticsSensor, AnalyticsSensor),
    "arguments of DataAvailabilityTimetable": lambda: _arguments(DataAvailabilityTimetable),
    "arguments of NewDayTrigger": lambda: _arguments(NewDayTrigger),
    "arguments of hook.records": lambda: _method_arguments(AnalyticsHook.records),
    "fields of manifests": lambda: _fields(Manifest),
    "fields of runs": lambda: _fields(Run),
    "fields of revisions": lambda: _fields(Revision),
    "errors": _errors,
    "connection extras": _connection_fields,
    "options of the simulator": _simulator_options,
    **{f"arguments of {command.name}": (lambda name=command.name: _command_options(name)) for command in cli.COMMANDS},
}
"""The generated texts, by the names in their marks."""


def _method_arguments(method: Any) -> str:
    meanings, parameters = _meanings(method.__doc__), inspect.signature(method).parameters
    return markdown_table(
        ["argument", "default", "meaning"],
        ([f"`{name}`", _default(parameters[name]), meaning] for name, meaning in meanings.items()),
    )


if __name__ == "__main__":
    main()
