# SPDX-License-Identifier: Apache-2.0
"""A row that comes twice is noticed, however it is written and wherever its key stands."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_aianalytics.extraction.window_check import RepeatedRows
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE

USERS = CLAUDE_ENTERPRISE.dataset("users")


def written(user: dict[str, str], *, count: int, first: str, style: str) -> bytes:
    """A row as a vendor may write it: its fields in some order, with spaces or letters as escapes."""
    fields: dict[str, Any] = {"web_search_count": count, "user": user}
    row = {name: fields[name] for name in sorted(fields, key=lambda name: name != first)}
    if style == "spaced":
        return json.dumps(row).encode()
    text = json.dumps(row, separators=(",", ":"))
    return text.replace("user_", "user\\u005f").encode() if style == "escaped" else text.encode()


ids = st.sampled_from(["user_a", "user_b", "user_c", "user_d", "user_long", 'user_"', "user_\\", "user_é"])
rows = st.builds(
    written,
    st.fixed_dictionaries({"id": ids}, optional={"email_address": st.sampled_from(["a@x.org", "b@x.org"])}),
    count=st.integers(0, 1),
    first=st.sampled_from(["user", "user", "user", "web_search_count"]),
    style=st.sampled_from(["compact", "compact", "compact", "spaced", "escaped"]),
)


@given(st.lists(st.lists(rows, max_size=4), max_size=4))
@example([[b'{"user":{"id":"user_a"}}', b'{"user":{"id":"user_ab"}}'], [b'{"user":{"id":"user_ab"}}']])
@example([[b'{"user":{"id":"user_a"}}', b'{"user":{"no":"user_b","id":"user_a"}}']])
@example([[b'{"user":{"id":"letters"}}', rb'{"user":{"id":"\u0061b"}}', rb'{"user":{"id":"a\u0062"}}']])
@example([[b'{"user":{"id":"ten letter"}}', b'{"user":{"id":"a","n":"bc"}}', b'{"user":{"id":"a","n":"bd"}}']])
@example([[b'{"user":{"id":"abc"}}', b'{"user":{"id":"a"}}', b'{"user":{"id":"a"},"web_search_count":1}']])
def test_it_notices_what_a_comparison_of_all_decoded_keys_notices(pages: list[list[bytes]]) -> None:
    repeated = RepeatedRows(USERS)
    before: list[str] = []
    for page in pages:
        keys = [json.loads(row)["user"]["id"] for row in page]
        is_repeat = len(set(keys)) < len(keys) or not set(before).isdisjoint(keys)
        assert repeated.add_page([msgspec.Raw(row) for row in page]) == is_repeat
        before = keys or before
