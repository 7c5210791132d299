# SPDX-License-Identifier: Apache-2.0
"""Every error of the package, as one tree.

::

    AIAnalyticsError
    ├── InvalidArgumentError *        what a DAG author wrote cannot be asked for
    ├── AuthenticationError *         the key is missing, wrong or revoked
    ├── PermissionDeniedError *       the key is valid and lacks the scope
    ├── FeatureDisabledError *        the organization has the API switched off
    ├── InvalidRequestError *         the vendor refused the request
    ├── NotYetAvailableError          the day is not there yet
    ├── EmptyDayError                 the day was answered with nothing
    ├── CursorExpiredError            the data was refreshed while its pages were read
    ├── RateLimitedError              the vendor refused, the organization's budget being spent
    │   └── BudgetSpentError          our own count says that it would
    ├── VendorUnavailableError        no answer, or an answer that says "later"
    ├── MalformedResponseError        an answer that cannot be believed
    │   └── OversizedResponseError *  an answer longer than any page can be
    ├── ResultTooLargeError *         more than XCom should carry, or than the vendor serves of a bucket
    ├── SuspiciousShrinkError *       a day that had more before
    ├── QueryMismatchError *          a table that was landed by another query
    ├── CoverageError                 a table is late, or days of it are missing or cannot be read
    ├── StorageError                  the lake cannot be read or written until a person mends it
    └── ManifestVersionError *        a manifest of a newer version of this package

What a retry cannot mend (*) is an :class:`AirflowFailException` too: the task fails at once.
"""

from __future__ import annotations

from datetime import date

from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_aianalytics.extraction.redaction import foreign_text, printable


class AIAnalyticsError(AirflowException):
    """The base of all errors here.

    :param message: what happened.
    :param where: vendor, dataset and window.
    :param hint: what a person can do about it.
    """

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        # Lines to copy into a DAG stay lines; a vendor's text is one line already.
        self.message, self.where, self.hint = (
            "\n".join(map(printable, text.split("\n"))) for text in (message, where, hint)
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        said = f"{self.where}: {self.message}" if self.where else self.message
        # A vendor's own sentence may bring its full stop along.
        return f"{said.removesuffix('.')}. {self.hint}" if self.hint else said


class InvalidArgumentError(AIAnalyticsError, AirflowFailException, ValueError):
    """What a DAG author wrote cannot be asked for; the message names the value and the allowed ones."""


class AuthenticationError(AIAnalyticsError, AirflowFailException):
    """The key is missing, wrong or revoked."""


class PermissionDeniedError(AIAnalyticsError, AirflowFailException):
    """The key is valid and lacks the scope, or is of another kind."""


class FeatureDisabledError(AIAnalyticsError, AirflowFailException):
    """The API is switched off for the organization."""


class InvalidRequestError(AIAnalyticsError, AirflowFailException):
    """The vendor refused the request as it was put."""


class NotYetAvailableError(AIAnalyticsError):
    """The day is not there yet.

    :param latest: the latest day the vendor has, where it said so.
    """

    def __init__(self, message: str, *, latest: date | None = None, where: str = "", hint: str = "") -> None:
        super().__init__(message, where=where, hint=hint)
        self.latest = latest


class EmptyDayError(AIAnalyticsError):
    """The day was answered with nothing, which the author asked to be told of; it was not landed."""


class CursorExpiredError(AIAnalyticsError):
    """The data was refreshed while its pages were read; the window must be read again from page one."""


class RateLimitedError(AIAnalyticsError):
    """The organization's budget is spent.

    :param retry_after: seconds to wait, where the vendor said so.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, where: str = "", hint: str = "") -> None:
        super().__init__(message, where=where, hint=hint)
        self.retry_after = retry_after


class BudgetSpentError(RateLimitedError):
    """The connection's budget is taken for longer than a task should sleep; no request was sent."""


class VendorUnavailableError(AIAnalyticsError):
    """No answer, or an answer that says "later".

    :param retry_after: seconds to wait, where the vendor said so.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, where: str = "", hint: str = "") -> None:
        super().__init__(message, where=where, hint=hint)
        self.retry_after = retry_after


class MalformedResponseError(AIAnalyticsError):
    """An answer that cannot be believed: not JSON, of another shape, or a chain of pages that leads nowhere.

    Its message may repeat a piece of the answer, so it is cut and masked like every text of a vendor.
    """

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(foreign_text(message), where=where, hint=hint)


class OversizedResponseError(MalformedResponseError, AirflowFailException):
    """An answer longer than any page can be; it is not read to its end."""


class ResultTooLargeError(AIAnalyticsError, AirflowFailException):
    """More records or bytes than XCom should carry, or more groups of a bucket than the vendor serves."""


class SuspiciousShrinkError(AIAnalyticsError, AirflowFailException):
    """A day that had more before; what is landed was left as it is."""


class QueryMismatchError(AIAnalyticsError, AirflowFailException):
    """The table was landed by another query; two cuts of a dataset need two tables."""


class CoverageError(AIAnalyticsError):
    """A table is late by more than it may be, or days of it are missing or cannot be read."""


class StorageError(AIAnalyticsError):
    """The lake cannot be read or written until a person mends it."""


class ManifestVersionError(AIAnalyticsError, AirflowFailException):
    """A manifest was written by a newer version of this package, which has to be installed to change the day."""
