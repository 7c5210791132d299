# SPDX-License-Identifier: Apache-2.0
"""An author's options, checked against the catalogue and formatted as the vendor's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.query import Query, build_query
from airflow_provider_aianalytics.extraction.windows import Window
from airflow_provider_aianalytics.vendors.base import Dataset
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

CLAUDE = CLAUDE_ENTERPRISE.datasets
PPLX = PERPLEXITY.datasets
DAY = Window(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 2, tzinfo=UTC))
MONTH = Window(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
MORNING = Window(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 1, 7, tzinfo=UTC))


def refusal(dataset: Dataset, **options: Any) -> str:
    with pytest.raises(InvalidArgumentError) as caught:
        build_query(dataset, **options)
    return str(caught.value)


def sent(query: Query, window: Window) -> list[tuple[str, str]]:
    return list(query.parameters(window))


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "options", "value", "allowed"),
        [
            ("cost_report", {"group_by": ["actor"]}, "actor", "model"),
            ("usage_report", {"group_by": ["model", "token_type"]}, "token_type", "product"),
            ("usage_report", {"group_by": ["Model"]}, "Model", "model"),
            ("users", {"group_by": ["product"]}, "product", "rbac_group_id"),
            ("users", {"filters": {"product": "chat"}}, "product", "user_id"),
            ("cost_report", {"filters": {"exclude_deleted_users": True}}, "exclude_deleted_users", "models"),
            ("cost_report", {"filters": {"model": "claude-opus-4-6"}}, "model", "models"),
            ("cost_report", {"filters": {"speeds": ["fast", "slow"]}}, "slow", "standard"),
            ("plugins", {"filters": {"product": "chat"}}, "chat", "cowork"),
            ("cost_report", {"bucket_width": "1w"}, "1w", "1h"),
            ("usage", {"bucket_width": "1D"}, "1D", "1d"),
        ],
    )
    def test_they_name_the_dataset_the_value_and_the_allowed_values(
        self, name: str, options: Mapping[str, Any], value: str, allowed: str
    ) -> None:
        message = refusal(CLAUDE[name], **options)
        assert f"claude_enterprise {name}" in message
        assert repr(value) in message
        assert allowed in message.partition("allowed:")[2]

    def test_a_cut_that_hides_how_many_groups_it_has(self) -> None:
        assert "add 'cost_type'" in refusal(CLAUDE["cost_report"], group_by=["model", "token_type"])
        assert build_query(CLAUDE["cost_report"], group_by=["token_type"])
        assert build_query(CLAUDE["user_cost_report"], group_by=["model", "token_type"])

    @pytest.mark.parametrize(
        ("dataset", "options"),
        [
            (CLAUDE["summaries"], {"group_by": ["rbac_group_id"]}),
            (CLAUDE["users"], {"bucket_width": "1d"}),
            (PPLX["credit_usage"], {"group_by": ["user_email"]}),
            (PPLX["member_credit_usage"], {"filters": {"user_email": "a@example.com"}}),
            (PPLX["member_credit_usage"], {"bucket_width": "1h"}),
        ],
    )
    def test_they_name_an_option_that_the_dataset_does_not_have(
        self, dataset: Dataset, options: Mapping[str, Any]
    ) -> None:
        assert "takes none" in refusal(dataset, **options)

    def test_perplexity_has_no_minutes(self) -> None:
        assert "1d, 1h" in refusal(PPLX["connectors"], bucket_width="1m")

    def test_a_string_is_not_treated_as_a_list_of_letters(self) -> None:
        assert "'model'" in refusal(CLAUDE["cost_report"], group_by="model")

    def test_a_hundred_entries_are_allowed_and_no_more(self) -> None:
        ids = [f"user_{number}" for number in range(101)]
        assert len(sent(build_query(CLAUDE["cost_report"], filters={"user_ids": ids[:100]}), DAY)) == 104
        message = refusal(CLAUDE["cost_report"], filters={"user_ids": ids})
        assert "user_ids" in message
        assert "100" in message
        assert "101" in message

    def test_the_hundred_entries_of_filter_are_shared_by_its_dimensions(self) -> None:
        """Contract sections 2 and 7.0: ``filter[]`` is one list parameter of at most 100 entries."""
        filters = {
            "user_id": [f"user_{number}" for number in range(60)],
            "rbac_group_id": [f"rbac_group_{number}" for number in range(60)],
        }
        assert "100" in refusal(CLAUDE["skills"], filters=filters)

    def test_an_empty_list_is_no_filter(self) -> None:
        assert "0 were given" in refusal(CLAUDE["cost_report"], filters={"models": []})

    def test_a_flag_takes_one_value(self) -> None:
        options = {"group_by": ["actor"], "filters": {"exclude_deleted_users": ["true", "false"]}}
        assert "exclude_deleted_users" in refusal(CLAUDE["usage"], **options)

    @pytest.mark.parametrize("value", [7, None, [7], [None], {"a": "b"}, [["nested"]]], ids=repr)
    def test_a_value_that_is_not_a_string_is_rejected(self, value: object) -> None:
        """What is not text cannot be sent, and a manifest that recorded it could not be read again."""
        assert "user_ids" in refusal(CLAUDE["cost_report"], filters={"user_ids": value})

    @pytest.mark.parametrize("value", [7, [7], [None]], ids=repr)
    def test_a_group_by_that_is_not_a_list_of_strings_is_rejected(self, value: object) -> None:
        assert "group_by" in refusal(CLAUDE["cost_report"], group_by=value)


class TestGroups:
    FIVE = ("actor", "model", "product", "speed", "workspace_id")

    def test_six_are_one_too_many(self) -> None:
        message = refusal(CLAUDE["cost"], group_by=[*self.FIVE, "service_tier"])
        assert "at most 5" in message
        assert "6 were given" in message
        assert "service_tier" in message

    def test_cost_type_and_token_type_do_not_count(self) -> None:
        query = build_query(CLAUDE["cost"], group_by=[*self.FIVE, "cost_type", "token_type"])
        assert set(query.group_by) == {*self.FIVE, "cost_type", "token_type"}

    def test_usage_has_no_uncounted_ones(self) -> None:
        assert "'cost_type'" in refusal(CLAUDE["usage"], group_by=["cost_type"])

    def test_a_repeated_dimension_is_sent_once(self) -> None:
        query = build_query(CLAUDE["cost_report"], group_by=["model", "model"])
        assert [value for name, value in query.options() if name == "group_by[]"] == ["model"]

    def test_the_order_of_options_does_not_change_the_query(self) -> None:
        one = build_query(
            CLAUDE["cost_report"], group_by=["model", "product"], filters={"speeds": "fast", "models": ["m", "n"]}
        )
        other = build_query(
            CLAUDE["cost_report"], group_by=("product", "model"), filters={"models": ["n", "m"], "speeds": ["fast"]}
        )
        assert one == other
        assert sent(one, DAY) == sent(other, DAY)


class TestCombinations:
    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("users", {"filters": {"project_id": "p"}, "group_by": ["rbac_group_id"]}),
            ("users", {"filters": {"project_id": "p", "rbac_group_id": "g"}}),
            ("usage_report", {"group_by": ["claude_tag_user_id", "rbac_group_id"]}),
            ("cost", {"group_by": ["claude_tag_user_id"], "filters": {"rbac_group_ids": "g"}}),
        ],
    )
    def test_options_that_the_vendor_does_not_combine_are_rejected(self, name: str, options: Mapping[str, Any]) -> None:
        assert "cannot be combined" in refusal(CLAUDE[name], **options)

    def test_an_option_that_needs_another_names_it(self) -> None:
        message = refusal(CLAUDE["usage"], filters={"exclude_deleted_users": True})
        assert "exclude_deleted_users" in message
        assert "actor" in message
        query = build_query(CLAUDE["usage"], filters={"exclude_deleted_users": True}, group_by=["actor"])
        assert ("exclude_deleted_users", "true") in sent(query, DAY)

    def test_reports_by_member_need_no_other_option_for_the_flag(self) -> None:
        query = build_query(CLAUDE["user_cost_report"], filters={"exclude_deleted_users": False})
        assert ("exclude_deleted_users", "false") in sent(query, DAY)

    def test_the_default_query_is_recognized(self) -> None:
        assert build_query(CLAUDE["cost_report"]).is_default
        assert build_query(CLAUDE["cost_report"], bucket_width="1d").is_default
        assert build_query(CLAUDE["users"]).is_default
        assert not build_query(CLAUDE["cost_report"], bucket_width="1h").is_default
        assert not build_query(CLAUDE["cost_report"], group_by=["model"]).is_default
        assert not build_query(CLAUDE["users"], filters={"user_id": "u"}).is_default


class TestSpelling:
    def test_one_day_of_a_snapshot(self) -> None:
        assert sent(build_query(CLAUDE["users"]), DAY) == [("date", "2026-09-01"), ("limit", "1000")]

    def test_dimension_and_value_in_one_parameter(self) -> None:
        query = build_query(
            CLAUDE["artifacts"], group_by=["user_id"], filters={"is_shared": True, "artifact_type": ["other", "a:b"]}
        )
        assert sorted(sent(query, DAY)) == sorted(
            [
                ("group_by[]", "user_id"),
                ("filter[]", "artifact_type:other"),
                ("filter[]", "artifact_type:a:b"),
                ("filter[]", "is_shared:true"),
                ("date", "2026-09-01"),
                ("limit", "1000"),
            ]
        )

    def test_a_range_of_summaries(self) -> None:
        assert sent(build_query(CLAUDE["summaries"], filters={"rbac_group_id": "g"}), MONTH) == [
            ("filter[]", "rbac_group_id:g"),
            ("starting_date", "2026-09-01"),
            ("ending_date", "2026-10-01"),
            ("limit", "1000"),
        ]

    def test_lists_have_brackets_and_timestamps_have_a_zone(self) -> None:
        query = build_query(
            CLAUDE["cost_report"],
            bucket_width="1h",
            group_by=["model"],
            filters={"models": ["m", "n"], "speeds": "fast"},
        )
        assert sent(query, MORNING) == [
            ("bucket_width", "1h"),
            ("group_by[]", "model"),
            ("models[]", "m"),
            ("models[]", "n"),
            ("speeds[]", "fast"),
            ("starting_at", "2026-09-01T00:00:00Z"),
            ("ending_at", "2026-09-01T07:00:00Z"),
            ("limit", "168"),
        ]

    @pytest.mark.parametrize(
        ("name", "width", "limit"),
        [
            ("cost_report", "1d", "31"),
            ("cost_report", "1h", "168"),
            ("usage_report", "1m", "256"),
            ("user_cost_report", "1d", "1000"),
            ("user_usage_report", "1m", "1000"),
            ("usage", "1m", "1000"),
        ],
    )
    def test_the_largest_page(self, name: str, width: str, limit: str) -> None:
        assert dict(sent(build_query(CLAUDE[name], bucket_width=width), DAY))["limit"] == limit

    def test_a_bucket_width_is_always_sent_so_that_rows_have_their_day(self) -> None:
        """Contract section 8.1: rows of the members' reports have no bounds without a width."""
        for name in ("user_usage_report", "user_cost_report", "usage_report", "cost_report"):
            assert ("bucket_width", "1d") in sent(build_query(CLAUDE[name]), DAY)
        for name in ("usage", "cost"):
            parameters = sent(build_query(CLAUDE[name]), DAY)
            assert ("time_bucket_width", "1d") in parameters
            assert "bucket_width" not in dict(parameters)

    def test_the_beta_reports_come_in_time_order(self) -> None:
        parameters = sent(build_query(CLAUDE["cost"]), DAY)
        assert ("order_by", "time") in parameters
        assert ("order", "asc") in parameters

    def test_an_empty_filter_value_is_allowed(self) -> None:
        """Contract section 2: ``api_key_ids[]=`` stands for usage without a key."""
        assert ("api_key_ids[]", "") in sent(build_query(CLAUDE["usage"], filters={"api_key_ids": [""]}), DAY)

    def test_perplexity_seconds(self) -> None:
        query = build_query(PPLX["credit_usage"], bucket_width="1h", filters={"user_email": "a@example.com"})
        assert sent(query, MORNING) == [
            ("dataset", "credit_usage"),
            ("bucket_width", "1h"),
            ("user_email", "a@example.com"),
            ("start_time", "1788220800"),
            ("end_time", "1788246000"),
            ("limit", "168"),
        ]

    def test_perplexity_members(self) -> None:
        assert sent(build_query(PPLX["member_query_volume"]), DAY) == [
            ("dataset", "query_volume"),
            ("group_by", "user_email"),
            ("start_time", "1788220800"),
            ("end_time", "1788307200"),
            ("limit", "100"),
        ]

    def test_a_probe_sends_the_same_query_with_a_small_limit(self) -> None:
        query = build_query(CLAUDE["cost_report"], group_by=["model"])
        whole, probe = sent(query, DAY), list(query.parameters(DAY, limit=1))
        assert whole[:-1] == probe[:-1]
        assert probe[-1] == ("limit", "1")
