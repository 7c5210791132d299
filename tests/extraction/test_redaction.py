# SPDX-License-Identifier: Apache-2.0
"""Text of a vendor in a message: one printable line of a bounded length that names nobody, whatever was sent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import AIAnalyticsError, MalformedResponseError
from airflow_provider_aianalytics.extraction.redaction import MAX_TEXT, foreign_text, hash_emails, mask_emails


@pytest.mark.parametrize(
    "written",
    [
        "jane.doe@example.com",
        "jane.doe%40example.com",
        "jane.doe%2540example.com",
        "jane.doe\\u0040example.com",
        "jane.doe\\\\u0040example.com",
        "jane.doe&#64;example.com",
        "jane.doe＠example.com",  # noqa: RUF001 - the letter is meant
        "user_email:jane.doe@example.com",
        "https://api.example.com/v1?filter=user_email:jane.doe%40example.com&limit=1",
        '{"email":"jane.doe@example.com"}',
        json.dumps('{"email":"jane.doe@example.com"}'),
        "<jane.doe@example.com>",
    ],
)
def test_addresses_are_masked_however_they_are_written(written: str) -> None:
    assert "jane" not in foreign_text(f"no member {written} of yours")
    assert foreign_text(f"no member {written} of yours").startswith("no member ")
    assert foreign_text(f"no member {written} of yours").endswith(" of yours")


def test_control_and_bidirectional_characters_are_shown() -> None:
    shown = foreign_text("a\x1b[31mred\u202etxt\x00\r\nnext\ud800 \u2028line")

    assert shown == r"a\x1b[31mred\u202etxt\x00 next\ud800 line"


def test_half_an_address_at_the_cut_is_left_out() -> None:
    text = "x@y.z " * 330 + "jane.doe" + "@example.com" * 1000

    assert "jane" not in foreign_text(text)


@given(st.text(max_size=3000))
def test_the_line_is_printable_and_short(text: str) -> None:
    line = foreign_text(text)

    assert line.isprintable()
    assert len(line) <= MAX_TEXT
    assert "@" not in line


HOSTILE = ["a", "a@", "@", "%25", "%", "\\", "\\u0040", "&#", " ", "a.b ", '"', "\u202e", "?", ":", "0"]


def least_seconds(work: Callable[[], object]) -> float:
    """The least CPU seconds of a few runs: other work on the machine makes any one of them dearer."""
    seconds = []
    for _ in range(5):
        started = time.thread_time()
        work()
        seconds.append(time.thread_time() - started)
    return min(seconds)


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_eight_megabytes_cost_less_than_50_ms(piece: str) -> None:
    text = piece * (8_000_000 // len(piece))

    assert least_seconds(lambda: foreign_text(text)) < 0.05


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_masking_is_linear(piece: str) -> None:
    text = piece * (200_000 // len(piece))

    assert least_seconds(lambda: mask_emails(text)) < 0.5


def test_a_digest_of_an_address_is_the_persons() -> None:
    assert hash_emails("user_email:Jane@Example.com") == hash_emails("user_email:jane@example.com")
    assert hash_emails("user_email:jane@example.com") != hash_emails("user_email:john@example.com")
    assert hash_emails(hash_emails("jane@example.com")) == hash_emails("jane@example.com")
    assert hash_emails("model:opus") == "model:opus"


def test_every_message_shows_what_would_be_obeyed() -> None:
    error = AIAnalyticsError("one\rtwo\x1b[0m", where="claude\u202e", hint="do\x07")

    assert str(error) == r"claude\u202e: one\rtwo\x1b[0m. do\x07"


def test_a_piece_of_an_answer_is_cut_and_masked() -> None:
    error = MalformedResponseError(f"not a time: jane@example.com {'9' * 9000}")

    assert "jane" not in str(error)
    assert len(str(error)) <= MAX_TEXT
