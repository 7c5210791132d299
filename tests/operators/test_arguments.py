# SPDX-License-Identifier: Apache-2.0
"""Whatever an argument is, an operator or a sensor is made, or an error names the argument and its value."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.operators import claude_enterprise, perplexity
from airflow_provider_aianalytics.operators.coverage import AIAnalyticsCoverageOperator
from airflow_provider_aianalytics.sensors.claude_enterprise import ClaudeEnterpriseAnalyticsSensor
from airflow_provider_aianalytics.sensors.perplexity import PerplexityAnalyticsSensor

CLASSES: dict[type, dict[str, Any]] = {
    claude_enterprise.ClaudeEnterpriseAnalyticsOperator: {"dataset": "users"},
    claude_enterprise.ClaudeEnterpriseAnalyticsToObjectStorageOperator: {"dataset": "cost_report", "path": "file:///l"},
    perplexity.PerplexityAnalyticsOperator: {"dataset": "credit_usage"},
    perplexity.PerplexityAnalyticsToObjectStorageOperator: {"dataset": "member_query_volume", "path": "s3://lake"},
    ClaudeEnterpriseAnalyticsSensor: {"dataset": "users"},
    PerplexityAnalyticsSensor: {"dataset": "credit_usage"},
}
ODD = [
    *(None, True, False, 0, -1, 1, 10**7, 10**30, 1.5, float("nan"), float("inf"), b"x", object(), print),
    *("", " ", "x", "users", "1", "None", "{{ ds }}", "2026-11-01", "9999-12-31", "0001-01-01", "2026-02-30", "\ud800"),
    *([], [1], ["x"], [None], {}, {"x": "y"}, {1: 2}, {"x": None}, ("product", "model"), {"a"}, frozenset()),
    *(timedelta(-1), timedelta(0), timedelta(days=2), timedelta.max, timedelta.min),
    *(date.min, date.max, date(2026, 11, 1), datetime.max, datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 1)),
]


def own_arguments(kind: type) -> Iterator[str]:
    """The arguments that are not Airflow's."""
    for one in kind.__mro__:
        if one.__module__.startswith("airflow_provider_aianalytics"):
            for name, parameter in inspect.signature(one.__init__).parameters.items():  # type: ignore[misc]
                if parameter.kind is parameter.KEYWORD_ONLY:
                    yield name


ARGUMENTS = sorted({(kind, name) for kind in CLASSES for name in own_arguments(kind)}, key=lambda pair: str(pair))


def refusal(kind: type, arguments: dict[str, Any]) -> str | None:
    """The message of the error, ``None`` where the arguments are taken."""
    try:
        kind(task_id="task", **{**CLASSES[kind], **arguments})
    except InvalidArgumentError as error:
        return str(error)
    return None


@pytest.mark.parametrize(("kind", "name"), ARGUMENTS, ids=lambda value: getattr(value, "__name__", value))
def test_an_odd_value_is_accepted_or_the_error_names_an_argument(kind: type, name: str) -> None:
    named = [*own_arguments(kind), "period"]
    for value in ODD:
        message = refusal(kind, {name: value})
        assert message is None or any(name in message for name in named), (value, message)


@given(data=st.data())
def test_several_odd_values_are_accepted_or_rejected_briefly(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(CLASSES)))
    names = sorted(set(own_arguments(kind)))
    odd = data.draw(st.dictionaries(st.sampled_from(names), st.sampled_from(ODD), max_size=4))
    assert len(refusal(kind, odd) or "") < 2000


@pytest.mark.parametrize("name", ["restate_days", "max_concurrency"])
@pytest.mark.parametrize("value", [1.5, True, "3", -1, None])
def test_a_number_must_be_an_integer(name: str, value: Any) -> None:
    kind = claude_enterprise.ClaudeEnterpriseAnalyticsToObjectStorageOperator
    with pytest.raises(InvalidArgumentError, match=f"{name}={value!r} is not a whole number of at least"):
        kind(task_id="task", **CLASSES[kind], **{name: value})


LAND = claude_enterprise.ClaudeEnterpriseAnalyticsToObjectStorageOperator


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("value", [5, True, b"x", ["a"], {"a": 1}, 1.5, "", " ", "None", "a\nb"], ids=repr)
def test_a_connection_is_named_by_a_text(kind: type, value: Any) -> None:
    message = refusal(kind, {"conn_id": value})

    assert message is not None
    assert message.startswith(f"conn_id={value!r} is not the name of a connection")


@pytest.mark.parametrize("template", ["None", ""])
def test_a_connection_is_checked_again_when_its_template_is_rendered(template: str) -> None:
    task = LAND(task_id="task", **{**CLASSES[LAND], "conn_id": "{{ var }}"})
    task.conn_id = template

    with pytest.raises(InvalidArgumentError, match="is not the name of a connection"):
        task.hook()


PATHS = ["file://tmp/x", "file://localhost/tmp/x", "local://tmp/x", "file:///a\x00b", "/a\nb", "s3://lake/a\u202eb"]


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_a_path_has_no_host_and_nothing_invisible(path: str) -> None:
    assert "names a host" in str(refusal(LAND, {"path": path})) or "cannot be seen" in str(
        refusal(LAND, {"path": path})
    )
    with pytest.raises(InvalidArgumentError, match="path"):
        AIAnalyticsCoverageOperator(task_id="task", path=path)


def test_a_file_url_can_name_a_connection() -> None:
    assert refusal(LAND, {"path": "file://connection@/data/lake"}) is None


@pytest.mark.parametrize("table", ["None", "none", "NONE"])
def test_a_table_is_not_called_none(table: str) -> None:
    assert f"table {table!r} is not a name" in str(refusal(LAND, {"table": table}))
    with pytest.raises(InvalidArgumentError, match="is not a name"):
        AIAnalyticsCoverageOperator(task_id="task", path="/lake", table=table)


@pytest.mark.parametrize("values", ["", " ", "None", [], [""], ["chat", " "], ["a\x00"]], ids=repr)
def test_a_filter_filters_something(values: Any) -> None:
    assert "filters['products']" in str(refusal(LAND, {"filters": {"products": values}, "table": "x"}))


@pytest.mark.parametrize(
    "arguments",
    [{"days": "3"}, {"days": 0}, {"days": True}, {"max_late": 5}, {"vendor": ["x"]}, {"vendor": "x"}],
    ids=repr,
)
def test_coverage_checks_its_arguments(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(arguments))):
        AIAnalyticsCoverageOperator(task_id="task", path="/lake", **arguments)


@pytest.mark.parametrize("name", ["dataset", "path", "table", "start", "file_format", "group_by", "filters"])
@pytest.mark.parametrize(
    "value", ["x" * 100_000, ["x" * 100_000], [1] * 50_000, {"x" * 100_000: "y"}], ids=lambda v: str(v)[:5]
)
def test_a_long_value_is_shortened(name: str, value: Any) -> None:
    message = refusal(LAND, {name: value})

    assert message is None or ("characters)" in message and len(message) < 3000)
    assert name not in ("dataset", "start", "table") or message
