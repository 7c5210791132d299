# SPDX-License-Identifier: Apache-2.0
"""Text of a vendor in a message: one printable line of a bounded length that names nobody, whatever was sent."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_aianalytics.exceptions import AIAnalyticsError, MalformedResponseError
from airflow_provider_aianalytics.extraction.redaction import MAX_TEXT, foreign_text, hash_emails, mask_emails
from tests.support import growth


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
        "jane.o'neil@example.com",
        '"jane doe"@example.com',
        '\\"jane, doe\\"@example.com',
        "jane/doe=x@example.com",
        "{jane}|doe@example.com",
        "jane(at work)@example.com",
        "jane @ example.com",
        "jane\u2028@example.com",
        "jane\u200b@example.com",
        "jane@[192.0.2.1]",
        "jane.o\\u0027neil@example.com",
        "jane.o%27neil%40example.com",
        "jane.o&#39;neil@example.com",
        "jane\\@example.com",
        "jane%25%34%30example.com",
        "jane%25252540example.com",
        "jane%EF%BC%A0example.com",
        "jane%25EF%25BC%25A0example.com",
        "jane\\uff20example.com",
        "jane%u0040example.com",
        "jane=40example.com",
        "jane=3D40example=2Ecom",
        "jane&commat;example.com",
        "jane&amp;amp;commat;example.com",
        "jane&amp;#x40;example.com",
        "jane&#38;#64;example.com",
        "jane&#0000064;example.com",
        "jane&#65312;example.com",
        "jane\\x40example.com",
        "jane\\100example.com",
        "jane\\u{40}example.com",
        "jane\\U00000040example.com",
        "jane\U000e0040example.com",
        "jane+AEA-example.com",
    ],
)
def test_addresses_are_masked_however_they_are_written(written: str) -> None:
    assert "jane" not in foreign_text(f"no member {written} of yours")
    assert foreign_text(f"no member {written} of yours").startswith("no member ")
    assert foreign_text(f"no member {written} of yours").endswith(" of yours")


def test_words_without_an_address_stay() -> None:
    text = 'requests_per_minute=40, page=400&x=%20 {"type":"error","code":5} 100% C:\\new &amp; #64 a=b;c'

    assert foreign_text(text) == text
    assert foreign_text('{"type":"error","who":"jane@example.com","code":5}') == (
        '{"type":"error","who":"<e-mail>","code":5}'
    )


ATEXT = "abcxyz019!#$%&'*+/=?^_`{|}~-."
ENCODINGS: list[Callable[[str], str]] = [
    str,
    quote,
    html.escape,
    lambda text: quote(text, safe=""),
    lambda text: "".join(f"&#{ord(char)};" if not char.isalnum() else char for char in text),
    lambda text: "".join(f"&#x{ord(char):x};" if not char.isalnum() else char for char in text),
    lambda text: "".join(f"\\u{ord(char):04x}" if not char.isalnum() else char for char in text),
    lambda text: json.dumps(text)[1:-1],
    lambda text: text.replace("@", "\uff20"),
    lambda text: text.replace("@", "%u0040"),
    lambda text: text.replace("=", "=3D").replace("@", "=40"),
    lambda text: text.replace("@", "&commat;"),
    str.upper,
]
names = st.tuples(st.text(ATEXT, max_size=8), st.text(ATEXT, max_size=8)).map("jane".join)
quoted = st.tuples(st.text(ATEXT + " ,:;<>()[]@", max_size=8), st.text(ATEXT + " ,:;<>()[]@", max_size=8))
addresses = st.one_of(names, quoted.map(lambda ends: f'"{ends[0]}jane{ends[1]}"'))
encodings = st.lists(st.sampled_from(ENCODINGS), max_size=2)


@given(address=addresses, encoded=encodings, around=st.sampled_from(["{}", "<{}>", "member:{}, {}", "({}) {}", '"{}"']))
def test_no_generated_address_is_shown(address: str, encoded: list[Callable[[str], str]], around: str) -> None:
    written = f"{address}@example.com"
    for encode in encoded:
        written = encode(written)

    shown = foreign_text(f"no {around.format(written, written)} here").lower()

    assert "jane" not in shown
    assert shown.startswith("no ") or '"' in address
    assert shown.endswith(" here")


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
HOSTILE += ["@ ", '"@', '"a b"@ ', "%25%34", "&amp;", "&#0", "=40a.", "jane\uff20", ") @("]


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_a_text_of_any_length_costs_the_same(piece: str) -> None:
    short, long = (piece * (size // len(piece)) for size in (8_000, 8_000_000))

    assert growth(lambda: foreign_text(short), lambda: foreign_text(long), runs=5) < 10


@pytest.mark.parametrize("piece", HOSTILE, ids=repr)
def test_masking_is_linear(piece: str) -> None:
    short, long = (piece * (size // len(piece)) for size in (20_000, 200_000))

    assert growth(lambda: mask_emails(short), lambda: mask_emails(long)) < 30


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
