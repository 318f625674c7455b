"""What people may tell about themselves."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow_users.domain.account_errors import UnsuitableProfile
from hedgerow_users.domain.profile import Profile


def nested(levels: int) -> dict[str, object]:
    value: dict[str, object] = {}
    for _ in range(levels - 1):
        value = {"x": value}
    return value


@pytest.mark.parametrize(
    "fields",
    [
        {"phone": "112"},
        {"phone": "+44 (0)20 7946-0000"},
        {"phone": "(030) 123 45"},
        {"address": "12 St James's Square\nLondon\nSW1Y"},
        {"birthday": date(1900, 1, 1)},
        {"photo_url": "https://example.org:8443/a/b.jpg?x=1#y"},
        {"metadata": {"theme": "dark", "n": [1, 2.5, None, True]}},
        {"metadata": nested(5)},
        {"metadata": {"x": "y" * (8 * 1024 - 8)}},
        {"metadata": {"shown": r"\u0000"}},
    ],
)
def test_what_is_suitable_is_kept(fields: dict[str, Any]) -> None:
    ((field, value),) = fields.items()
    assert getattr(Profile(**fields), field) == value


@pytest.mark.parametrize(
    "fields",
    [
        {"phone": ""},
        {"phone": "12"},
        {"phone": "call me"},
        {"phone": "1" * 33},
        {"phone": "123\n"},
        {"address": ""},
        {"address": " \n"},
        {"address": "x" * 501},
        {"address": "a\x00b"},
        {"address": "a\ud800b"},
        {"birthday": date(1899, 12, 31)},
        {"photo_url": "http://example.org/a.jpg"},
        {"photo_url": "javascript:alert(1)"},
        {"photo_url": "https://"},
        {"photo_url": "https://example.org@evil.example/a.jpg"},
        {"photo_url": "https://example.org/a b"},
        {"photo_url": 'https://example.org/"><script>'},
        {"photo_url": "https://[::1/a.jpg"},
        {"photo_url": "https://example.org/" + "x" * 2048},
        {"metadata": nested(6)},
        {"metadata": {"x": [[[[[]]]]]}},
        {"metadata": {"x": "y" * (8 * 1024 - 7)}},
        {"metadata": {"x": "\x00"}},
        {"metadata": {"\x00": 1}},
        {"metadata": {"x": "\ud800"}},
        {"metadata": {"x": math.nan}},
        {"metadata": {"x": math.inf}},
    ],
)
def test_what_is_not_is_named(fields: dict[str, Any]) -> None:
    with pytest.raises(UnsuitableProfile) as refused:
        Profile(**fields)
    assert [refused.value.field] == list(fields)


def test_nobody_is_born_tomorrow() -> None:
    today = date(2026, 1, 15)
    Profile(birthday=today).must_be_born_by(today)
    with pytest.raises(UnsuitableProfile):
        Profile(birthday=date(2026, 1, 16)).must_be_born_by(today)


def test_depth_is_measured_without_climbing_down_for_ever() -> None:
    with pytest.raises(UnsuitableProfile):
        Profile(metadata=nested(10_000))


@given(st.text(max_size=40))
def test_any_text_is_a_phone_number_or_refused(text: str) -> None:
    try:
        Profile(phone=text)
    except UnsuitableProfile:
        return
    assert text.isascii()
    assert text.isprintable()
