# SPDX-License-Identifier: Apache-2.0
"""Checks of a DAG author's arguments, which are known when the DAG is parsed or only when the task runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from airflow_provider_aianalytics.exceptions import InvalidArgumentError

Day = int | str | date | datetime


def is_literal(*values: object) -> bool:
    """Whether values are known when the DAG is parsed, so that they can be checked there."""
    return not any("{{" in repr(value) or "{%" in repr(value) or is_xcom_arg(value) for value in values)


def is_xcom_arg(value: object) -> bool:
    """Whether a value is or contains the result of another task, which is known only when the task runs."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple | set):
        return any(map(is_xcom_arg, value))
    return hasattr(value, "resolve")


def check_whole_number(name: str, value: Any, *, at_least: int) -> None:
    """Reject a value that is not a whole number, or too small.

    :raises InvalidArgumentError: naming the argument, the value and the smallest one.
    """
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    require(is_whole and value >= at_least, f"{name}={value!r} is not a whole number of at least {at_least}")


def check_flag(name: str, value: object) -> None:
    """Reject a value that is not a bool, such as the string "False".

    :raises InvalidArgumentError: naming the argument and the value.
    """
    require(isinstance(value, bool), f"{name}={value!r} is not allowed; allowed: True, False")


def check_conn_id(conn_id: Any) -> None:
    """Reject what cannot be the name of a connection; ``None`` is the vendor's default one.

    :raises InvalidArgumentError: naming the value.
    """
    is_name = isinstance(conn_id, str) and conn_id.isprintable() and conn_id.strip() not in ("", "None")
    require(
        conn_id is None or is_name,
        f"conn_id={conn_id!r} is not the name of a connection; give a text such as 'my_connection', or leave it out "
        "for the default connection. A template gives an empty text or 'None' when its variable is not set",
    )


def require(condition: bool, message: str) -> None:
    """Check a condition.

    :raises InvalidArgumentError: with the message, if it is false.
    """
    if not condition:
        raise InvalidArgumentError(message)
