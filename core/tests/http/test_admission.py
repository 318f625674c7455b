"""Who waits is let in together with others, before anybody who comes later, and soon."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from hedgerow_core.http.admission import Admission

PLACES = 4


@pytest.fixture
async def admission() -> Admission:
    """All places are taken."""
    admission = Admission(at_once=PLACES, wait_s=60)
    assert all(admission.enter() for _ in range(PLACES))
    return admission


@pytest.fixture
async def let_in(admission: Admission) -> list[int]:
    """Who was let in, of as many as there are places."""
    let_in: list[int] = []
    for nth in range(PLACES):
        assert admission.wait(partial(_note, let_in, nth))
    return let_in


def _note(let_in: list[int], nth: int, _told: bool) -> None:
    let_in.append(nth)


async def test_those_in_line_begin_together_when_half_of_the_places_are_free(
    admission: Admission, let_in: list[int]
) -> None:
    admission.leave()
    after_one = list(let_in)
    admission.leave()

    assert after_one == []
    assert let_in == [0, 1]


async def test_a_place_that_stays_the_only_free_one_is_given_soon(admission: Admission, let_in: list[int]) -> None:
    admission.leave()
    async with asyncio.timeout(10):
        while not let_in:  # noqa: ASYNC110 - it has no event for that
            await asyncio.sleep(0.001)

    assert let_in == [0]
    assert admission.is_full


async def test_who_comes_now_takes_no_place_that_is_for_the_line(admission: Admission, let_in: list[int]) -> None:
    admission.leave()

    assert not admission.enter()
    assert let_in == []
