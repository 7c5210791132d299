# SPDX-License-Identifier: Apache-2.0
"""A period and its windows: together they are the period, each is legal, and there are as few as can be."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import chain, pairwise

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.windows import Period, Window, check_period, first_day, parse_day, plan
from airflow_provider_aianalytics.vendors.base import BUCKET_WIDTHS, DAY, Dataset
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

NOW = datetime(2026, 11, 22, 12, 34, 56, tzinfo=UTC)
CLAUDE = CLAUDE_ENTERPRISE.datasets
PPLX = PERPLEXITY.datasets
DATASETS = [*CLAUDE.values(), *PPLX.values()]
CUTS = [(dataset, width) for dataset in DATASETS for width in dataset.bucket_widths or (None,)]

cuts = st.sampled_from(CUTS)
every_cut = pytest.mark.parametrize(("dataset", "width"), CUTS, ids=lambda part: getattr(part, "name", part))
moments = st.datetimes(datetime(2026, 1, 3), datetime(2028, 1, 1), timezones=st.just(UTC))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), tzinfo=UTC)


@st.composite
def periods(draw: st.DrawFn, first: date = date(2026, 1, 1), last: date = date(2026, 11, 20)) -> Period:
    start = draw(st.dates(first, last))
    return Period(start, start + DAY * draw(st.integers(1, 400)))


class TestTiling:
    @given(cuts, periods())
    def test_windows_tile_an_old_period_in_the_fewest_requests(
        self, cut: tuple[Dataset, str | None], period: Period
    ) -> None:
        dataset, width = cut
        now = midnight(period.end) + timedelta(days=30)
        if (oldest := first_day(dataset, now=now)) is not None and period.start < oldest:
            period = Period(oldest, max(period.end, oldest + DAY))
        planned = plan(dataset, period, now=now, bucket_width=width)
        limit = dataset.window.limit(width)

        assert planned.unavailable == ()
        assert planned.windows[0].start == midnight(period.start)
        assert planned.windows[-1].end == midnight(period.end)
        assert all(one.end == other.start for one, other in pairwise(planned.windows))
        for window in planned.windows:
            assert window.start.time() == window.end.time() == time(0)
            assert timedelta(0) < window.end - window.start <= timedelta(days=limit)
        assert len(planned.windows) == -(-(period.end - period.start).days // limit)
        assert list(chain.from_iterable(window.days() for window in planned.windows)) == list(period.days())

    @every_cut
    def test_a_whole_backfill_takes_the_theoretical_minimum(self, dataset: Dataset, width: str | None) -> None:
        start = dataset.first_day or date(2026, 1, 1)
        end = date(2026, 11, 20)
        days, limit = (end - start).days, dataset.window.limit(width)
        assert len(plan(dataset, Period(start, end), now=NOW, bucket_width=width).windows) == -(-days // limit)

    @given(cuts, periods(), moments, st.booleans())
    def test_only_days_that_can_exist_are_requested_and_no_day_is_lost(
        self, cut: tuple[Dataset, str | None], period: Period, now: datetime, partial: bool
    ) -> None:
        dataset, width = cut
        if (oldest := first_day(dataset, now=now)) is not None and period.start < oldest:
            period = Period(oldest, max(period.end, oldest + DAY))
        planned = plan(dataset, period, now=now, bucket_width=width, partial=partial)

        requested = list(chain.from_iterable(window.days() for window in planned.windows))
        assert sorted([*requested, *planned.unavailable]) == list(period.days())
        assert all(window.end <= now for window in planned.windows)
        assert all(window.end > window.start for window in planned.windows)
        if not partial or dataset.availability.kind == "aggregated":
            assert all(dataset.availability.exists_from(day) <= now for day in requested)
            assert all(dataset.availability.exists_from(day) > now for day in planned.unavailable)
        else:
            step = BUCKET_WIDTHS[width or "1d"]
            for window in planned.windows:
                assert (window.end - midnight(window.end.date())) % step == timedelta(0)
            # A day is left out only where not one bucket of it is over.
            assert all(now < midnight(day) + step for day in planned.unavailable)


class TestAvailability:
    def test_engagement_exists_at_ten_the_next_day(self) -> None:
        period = Period.of(date(2026, 11, 21))
        before, at = datetime(2026, 11, 22, 9, 59, 59, tzinfo=UTC), datetime(2026, 11, 22, 10, tzinfo=UTC)
        assert plan(CLAUDE["users"], period, now=before).unavailable == (date(2026, 11, 21),)
        assert plan(CLAUDE["users"], period, now=before).windows == ()
        assert len(plan(CLAUDE["users"], period, now=at).windows) == 1

    def test_engagement_has_no_day_so_far(self) -> None:
        planned = plan(CLAUDE["users"], Period.of(date(2026, 11, 22)), now=NOW, partial=True)
        assert planned.windows == ()
        assert planned.unavailable == (date(2026, 11, 22),)

    @pytest.mark.parametrize(
        ("width", "end"),
        [
            ("1h", datetime(2026, 11, 22, 12, tzinfo=UTC)),
            ("1m", datetime(2026, 11, 22, 12, 34, tzinfo=UTC)),
        ],
    )
    def test_the_day_so_far_ends_with_its_last_whole_bucket(self, width: str, end: datetime) -> None:
        planned = plan(CLAUDE["cost_report"], Period.of(NOW.date()), now=NOW, bucket_width=width, partial=True)
        assert planned.windows == (Window(midnight(NOW.date()), end),)
        assert planned.unavailable == ()

    def test_the_day_so_far_of_minutes_is_a_window_of_its_own(self) -> None:
        planned = plan(
            CLAUDE["usage"], Period(date(2026, 11, 21), date(2026, 11, 23)), now=NOW, bucket_width="1m", partial=True
        )
        assert [list(window.days()) for window in planned.windows] == [[date(2026, 11, 21)], [date(2026, 11, 22)]]

    def test_the_future_is_never_requested(self) -> None:
        planned = plan(CLAUDE["cost_report"], Period.of(date(2026, 11, 23)), now=NOW, bucket_width="1m", partial=True)
        assert planned.windows == ()
        assert planned.unavailable == (date(2026, 11, 23),)

    def test_without_partial_today_is_unavailable(self) -> None:
        planned = plan(PPLX["credit_usage"], Period(date(2026, 11, 21), date(2026, 11, 23)), now=NOW)
        assert list(planned.windows[0].days()) == [date(2026, 11, 21)]
        assert planned.unavailable == (date(2026, 11, 22),)


class TestFirstDay:
    @pytest.mark.parametrize("dataset", list(CLAUDE.values()), ids=lambda dataset: dataset.name)
    def test_nothing_is_requested_before_the_first_day(self, dataset: Dataset) -> None:
        with pytest.raises(InvalidArgumentError, match="2026-01-01") as refusal:
            plan(dataset, Period(date(2025, 12, 31), date(2026, 1, 5)), now=NOW)
        assert dataset.name in str(refusal.value)
        check_period(dataset, Period.of(date(2026, 1, 1)))

    def test_reports_go_back_a_year_and_not_a_second_more(self) -> None:
        now = datetime(2027, 6, 15, 0, 0, 1, tzinfo=UTC)
        oldest = first_day(CLAUDE["cost_report"], now=now)
        assert oldest is not None
        assert now - midnight(oldest) <= timedelta(days=365)
        with pytest.raises(InvalidArgumentError, match=str(oldest)):
            plan(CLAUDE["cost_report"], Period.of(oldest - DAY), now=now)
        assert plan(CLAUDE["users"], Period.of(oldest - DAY), now=now).windows

    def test_perplexity_documents_no_first_day(self) -> None:
        assert first_day(PPLX["credit_usage"], now=NOW) is None
        assert plan(PPLX["credit_usage"], Period.of(date(2025, 5, 1)), now=NOW).windows


class TestPeriod:
    @given(st.dates(), st.dates())
    def test_an_empty_period_is_rejected(self, start: date, end: date) -> None:
        if start < end:
            assert (end - start).days == (Period(start, end).end - start).days
        else:
            with pytest.raises(InvalidArgumentError, match="is empty") as refusal:
                Period(start, end)
            assert start.isoformat() in str(refusal.value)

    def test_its_days_are_half_open(self) -> None:
        period = Period(date(2026, 2, 27), date(2026, 3, 2))
        assert list(period.days()) == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]
        assert list(Period.of(date(2026, 2, 28)).days()) == [date(2026, 2, 28)]


class TestAsDay:
    DAY = date(2026, 11, 1)

    @pytest.mark.parametrize(
        "value",
        [
            "2026-11-01",
            " 2026-11-01 ",
            "2026-11-01T00:00:00Z",
            "2026-11-01T00:00:00+00:00",
            "2026-11-01T02:00:00+02:00",
            "2026-10-31T19:00:00-05:00",
            date(2026, 11, 1),
            datetime(2026, 11, 1, tzinfo=UTC),
            datetime(2026, 11, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            pendulum.datetime(2026, 11, 1),
            pendulum.date(2026, 11, 1),
        ],
        ids=repr,
    )
    def test_every_form_of_a_utc_day_is_parsed(self, value: object) -> None:
        day = parse_day(value, name="start")
        assert day == self.DAY
        assert {day: "found"}[self.DAY] == "found"
        assert day.isoformat() == "2026-11-01"
        assert list(Period.of(day).days()) == [self.DAY]
        assert plan(CLAUDE["users"], Period.of(day), now=NOW) == plan(CLAUDE["users"], Period.of(self.DAY), now=NOW)

    @pytest.mark.parametrize(
        ("value", "why"),
        [
            (datetime(2026, 11, 1), "naive"),
            ("2026-11-01T00:00:00", "naive"),
            ("2026-11-01 00:00", "naive"),
            (datetime(2026, 11, 1, 5, tzinfo=UTC), "aligned"),
            ("2026-11-01T00:00:00+02:00", "aligned"),
            ("2026-11-01T00:00:00.000001Z", "aligned"),
            ("yesterday", "not a date"),
            ("2026-02-30", "not a date"),
            ("{{ ds }}", "not a date"),
            ("", "not a date"),
            (None, "not a date"),
            (20261101, "not a date"),
            (b"2026-11-01", "not a date"),
            ("None", "not a date"),
        ],
        ids=repr,
    )
    def test_anything_else_is_refused_by_name(self, value: object, why: str) -> None:
        with pytest.raises(InvalidArgumentError, match=why) as refusal:
            parse_day(value, name="end")
        assert str(refusal.value).startswith("end=")

    @given(st.text(max_size=30))
    def test_any_text_is_accepted_or_rejected(self, text: str) -> None:
        try:
            day = parse_day(text, name="start")
        except InvalidArgumentError:
            return
        assert type(day) is date

    @pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00"])
    def test_a_timestamp_beyond_the_calendar_is_rejected(self, text: str) -> None:
        with pytest.raises(InvalidArgumentError):
            parse_day(text, name="start")
