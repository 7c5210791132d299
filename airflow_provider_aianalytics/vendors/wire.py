# SPDX-License-Identifier: Apache-2.0
"""How a vendor's API writes requests, pages and errors.

The defaults are what most APIs do; a vendor's own ``wire.py`` overrides what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_aianalytics.vendors.base import Dataset


class ErrorKind(Enum):
    """What an error response means. Each is one exception type, with its hint, in ``extraction/responses.py``."""

    AUTHENTICATION = auto()
    PERMISSION_DENIED = auto()
    FEATURE_DISABLED = auto()
    NOT_YET_AVAILABLE = auto()
    CURSOR_EXPIRED = auto()
    RATE_LIMITED = auto()
    UNAVAILABLE = auto()
    REDIRECT = auto()
    INVALID_REQUEST = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """A response whose status is not 200, and the request that it answers.

    :param status: the HTTP status.
    :param type: the error's type or code as the vendor names it, empty where there is none.
    :param message: the vendor's own words, empty where there are none.
    :param has_cursor: whether the request was for a later page: its parameters were accepted for the first one.
    :param dataset: the dataset requested.
    :param last_day: the last UTC day of the window requested.
    """

    status: int
    type: str
    message: str
    has_cursor: bool
    dataset: Dataset
    last_day: date


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an error response means.

    :param kind: the kind of error.
    :param hint: what to do, where it is more than the kind says.
    :param latest: for ``NOT_YET_AVAILABLE`` the latest day the vendor has, where it says so.
    """

    kind: ErrorKind
    latest: date | None = None
    hint: str = ""


_BY_STATUS = {
    203: ErrorKind.UNAVAILABLE,  # a proxy changed the response
    401: ErrorKind.AUTHENTICATION,
    403: ErrorKind.PERMISSION_DENIED,
    408: ErrorKind.UNAVAILABLE,
    409: ErrorKind.UNAVAILABLE,
    410: ErrorKind.CURSOR_EXPIRED,
    421: ErrorKind.UNAVAILABLE,
    425: ErrorKind.UNAVAILABLE,
    429: ErrorKind.RATE_LIMITED,
}


def classify_status(error: ErrorResponse) -> Verdict:
    """What the status, and for a 404 the type, says by itself.

    A 404 is a switch, a key without the right, or a wrong path, and never "no data".

    A 400 to a request for a later page is taken for an expired cursor. If the parameters are really invalid, the
    restarted window fails with the real error on its first page.
    """
    if error.status == 404:
        return Verdict(ErrorKind.FEATURE_DISABLED if error.type == "feature_disabled" else ErrorKind.AUTHENTICATION)
    if error.status == 400 and error.has_cursor:
        return Verdict(ErrorKind.CURSOR_EXPIRED)
    if error.status in _BY_STATUS:
        return Verdict(_BY_STATUS[error.status])
    if error.status >= 500:
        return Verdict(ErrorKind.UNAVAILABLE)
    if 300 <= error.status < 400:
        return Verdict(ErrorKind.REDIRECT)
    return Verdict(ErrorKind.INVALID_REQUEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class WireFormat:
    """Names of parameters, headers and fields, and what the vendor's errors mean.

    :param cursor_parameter: the parameter that takes the cursor.
    :param limit_parameter: the parameter for the size of a page.
    :param group_by_parameter: the parameter for a dimension, once for each.
    :param list_parameter: how the name of a filter that takes a list is written, ``{name}`` standing for it.
    :param max_list_entries: how many values a filter takes.
    :param items_fields: the fields of a page that may hold its items, the current name first.
    :param cursor_field: the field of a page that holds the next cursor.
    :param has_more_field: the field of a page that says whether another follows.
    :param watermark_field: the field of a page that says how far its data goes.
    :param organization_field: the field of a page that names the organization.
    :param request_id_header: the response header, in lower case, that names the request for the vendor's support.
    :param error_text_field: a field beside ``error`` that may hold an error's text.
    :param classify: what an error response means.
    :param refuse_key: why a key cannot be used for a dataset, ``None`` if it can; called before a request is sent.
    """

    cursor_parameter: str = "page"
    limit_parameter: str = "limit"
    group_by_parameter: str = "group_by[]"
    list_parameter: str = "{name}[]"
    max_list_entries: int = 100
    items_fields: tuple[str, ...] = ("data",)
    cursor_field: str = "next_page"
    has_more_field: str = "has_more"
    watermark_field: str = "data_refreshed_at"
    organization_field: str = "organization_id"
    request_id_header: str = "request-id"
    error_text_field: str = "detail"
    classify: Callable[[ErrorResponse], Verdict] = classify_status
    refuse_key: Callable[[str, Dataset, Iterable[Dataset]], str | None] = lambda key, dataset, datasets: None
