"""Which passwords may be chosen, what makes two the same, and that none is ever printed."""

from __future__ import annotations

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hedgerow_core.domain import Secret
from hedgerow_users.domain.common_passwords import common_words, is_common
from hedgerow_users.domain.password import MIN_LENGTH, Password, PasswordHash
from hedgerow_users.domain.proof_errors import UnsuitablePassword


@pytest.mark.parametrize("length", [0, 7, 129, 1000])
def test_a_password_outside_8_to_128_characters_is_refused(length: int) -> None:
    with pytest.raises(UnsuitablePassword) as refused:
        Password.chosen(Secret("x" * length), field="new_password")
    assert refused.value.field == "new_password"


@pytest.mark.parametrize(
    "text",
    [
        *("password", "Password1!", "p@$$w0rd", "iloveyou2", "Welcome2026!", "jordan23", "123password", "charlie1"),
        *("qwertyuiop", "1q2w3e4r", "zaq12wsx", "123qweasd", "qwer1234", "asdfghjkl", "йцукенгш", "!@#$%^&*"),
        *(
            "12345678",
            "987654321",
            "aa123456",
            "abcd1234",
            "11111111",
            "121212121",
            "abcabcabc",
            "passwordpassword",
        ),
        *("19851224", "24121985", "12241985"),
    ],
)
def test_what_is_tried_first_is_refused(text: str) -> None:
    with pytest.raises(UnsuitablePassword, match="among the first that are tried"):
        Password.chosen(Secret(text))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "correct horse battery staple",
            "Tr0ub4dor&3",
            "sunshine84729104",
            "my password is long",
            "99 Luftballons",
        ),
        *("ada-48291047-5610", "horse horse horse", "monday morning", "kjh72gfa", "q7pwz1kx"),
    ],
)
def test_what_is_not_is_left_alone(text: str) -> None:
    Password.chosen(Secret(text), owner=("ada@example.org", "Ada Lovelace"))


def test_three_thousand_and_more_of_what_leaks_begin_with_are_refused() -> None:
    """ASVS 5.0.0-6.2.4 counts those that are long enough."""
    ends = ("", "1", "12", "123", "!", "01", "2020", "69")
    tried = {word + end for word in common_words() for end in ends if len(word + end) >= MIN_LENGTH}
    assert len(tried) > 3_000
    assert all(map(is_common, tried))


@pytest.mark.parametrize(
    "text",
    [
        *("adalovelace", "Lovelace1815", "ada.lovelace!", "LovelaceAda", "ada@example.org", "countess"),
        *("Hedgerow1", "hedgerow-ada", "countess-ada-1815", "AdaAda-2026"),
    ],
)
def test_what_everybody_knows_of_its_owner_is_refused(text: str) -> None:
    owner = ("Countess@example.org", "Ada Lovelace")
    if text == "ada@example.org":
        owner = ("ada@example.org", "Ada Lovelace")
    with pytest.raises(UnsuitablePassword, match="not made of your name"):
        Password.chosen(Secret(text), owner=owner)
    if "hedgerow" not in text.lower():
        Password.chosen(Secret(text))  # nobody else's name


def test_the_longest_password_takes_no_time_to_be_refused() -> None:
    """It is looked at before its hash is made, on the event loop."""
    started = time.perf_counter()
    for text in ("qwe1" * 32, ("abcq" * 32)[:127] + "€", "p4ssw0rd" * 15 + "123456"):
        is_common(text)
    assert time.perf_counter() - started < 0.25


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["Lu", "Zs", "So", "Cc"]), min_size=8, max_size=40))
def test_any_characters_are_allowed(text: str) -> None:
    assume(not is_common(text))
    assert Password.chosen(Secret(text)) == Password.presented(Secret(text))


@pytest.mark.parametrize("length", [8, 128])
def test_the_bounds_belong_to_it(length: int) -> None:
    text = ("🌿 eight of them, or 128 " * 6)[:length]
    assert len(Password.chosen(Secret(text)).reveal()) == length


def test_an_accent_may_be_composed_or_not() -> None:
    assert Password.presented(Secret("caf\u00e9 au lait")) == Password.presented(Secret("cafe\u0301 au lait"))


def test_compatible_characters_stay_different() -> None:
    assert Password.presented(Secret("\ufb01sh and chips")) != Password.presented(Secret("fish and chips"))


@pytest.mark.parametrize("kind", [Password, PasswordHash])
def test_neither_password_nor_hash_is_printed(kind: type[Secret]) -> None:
    assert repr(kind("hunter2hunter2")) == str(kind("hunter2hunter2")) == "<hidden>"
