# SPDX-License-Identifier: Apache-2.0
"""Every response in the tables of both contracts, and several that are in none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import (
    AIAnalyticsError,
    AuthenticationError,
    CursorExpiredError,
    FeatureDisabledError,
    InvalidRequestError,
    MalformedResponseError,
    NotYetAvailableError,
    PermissionDeniedError,
    RateLimitedError,
    VendorUnavailableError,
)
from airflow_provider_aianalytics.extraction.paginator import CursorPaginator, Page
from airflow_provider_aianalytics.extraction.query import build_query
from airflow_provider_aianalytics.extraction.responses import Response, parse_page, parse_timestamp, retry_after
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.vendors.base import Vendor
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REQUESTED_DAY = date(2026, 11, 21)


def walk_of(
    vendor: Vendor = CLAUDE_ENTERPRISE, dataset: str = "users", *, cursor: str | None = None
) -> CursorPaginator:
    start = datetime(REQUESTED_DAY.year, REQUESTED_DAY.month, REQUESTED_DAY.day, tzinfo=UTC)
    paginator = CursorPaginator(build_query(vendor.dataset(dataset)), Window(start, start + timedelta(days=1)))
    if cursor is not None:
        paginator.advance(Page(paginator.window, 1, b"", [], next_cursor=cursor, has_more=None, read_at=NOW))
    return paginator


def take(
    status: int,
    body: bytes | dict[str, Any] = b"",
    *,
    headers: Mapping[str, str] | None = None,
    paginator: CursorPaginator | None = None,
) -> Page:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    paginator = paginator or walk_of()
    vendor = PERPLEXITY if paginator.query.dataset.vendor == PERPLEXITY.name else CLAUDE_ENTERPRISE
    return parse_page(Response(status, headers or {}, data), paginator, vendor, now=NOW)


def claude_error(kind: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


def perplexity_error(status: int, kind: str, message: str = "No.") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "code": status}}


class TestStatuses:
    @pytest.mark.parametrize(
        ("status", "kind", "error"),
        [
            (400, "invalid_request_error", InvalidRequestError),
            (401, "authentication_error", AuthenticationError),
            (403, "permission_error", PermissionDeniedError),
            (404, "not_found_error", AuthenticationError),
            (410, "invalid_request_error", CursorExpiredError),
            (429, "rate_limit_error", RateLimitedError),
            (500, "api_error", VendorUnavailableError),
            (503, "overloaded_error", VendorUnavailableError),
            (504, "timeout_error", VendorUnavailableError),
            (529, "overloaded_error", VendorUnavailableError),
            (408, "timeout_error", VendorUnavailableError),
            (409, "conflict", VendorUnavailableError),
        ],
    )
    def test_claude(self, status: int, kind: str, error: type[AIAnalyticsError]) -> None:
        with pytest.raises(AIAnalyticsError) as raised:
            take(status, claude_error(kind, "Something is wrong."), headers={"request-id": "req_42"})
        assert type(raised.value) is error
        message = str(raised.value)
        for part in (str(status), kind, "Something is wrong.", "req_42", "claude_enterprise users", "2026-11-21"):
            assert part in message
        assert raised.value.hint

    @pytest.mark.parametrize(
        ("status", "kind", "error"),
        [
            (400, "bad_request", InvalidRequestError),
            (400, "invalid_request", InvalidRequestError),
            (401, "unauthorized", AuthenticationError),
            (404, "feature_disabled", FeatureDisabledError),
            (429, "request_rate_limit_exceeded", RateLimitedError),
            (502, "", VendorUnavailableError),
        ],
    )
    def test_perplexity(self, status: int, kind: str, error: type[AIAnalyticsError]) -> None:
        with pytest.raises(AIAnalyticsError) as raised:
            take(status, perplexity_error(status, kind), paginator=walk_of(PERPLEXITY, "credit_usage"))
        assert type(raised.value) is error
        assert "perplexity credit_usage" in str(raised.value)

    def test_fastapi_errors_are_parsed(self) -> None:
        body = {
            "detail": [{"loc": ["query", "limit"], "msg": "Input should be a valid integer", "type": "int_parsing"}]
        }
        with pytest.raises(InvalidRequestError, match="valid integer"):
            take(422, body, paginator=walk_of(PERPLEXITY, "credit_usage"))

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_an_error(self, status: int) -> None:
        with pytest.raises(InvalidRequestError, match="never followed"):
            take(status, headers={"location": "https://elsewhere.example"})

    @pytest.mark.parametrize("status", [401, 403])
    def test_an_html_error_page_is_not_an_error_of_the_api(self, status: int) -> None:
        with pytest.raises(VendorUnavailableError, match="an HTML page: a proxy or a challenge"):
            take(status, b"<html>Access denied</html>")

    @pytest.mark.parametrize("status", [203, 408, 421, 425])
    def test_what_a_retry_can_fix_is_retried(self, status: int) -> None:
        with pytest.raises(VendorUnavailableError):
            take(status, {"error": {"message": "later"}})

    @pytest.mark.parametrize("dataset", ["usage", "cost"])
    def test_hipaa_readiness_names_the_reports_that_serve(self, dataset: str) -> None:
        """Claude contract section 9."""
        message = "This endpoint is not available for organizations with HIPAA readiness."
        with pytest.raises(FeatureDisabledError, match="usage_report, cost_report, user_usage_report"):
            take(400, claude_error("invalid_request_error", message), paginator=walk_of(CLAUDE_ENTERPRISE, dataset))

    @pytest.mark.parametrize("status", [201, 204, 206, 402, 405, 418, 451])
    def test_an_unknown_status_is_an_error(self, status: int) -> None:
        with pytest.raises(AIAnalyticsError):
            take(status, b'{"data":[]}')

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\xff\xfe",
            b'{"error":"nope"}',
            b'{"error":{"message":null}}',
            b'{"error":{"message":"\xff"}}',
            b"[]",
            b"null",
            b'{"detail":"\xff"}',
            b"[" * 100_000,
        ],
        ids=lambda body: repr(body[:30]),
    )
    @pytest.mark.parametrize(("status", "error"), [(500, VendorUnavailableError), (401, AuthenticationError)])
    def test_an_error_with_an_unexpected_body_keeps_its_type(
        self, body: bytes, status: int, error: type[AIAnalyticsError]
    ) -> None:
        with pytest.raises(error, match=str(status)):
            take(status, body)

    def test_a_message_of_null_leaves_the_type(self) -> None:
        body = {"error": {"type": "feature_disabled", "message": None}}
        with pytest.raises(FeatureDisabledError):
            take(404, body, paginator=walk_of(PERPLEXITY, "credit_usage"))

    @given(st.integers(100, 599).filter(lambda status: status != 200), st.binary(max_size=40))
    def test_only_a_200_is_a_page(self, status: int, body: bytes) -> None:
        with pytest.raises(AIAnalyticsError):
            take(status, body)

    def test_permanent_errors_fail_the_task(self) -> None:
        from airflow.providers.common.compat.sdk import AirflowFailException

        for status, is_transient in ((400, False), (401, False), (403, False), (404, False), (429, True), (500, True)):
            with pytest.raises(AIAnalyticsError) as raised:
                take(status, claude_error("x", "y"))
            assert isinstance(raised.value, AirflowFailException) is not is_transient


class TestMessages:
    def test_email_addresses_are_masked(self) -> None:
        with pytest.raises(InvalidRequestError) as raised:
            take(400, claude_error("invalid_request_error", "unknown users jane.doe+x@example.com, <bob@corp.example>"))
        assert "@" not in str(raised.value)
        assert "jane" not in str(raised.value)

    def test_email_addresses_in_fastapi_errors_are_masked(self) -> None:
        body = {"detail": [{"loc": ["query", "user_email"], "input": "jane@example.com"}]}
        with pytest.raises(InvalidRequestError) as raised:
            take(422, body, paginator=walk_of(PERPLEXITY, "credit_usage"))
        assert "jane" not in str(raised.value)

    def test_a_truncated_email_address_is_masked(self) -> None:
        with pytest.raises(InvalidRequestError) as raised:
            take(400, claude_error("invalid_request_error", "x" * 495 + " jane@example.com"))
        assert "jane" not in str(raised.value)

    def test_a_long_message_is_truncated(self) -> None:
        with pytest.raises(InvalidRequestError) as raised:
            take(400, claude_error("invalid_request_error", "word " * 10_000))
        assert len(str(raised.value)) < 1500

    def test_line_breaks_do_not_forge_log_lines(self) -> None:
        with pytest.raises(InvalidRequestError) as raised:
            take(400, claude_error("invalid_request_error", "one\n[2026-11-22] INFO two"))
        assert "\n" not in str(raised.value)


class TestTooRecent:
    @pytest.mark.parametrize(
        ("message", "latest"),
        [
            ("date must be at least 3 days ago to ensure accuracy of data", None),
            ("date must be on or before 2026-11-19", date(2026, 11, 19)),
            ("Data for 2026-11-21 is not yet available. The latest available date is 2026-11-20.", date(2026, 11, 20)),
            ("latest available day: 2026-11-20", date(2026, 11, 20)),
            ("date: 2026-11-21 is too recent (2026-11-19T00:00:00Z)", date(2026, 11, 19)),
            ("2026-11-21 is not available", None),
            ("No data between 2026-01-01 and 2026-11-21; the latest day is 2026-11-18", date(2026, 11, 18)),
        ],
    )
    def test_a_400_that_means_not_yet(self, message: str, latest: date | None) -> None:
        with pytest.raises(NotYetAvailableError) as raised:
            take(400, claude_error("invalid_request_error", message))
        assert raised.value.latest == latest

    @pytest.mark.parametrize(
        "message",
        [
            "limit: must be between 1 and 1000, inclusive. Got 1500.",
            "group_by[]: unsupported value 'actor'",
            "date must be 2026-01-01 or later",
            "filter[]: dimension 'product' is not available for this endpoint",
            "unknown parameter starting_date, use date=2026-11-21",
            "request dated 9999-99-99 is malformed",
        ],
    )
    def test_another_400_is_an_invalid_request(self, message: str) -> None:
        """With on_unavailable="wait", an invalid request that looks like "not yet" would be waited for forever."""
        with pytest.raises(InvalidRequestError):
            take(400, claude_error("invalid_request_error", message))

    @pytest.mark.parametrize(("vendor", "dataset"), [(CLAUDE_ENTERPRISE, "cost_report"), (PERPLEXITY, "skills")])
    def test_only_aggregated_datasets_have_unavailable_days(self, vendor: Vendor, dataset: str) -> None:
        body = claude_error("invalid_request_error", "the latest available day is 2026-11-19")
        with pytest.raises(InvalidRequestError):
            take(400, body, paginator=walk_of(vendor, dataset))


class TestCursors:
    @pytest.mark.parametrize(
        "message",
        [
            "cursor does not match current query parameters",
            "Invalid page.",
            "Invalid pagination token.",
            "next_page token does not match query parameters",
            "limit is wrong",
            "The export of 2026-11-20 is not available any more; the latest is 2026-11-21",
            "",
        ],
    )
    def test_a_400_on_a_later_page_restarts(self, message: str) -> None:
        """Page one was answered with the same parameters, so that the cursor alone can be wrong; no wording counts."""
        with pytest.raises(CursorExpiredError, match=message or "400"):
            take(400, claude_error("invalid_request_error", message), paginator=walk_of(cursor="c"))
        with pytest.raises(AIAnalyticsError) as raised:
            take(400, claude_error("invalid_request_error", message), paginator=walk_of())
        assert not isinstance(raised.value, CursorExpiredError)

    def test_perplexitys_misused_cursor(self) -> None:
        body = perplexity_error(400, "invalid_request", "Invalid pagination token.")
        with pytest.raises(CursorExpiredError):
            take(400, body, paginator=walk_of(PERPLEXITY, "skills", cursor="c"))


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            ("7", 7.0),
            (" 7 ", 7.0),
            ("0", 0.0),
            ("1.5", 1.5),
            ("-3", 0.0),
            ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
            ("Sun, 22 Nov 2026 14:00:30 +0200", 30.0),
            ("Sun, 22 Nov 2026 11:59:00 GMT", 0.0),
            ("", None),
            ("soon", None),
            ("nan", None),
            ("1 minute", None),
        ],
    )
    def test_seconds_or_a_date(self, value: str, seconds: float | None) -> None:
        assert retry_after({"retry-after": value}, now=NOW) == seconds

    def test_without_the_header_it_is_none(self) -> None:
        assert retry_after({}, now=NOW) is None

    @pytest.mark.parametrize(
        "value",
        [
            "Sun, 22 Nov 2026 12:00:30",
            "Sun, 22 Nov 2026 12:00:30 -0000",
            "Sun, 22 Nov 99999999999 12:00:30 GMT",
            "inf",
            "1e400",
        ],
    )
    def test_an_odd_value_is_a_number_of_seconds_or_nothing(self, value: str) -> None:
        with pytest.raises(RateLimitedError) as raised:
            take(429, headers={"retry-after": value})
        wait = raised.value.retry_after
        assert wait is None or timedelta(seconds=wait) >= timedelta(0)

    @given(st.text(max_size=40))
    def test_any_text_is_accepted_or_rejected(self, value: str) -> None:
        wait = retry_after({"retry-after": value}, now=NOW)
        assert wait is None or 0 <= wait <= 86400

    @pytest.mark.parametrize("value", ["86401", "400000000", "1e12", "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_a_wait_is_at_most_a_day(self, value: str) -> None:
        assert retry_after({"retry-after": value}, now=NOW) == 86400

    @pytest.mark.parametrize(("status", "error"), [(429, RateLimitedError), (503, VendorUnavailableError)])
    def test_the_error_carries_it(self, status: int, error: type[AIAnalyticsError]) -> None:
        with pytest.raises(error) as raised:
            take(status, headers={"retry-after": "17"})
        assert vars(raised.value)["retry_after"] == 17.0


class TestPages:
    def test_a_page_as_sent(self) -> None:
        body = (
            b'{"organization_id":"org_1","data":[{"a":1.0},{"b":[2]}],"has_more":true,"next_page":"c",'
            b'"data_refreshed_at":"2026-11-22T08:00:00Z","new":{"data":[1]}}'
        )
        paginator = walk_of()
        paginator.requests = 3
        page = take(200, body, paginator=paginator)
        assert [bytes(item) for item in page.items] == [b'{"a":1.0}', b'{"b":[2]}']
        assert page.body == body
        assert (page.next_cursor, page.has_more) == ("c", True)
        assert (page.data_refreshed_at, page.organization_id) == ("2026-11-22T08:00:00Z", "org_1")
        assert (page.number, page.requests, page.window) == (1, 3, paginator.window)

    def test_engagement_pages_have_fewer_fields(self) -> None:
        page = take(200, b'{"data":[],"next_page":null}')
        assert page.items == []
        assert page.next_cursor is None
        assert page.has_more is None
        assert page.data_refreshed_at is None

    def test_the_older_shape_of_summaries(self) -> None:
        page = take(
            200, b'{"summaries":[{"starting_at":"2026-11-21T00:00:00Z"}]}', paginator=walk_of(dataset="summaries")
        )
        assert [bytes(item) for item in page.items] == [b'{"starting_at":"2026-11-21T00:00:00Z"}']

    @pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
    def test_a_watermark_beyond_the_calendar_is_no_page(self, moment: str) -> None:
        with pytest.raises(MalformedResponseError, match="calendar"):
            take(200, b'{"data":[],"data_refreshed_at":"%s"}' % moment.encode())

    def test_a_null_watermark_is_none(self) -> None:
        body = b'{"data":[],"has_more":false,"next_page":null,"data_refreshed_at":null,"organization_id":null}'
        assert take(200, body).data_refreshed_at is None

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"null",
            b"[]",
            b'"data"',
            b"{}",
            b'{"data":null}',
            b'{"data":{}}',
            b'{"data":"rows"}',
            b'{"data":[],"has_more":"yes"}',
            b'{"data":[],"next_page":7}',
            b'{"data":[],"next_page":["c"]}',
            b'{"data":[{"a":1}',
            b'{"data":[{"a":1}]',
            b'{"data":[{"a":01}]}',
            b'{"data":[{"a":"x\ny"}]}',
            b'{"data":[]}{"data":[]}',
            b'{"data":[{"a":"\xff"}]}',
            b'{"data":[{"a":"\xed\xa0\x80"}]}',
            b"<html>It works!</html>",
            b"\xff\xfe{\x00}\x00",
            b'{"error":{"type":"api_error","message":"but 200"}}',
            b'{"data":[' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        ],
        ids=lambda body: repr(body[:40]),
    )
    def test_malformed_pages_are_errors(self, body: bytes) -> None:
        with pytest.raises(MalformedResponseError, match="claude_enterprise users"):
            take(200, body)

    @given(st.binary(max_size=60))
    def test_bytes_are_a_page_or_malformed(self, body: bytes) -> None:
        with pytest.raises(MalformedResponseError):
            take(200, body)

    def test_half_a_surrogate_pair_does_not_break_a_page(self) -> None:
        """Half a surrogate pair is valid JSON (RFC 8259, section 8.2) that no reader of the lake could take."""
        page = take(200, b'{"data":[{"skill_name":"cut \\ud83d, whole \\ud83d\\ude00, told \\\\ud83d"}]}')
        assert bytes(page.items[0]) == b'{"skill_name":"cut \\ufffd, whole \\ud83d\\ude00, told \\\\ud83d"}'


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-09-01T00:00:00Z", datetime(2026, 9, 1, tzinfo=UTC)),
        ("2026-09-01T00:00:00.123456Z", datetime(2026, 9, 1, 0, 0, 0, 123456, tzinfo=UTC)),
        ("2026-09-01T02:00:00+02:00", datetime(2026, 9, 1, tzinfo=UTC)),
        ("2026-09-01", datetime(2026, 9, 1, tzinfo=UTC)),
    ],
)
def test_timestamps_in_the_vendors_formats(text: str, moment: datetime) -> None:
    assert parse_timestamp(text) == moment


@pytest.mark.parametrize("text", ["2026-09-01T00:00:00", "today", "", "2026-13-01"])
def test_a_timestamp_without_a_zone_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_timestamp(text)
