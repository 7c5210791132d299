# SPDX-License-Identifier: Apache-2.0
"""Every error of the package, as one tree.

::

    AIAnalyticsError
    ├── InvalidArgumentError *        an argument of a DAG author is not allowed
    ├── ConnectionNotFoundError       Airflow has no such connection
    ├── AuthenticationError *         the key is missing, wrong or revoked
    ├── PermissionDeniedError *       the key is valid and lacks the scope
    ├── FeatureDisabledError *        the organization has the API switched off
    ├── InvalidRequestError *         the vendor refused the request
    ├── NotYetAvailableError          the vendor does not have the day yet
    ├── EmptyDayError                 the vendor has no rows for the day
    ├── CursorExpiredError            the data was refreshed while its pages were read
    ├── RateLimitedError              the vendor refused the request, because the rate limit is used up
    │   └── BudgetSpentError          the request was not sent, because the rate limit is used up
    ├── VendorUnavailableError        no response, or a temporary error of the vendor
    ├── MalformedResponseError        a response that does not follow the API's contract
    │   └── OversizedResponseError *  a response longer than any page can be
    ├── ResultTooLargeError *         more than XCom should carry, or more groups than the vendor serves
    ├── SuspiciousShrinkError *       a day has far fewer rows or a smaller total than before
    ├── QueryMismatchError *          the table was landed by another query
    ├── CoverageError                 a table is late, or days of it are missing or cannot be read
    ├── StorageError                  the lake cannot be read or written until a person fixes it
    └── ManifestVersionError *        a manifest of a newer version of this package

Errors marked * are not retried: they are an :class:`AirflowFailException` too, which fails the task at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowNotFoundException

from airflow_provider_aianalytics.extraction.redaction import foreign_text, printable

_END_OF_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z])")

_LONG_VALUE = re.compile(r"'[^']{200,}'|\"[^\"]{200,}\"")
_MAX_MESSAGE = 3000


class AIAnalyticsError(AirflowException):
    """The base of all errors here.

    :param message: what happened.
    :param where: vendor, dataset and window.
    :param hint: what a person can do about it.
    """

    is_multiline = False
    """Whether each sentence is a line of its own, as for the log of a task."""
    connection = ""
    """The connection and its host, where the key or the host may be wrong."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        # Lines to copy into a DAG stay lines; a vendor's text is one line already.
        self.message, self.where, self.hint = (
            "\n".join(map(printable, text.split("\n"))) for text in (message, where, hint)
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        text += f" ({self.connection})" if self.connection else ""
        # A vendor's own sentence can end with a full stop.
        parts = [f"{text.removesuffix('.')}.", self.hint] if self.hint else [text]
        return "\n".join(_END_OF_SENTENCE.sub("\n", part) for part in parts) if self.is_multiline else " ".join(parts)


@contextmanager
def error_location(source: object, days: object) -> Iterator[None]:
    """Let each error of this package name the dataset and the days, if it does not yet.

    :param source: vendor and dataset.
    """
    try:
        yield
    except AIAnalyticsError as error:
        if str(source).startswith(error.where):
            error.where = f"{source} {days}"
        elif not error.where.startswith(str(source)):
            error.where = f"{source} {days}: {error.where}"
        raise


class InvalidArgumentError(AIAnalyticsError, AirflowFailException, ValueError):
    """An argument is not allowed. The message names the value and the allowed ones. A long value is shortened."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        shown = _LONG_VALUE.sub(lambda value: f"{value[0][:200]}… ({len(value[0]):,} characters)", message)
        if len(shown) > _MAX_MESSAGE:  # a value without quotes, such as a long list
            shown = f"{shown[:600]}… ({len(shown):,} characters) …{shown[-600:]}"
        super().__init__(shown, where=where, hint=hint)


class ConnectionNotFoundError(AIAnalyticsError, AirflowNotFoundException):
    """Airflow has no such connection, or failed to look it up."""


class AuthenticationError(AIAnalyticsError, AirflowFailException):
    """The key is missing, wrong or revoked."""


class PermissionDeniedError(AIAnalyticsError, AirflowFailException):
    """The key is valid and lacks the scope, or is of another kind."""


class FeatureDisabledError(AIAnalyticsError, AirflowFailException):
    """The API is switched off for the organization."""


class InvalidRequestError(AIAnalyticsError, AirflowFailException):
    """The vendor refused the request."""


class NotYetAvailableError(AIAnalyticsError):
    """The vendor does not have the day yet.

    :param latest: the latest day the vendor has, where it said so.
    """

    def __init__(self, message: str, *, latest: date | None = None, where: str = "", hint: str = "") -> None:
        super().__init__(message, where=where, hint=hint)
        self.latest = latest


class EmptyDayError(AIAnalyticsError):
    """The vendor returned no rows for the day, and ``on_empty`` is ``fail``. The day was not landed."""


class CursorExpiredError(AIAnalyticsError):
    """The vendor refreshed the data while its pages were read, and again in each of two further reads."""


class RateLimitedError(AIAnalyticsError):
    """The vendor refused the request, because the organization has used its rate limit.

    :param retry_after: seconds to wait, if the vendor named it.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, where: str = "", hint: str = "") -> None:
        super().__init__(message, where=where, hint=hint)
        self.retry_after = retry_after


class BudgetSpentError(RateLimitedError):
    """The connection's rate limit is used up for longer than a task may sleep. No request was sent."""


class VendorUnavailableError(AIAnalyticsError):
    """The vendor did not respond, or responded with an error that passes.

    :param retry_after: seconds to wait, if the vendor named it.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, where: str = "", hint: str = "") -> None:
        super().__init__(message, where=where, hint=hint)
        self.retry_after = retry_after


class MalformedResponseError(AIAnalyticsError):
    """The response contradicts the API: it is not JSON, has another shape, or its pages do not form a chain.

    Its message may quote a part of the response, so it is truncated and masked like every text of a vendor.
    """

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(foreign_text(message), where=where, hint=hint)


class OversizedResponseError(MalformedResponseError, AirflowFailException):
    """The response is longer than any page can be. It was not read to its end."""


class ResultTooLargeError(AIAnalyticsError, AirflowFailException):
    """More records or bytes than fit into XCom, or more groups in a bucket than the vendor returns."""


class SuspiciousShrinkError(AIAnalyticsError, AirflowFailException):
    """The day has fewer rows or a smaller total than before. The landed content was kept."""


class QueryMismatchError(AIAnalyticsError, AirflowFailException):
    """The table was landed with another query, organization or pseudonym secret. Each needs a table of its own."""


class CoverageError(AIAnalyticsError):
    """A table is late by more than it may be, or days of it are missing or cannot be read."""


class StorageError(AIAnalyticsError):
    """The lake cannot be read or written until a person repairs it."""


class ManifestVersionError(AIAnalyticsError, AirflowFailException):
    """A newer version of this package wrote the manifest. Install it to change the day."""
