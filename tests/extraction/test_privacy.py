# SPDX-License-Identifier: Apache-2.0
"""What must not land does not, under none of its names, and what is hidden can still be joined."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import InvalidArgumentError
from airflow_provider_aianalytics.extraction.privacy import Privacy
from airflow_provider_aianalytics.extraction.records import Batch
from airflow_provider_aianalytics.vendors.claude_enterprise import CLAUDE_ENTERPRISE
from airflow_provider_aianalytics.vendors.perplexity import PERPLEXITY

USERS = CLAUDE_ENTERPRISE.dataset("users")
SECRET = "a secret for the tests alone"
DAY = date(2026, 11, 10)


def lines(privacy: Privacy, *records: str) -> list[Any]:
    batch = Batch(DAY, b'{"_date":"2026-11-10",', [msgspec.Raw(record.encode()) for record in records])
    return [json.loads(line) for line in b"".join(privacy.apply(batch).lines()).splitlines()]


def pseudonym(value: str) -> str:
    return hmac.new(SECRET.encode(), value.encode(), hashlib.sha256).hexdigest()


def test_a_field_is_dropped_under_all_its_names() -> None:
    privacy = Privacy(USERS, drop=("user.email_address",))

    assert lines(
        privacy,
        '{"user":{"id":"user_1","email_address":"jane@example.com","email":"jane@example.com"},"web_search_count":2}',
        '{"user":null}',
        "{}",
    ) == [
        {"_date": "2026-11-10", "user": {"id": "user_1"}, "web_search_count": 2},
        {"_date": "2026-11-10", "user": None},
        {"_date": "2026-11-10"},
    ]


def test_a_whole_block_can_be_dropped() -> None:
    assert lines(Privacy(USERS, drop=("user",)), '{"user":{"id":"user_1"},"web_search_count":2}') == [
        {"_date": "2026-11-10", "web_search_count": 2}
    ]


def test_a_pseudonym_is_the_same_in_every_dataset_and_null_stays_null() -> None:
    users = Privacy(USERS, pseudonymize=("user.email_address",), secret=SECRET)
    costs = Privacy(CLAUDE_ENTERPRISE.dataset("user_cost_report"), pseudonymize=("actor.email_address",), secret=SECRET)
    members = Privacy(PERPLEXITY.dataset("member_credit_usage"), pseudonymize=("user_email",), secret=SECRET)

    hidden = pseudonym("jané@example.com")
    assert lines(users, '{"user":{"email":"jan\\u00e9@example.com"}}')[0]["user"]["email"] == hidden
    assert lines(costs, '{"actor":{"email_address":"jané@example.com"}}')[0]["actor"]["email_address"] == hidden
    assert lines(members, '{"user_email":"jané@example.com","count":3}')[0]["user_email"] == hidden
    assert lines(costs, '{"actor":{"email_address":null}}')[0]["actor"]["email_address"] is None


@given(
    st.dictionaries(
        st.text(max_size=5),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)),
        max_size=5,
    )
)
def test_fields_that_are_not_named_keep_their_bytes(others: dict[str, Any]) -> None:
    others.pop("user", None)
    body = json.dumps(others, ensure_ascii=False, separators=(",", ":"))[1:-1]
    record = '{"amount":1.50,"user":{"email_address":"a@b.c"}' + (f",{body}" if body else "") + "}"
    batch = Batch(DAY, b'{"_date":"2026-11-10",', [msgspec.Raw(record.encode())])

    (changed,) = Privacy(USERS, drop=("user.email_address",)).apply(batch).records

    assert bytes(changed).decode() == record.replace('"email_address":"a@b.c"', "")


@pytest.mark.parametrize("name", ["user.mail", "email_address", "User.email_address", "_date", ""])
def test_an_unknown_field_name_is_rejected(name: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"user\.email_address"):
        Privacy(USERS, drop=(name,))
    with pytest.raises(InvalidArgumentError, match="list of dotted names"):
        Privacy(USERS, drop="user.email_address")  # type: ignore[arg-type]


def test_no_secret_is_an_error_and_the_secret_is_not_shown() -> None:
    with pytest.raises(InvalidArgumentError, match="pseudonym_secret"):
        Privacy(USERS, pseudonymize=("user.email_address",))
    assert SECRET not in repr(Privacy(USERS, pseudonymize=("user.email_address",), secret=SECRET))


def test_fields_with_the_day_or_the_measure_cannot_be_dropped() -> None:
    with pytest.raises(InvalidArgumentError, match="is the day of the row"):
        Privacy(CLAUDE_ENTERPRISE.dataset("cost_report"), drop=("starting_at",))
    with pytest.raises(InvalidArgumentError, match="'amount' is the amount that shows empty days"):
        Privacy(CLAUDE_ENTERPRISE.dataset("cost_report"), drop=("amount",))
    Privacy(CLAUDE_ENTERPRISE.dataset("cost_report"), drop=("list_amount",))


@pytest.mark.parametrize(
    "given",
    [["user.email_address"], {"user.email_address"}, {"user.email_address": 1}, iter(["user.email_address"])],
    ids=["list", "set", "dict", "iterator"],
)
def test_names_can_be_any_iterable(given: Any) -> None:
    privacy = Privacy(USERS, drop=given)

    assert lines(privacy, '{"user":{"email":"jane@example.com"}}') == [{"_date": "2026-11-10", "user": {}}]


def test_an_exhausted_iterator_is_rejected() -> None:
    names = iter(["user.email_address"])
    Privacy(USERS, drop=names)  # type: ignore[arg-type]

    with pytest.raises(InvalidArgumentError, match="drop_fields is an iterator with nothing left"):
        Privacy(USERS, drop=names)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [None, 3, [3], b"user"])
def test_a_value_that_is_not_a_list_of_names_is_rejected(given: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="list of dotted names"):
        Privacy(USERS, drop=given)


@pytest.mark.parametrize("written", ["Jane@Example.com", " jane@example.com ", "JANE@EXAMPLE.COM\\n"])
def test_one_person_has_one_pseudonym(written: str) -> None:
    privacy = Privacy(USERS, pseudonymize=("user.email_address",), secret=SECRET)

    (line,) = lines(privacy, f'{{"user":{{"email":"{written}"}}}}')

    assert line["user"]["email"] == pseudonym("jane@example.com")


def test_a_value_that_is_not_an_address_is_hashed_unchanged() -> None:
    privacy = Privacy(USERS, pseudonymize=("user.id",), secret=SECRET)

    assert lines(privacy, '{"user":{"id":"User_1"}}')[0]["user"]["id"] == pseudonym("User_1")
