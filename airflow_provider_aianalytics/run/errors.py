# SPDX-License-Identifier: Apache-2.0
"""Errors in a task's log: a short message without a traceback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from airflow_provider_aianalytics.exceptions import AIAnalyticsError

log = logging.getLogger(__name__)

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def without_frames(method: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Remove the traceback of this package's errors when a task raises them, and put each sentence on its own line.

    Airflow logs the message after the traceback, where it is hard to find. The traceback is logged at DEBUG instead.
    Airflow 3 logs each line as a record of its own, so the last record is a whole sentence: what to do.
    Other exceptions are bugs and keep theirs.
    """

    @wraps(method)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return method(*args, **kwargs)
        except AIAnalyticsError as error:
            log.debug("Traceback of the error", exc_info=True)
            error.is_multiline = True
            raise error.with_traceback(None) from None

    return call
