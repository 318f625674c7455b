"""What is the same in two runs is equal, and what differs shows."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.extraction.canonical import Names, hash_of

AT, LATER = "2026-11-22T06:40:36.123456Z", "2027-01-01 00:00:00+00:00"


def test_ids_are_named_by_their_order_and_times_are_alike() -> None:
    one, other = ([str(uuid4()) for _ in range(2)] for _ in range(2))

    assert Names()([one, AT, one[0]]) == Names()([other, LATER, other[0]]) == '[["#1", "#2"], "*", "#1"]'


def test_an_id_in_anothers_place_shows() -> None:
    one, other = str(uuid4()), str(uuid4())

    assert Names()([one, other, one]) != Names()([one, other, other])


def test_an_id_that_nothing_has_told_of_is_not_taken_for_a_known_one() -> None:
    known, names = str(uuid4()), Names()
    names(known)
    names.learning = False

    assert (names(known), names(str(uuid4()))) == ('"#1"', '"#?"')


@pytest.mark.parametrize("rows", [["a", "b", "b"], ["a"], ["a", "c"]])
def test_rows_that_are_lost_doubled_or_others_show(rows: list[str]) -> None:
    assert hash_of(rows) != hash_of(["a", "b"])
