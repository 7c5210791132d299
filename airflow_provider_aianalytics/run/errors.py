# SPDX-License-Identifier: Apache-2.0
"""How an error of this package leaves a task: a short message, without the frames that lead to it."""

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
    """Cut the traceback of this package's own errors where they leave a task, and break their message into lines.

    The message says what happened and what to do. Airflow shows it beside the traceback, where the frames of the
    package would hide it, so these are logged at DEBUG. Other exceptions are bugs and keep their traceback.
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
