"""How long a password may be, what makes two the same, and that none is ever printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow_core.domain import Secret
from hedgerow_users.domain.errors import UnsuitablePassword
from hedgerow_users.domain.password import Password, PasswordHash


@pytest.mark.parametrize("length", [0, 7, 129, 1000])
def test_a_password_outside_8_to_128_characters_is_refused(length: int) -> None:
    with pytest.raises(UnsuitablePassword) as refused:
        Password.chosen(Secret("x" * length), field="new_password")
    assert refused.value.field == "new_password"


@given(st.text(alphabet=st.characters(codec="utf-8", categories=["Lu", "Zs", "So", "Cc"]), min_size=8, max_size=40))
def test_any_characters_are_allowed(text: str) -> None:
    assert Password.chosen(Secret(text)) == Password.presented(Secret(text))


@pytest.mark.parametrize("length", [8, 128])
def test_the_bounds_belong_to_it(length: int) -> None:
    assert len(Password.chosen(Secret("🌿" * length)).reveal()) == length


def test_an_accent_may_be_composed_or_not() -> None:
    assert Password.presented(Secret("caf\u00e9 au lait")) == Password.presented(Secret("cafe\u0301 au lait"))


def test_compatible_characters_stay_different() -> None:
    assert Password.presented(Secret("\ufb01sh and chips")) != Password.presented(Secret("fish and chips"))


@pytest.mark.parametrize("kind", [Password, PasswordHash])
def test_neither_password_nor_hash_is_printed(kind: type[Secret]) -> None:
    assert repr(kind("hunter2hunter2")) == str(kind("hunter2hunter2")) == "<hidden>"
