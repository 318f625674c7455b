"""Calls of servers that are not ours, over real sockets: what is repeated, what never is, and who is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from core.tests.wire.other_host import OK, OtherHost, other_host
from hedgerow_core.observability.metrics import REGISTRY
from hedgerow_core.outbound import Calls, CircuitOpen, OutboundHttp, ServerAway

FAILURES, OPEN_FOR_S = 3, 0.3


@pytest.fixture
async def there() -> AsyncIterator[OtherHost]:
    async with other_host() as host:
        yield host


@pytest.fixture
async def http() -> AsyncIterator[OutboundHttp]:
    http = OutboundHttp("orchard", most_bytes=1000)
    yield http
    await http.close()


@pytest.fixture
async def fragile() -> AsyncIterator[OutboundHttp]:
    http = OutboundHttp("orchard", failures=FAILURES, open_for_s=OPEN_FOR_S)
    yield http
    await http.close()


def measured(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"hedgerow_outbound_{name}", {"server": "orchard", **labels}) or 0


async def test_an_answer_comes_whole_whatever_it_is(http: OutboundHttp, there: OtherHost) -> None:
    there.status, there.headers = 418, {"X-Pot": "short"}

    answer = await http.send("POST", there.url, content=b"tea", headers={"x": "y"})

    assert (answer.status, answer.headers["x-pot"], answer.content) == (418, "short", OK)
    ((_line, headers, content),) = there.received
    assert (headers["x"], headers["accept-encoding"], content) == ("y", "identity", b"tea")


async def test_a_question_that_was_cut_off_is_asked_again(http: OutboundHttp, there: OtherHost) -> None:
    there.hangs_up = 2
    repeated = measured("repeated_total")

    assert (await http.send("GET", there.url)).content == OK
    assert (len(there.received), measured("repeated_total") - repeated) == (3, 2)


async def test_after_three_tries_it_is_left_at_that(http: OutboundHttp, there: OtherHost) -> None:
    there.hangs_up = 9

    with pytest.raises(ServerAway) as refused:
        await http.send("GET", there.url)
    assert (len(there.received), refused.value.code) == (3, "server_away")


async def test_what_may_have_arrived_is_not_sent_twice(http: OutboundHttp, there: OtherHost) -> None:
    there.hangs_up = 1

    with pytest.raises(ServerAway):
        await http.send("POST", there.url, content=b"charge")
    assert len(there.received) == 1


async def test_unless_twice_is_as_good_as_once(http: OutboundHttp, there: OtherHost) -> None:
    there.hangs_up = 1

    assert (await http.send("POST", there.url, content=b"charge", repeatable=True)).content == OK
    assert len(there.received) == 2


async def test_what_was_never_sent_is_sent_again(http: OutboundHttp, there: OtherHost) -> None:
    await there.stop()
    repeated = measured("repeated_total")

    with pytest.raises(ServerAway):
        await http.send("POST", there.url)
    assert (there.received, measured("repeated_total") - repeated) == ([], 2)


@pytest.mark.parametrize(("status", "tries"), [(500, 1), (502, 3), (503, 3), (504, 3)])
async def test_a_proxy_that_finds_nobody_is_no_answer(
    http: OutboundHttp, there: OtherHost, status: int, tries: int
) -> None:
    there.status = status

    if tries == 1:
        assert (await http.send("GET", there.url)).status == status
    else:
        with pytest.raises(ServerAway):
            await http.send("GET", there.url)
    assert len(there.received) == tries


async def test_more_than_was_bargained_for_is_not_read(http: OutboundHttp, there: OtherHost) -> None:
    there.body = b"x" * 1001

    with pytest.raises(ServerAway) as refused:
        await http.send("GET", there.url)
    assert (refused.value.why, len(there.received)) == ("the answer has more than 1000 bytes", 1)
    assert "1000" not in str(refused.value)


async def test_nobody_is_sent_elsewhere(http: OutboundHttp, there: OtherHost) -> None:
    there.status, there.headers = 302, {"Location": f"{there.url}/elsewhere"}

    assert (await http.send("GET", there.url)).status == 302
    assert len(there.received) == 1


async def test_what_is_no_url_is_a_mistake_of_ours(http: OutboundHttp) -> None:
    with pytest.raises(ValueError, match="no URL"):
        await http.send("GET", "http://orchard:harvest/")


async def test_who_keeps_silent_several_times_is_left_alone_until_it_speaks(
    fragile: OutboundHttp, there: OtherHost
) -> None:
    there.slow_s = 30
    for _ in range(FAILURES):
        with pytest.raises(ServerAway):
            await fragile.send("POST", there.url, within=timedelta(seconds=0.05))
    asked = len(there.received)
    with pytest.raises(ServerAway) as refused:
        await fragile.send("POST", there.url)

    assert len(there.received) == asked
    assert timedelta(0) < refused.value.retry_after <= timedelta(seconds=OPEN_FOR_S)
    assert measured("cut_off") == 1

    there.slow_s = 0
    await until_sent(fragile, there)
    assert measured("cut_off") == 0


async def test_a_refusal_is_a_sign_of_life() -> None:
    async def refuse() -> None:
        raise LookupError("no such tree")

    calls = Calls("orchard", answers=(LookupError,), failures=FAILURES)
    for _ in range(FAILURES * 2):
        with pytest.raises(LookupError):
            await calls.make(refuse)

    taken_for_failures = Calls("orchard", failures=FAILURES)
    for _ in range(FAILURES):
        with pytest.raises(LookupError):
            await taken_for_failures.make(refuse)
    with pytest.raises(CircuitOpen):
        await taken_for_failures.make(refuse)


async def until_sent(http: OutboundHttp, there: OtherHost) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await http.send("POST", there.url)
                return
            except ServerAway:
                await asyncio.sleep(0.02)
