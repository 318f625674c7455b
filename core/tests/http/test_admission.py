"""Who waits is let in together with others, before anybody who comes later, and soon."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from hedgerow_core.http.admission import IN_LINE_PER_PLACE, Admission

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


async def test_a_whole_line_that_needs_no_place_after_all_is_passed_over_at_once() -> None:
    places = 50
    admission, told = Admission(at_once=places, wait_s=60), []
    assert all(admission.enter() for _ in range(places))

    def needs_none(nth: int, let_in: bool) -> None:
        told.append(nth)
        if let_in:
            admission.leave()

    for nth in range(places * IN_LINE_PER_PLACE):
        assert admission.wait(partial(needs_none, nth))
    for _ in range(places):
        admission.leave()

    assert told == list(range(places * IN_LINE_PER_PLACE))
    assert all(admission.enter() for _ in range(places)), "and all places are free again"
    assert not admission.enter()


async def test_who_cannot_be_told_keeps_nobody_else_from_hearing() -> None:
    admission, told = Admission(at_once=1, wait_s=0.01), asyncio.Event()
    assert admission.enter()
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))

    def fails(_let_in: bool) -> None:
        raise OSError("gone")

    def hears(_let_in: bool) -> None:
        told.set()

    assert admission.wait(fails)
    assert admission.wait(hears)
    async with asyncio.timeout(10):
        await told.wait()

    assert [str(failure) for failure in failures] == ["gone"]
