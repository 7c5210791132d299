# SPDX-License-Identifier: Apache-2.0
"""One lake with an October of both vendors, for tests that only read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.focus.lakes import DIMENSIONS, Lake, simulated_lake

CLAUDE = "claude_enterprise"


@pytest.fixture(scope="package")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Each format is there, in tables of both vendors."""
    with simulated_lake(str(tmp_path_factory.mktemp("lake"))) as lake:
        lake.land(CLAUDE, "cost_report", file_format="parquet")
        lake.land(CLAUDE, "cost_report", table="cost_by_model", group_by=["product", "model"])
        lake.land(CLAUDE, "cost_report", table="cost_by_token", group_by=[*DIMENSIONS, "cost_type", "token_type"])
        lake.land(
            CLAUDE,
            "usage_report",
            table="usage_by_model",
            group_by=list(DIMENSIONS),
            file_format="csv",
            compression="zstd",
        )
        lake.land(
            CLAUDE,
            "user_cost_report",
            table="cost_by_member",
            group_by=["product"],
            pseudonymize=("actor.user_id", "actor.email_address"),
        )
        lake.land(CLAUDE, "user_cost_report", table="named_cost_by_member", group_by=["product"])
        lake.land(CLAUDE, "cost", table="beta_cost", group_by=["product", "model"], file_format="parquet")
        lake.land("perplexity", "credit_usage", file_format="csv")
        lake.land("perplexity", "member_credit_usage")
        yield lake
