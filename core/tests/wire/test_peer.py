"""The way to another host, over real sockets: what goes along, what may come back, and when nobody tries."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from core.tests.certificates import signed_by_itself
from core.tests.wire.other_host import OK, OtherHost, other_host
from hedgerow_core.application import Cause, caused_by
from hedgerow_core.domain import SystemClock
from hedgerow_core.observability.metrics import REGISTRY
from hedgerow_core.security.server_secret import ServerSecret
from hedgerow_core.wire import HostKeys, OwnTokens, Peer, PeerAnswer, PeerAway, PeerCutOff, PeerRefused, PeerTooSlow
from hedgerow_core.wire.breaker import Breaker
from hedgerow_core.wire.key_documents import authorities

SOON = timedelta(seconds=5)
FAILURES, OPEN_FOR_S = 3, 0.5
SECRET = ServerSecret(SecretStr("the secret of our host, which is long enough"), None, file=Path("nowhere"))


@pytest.fixture
async def there() -> AsyncIterator[OtherHost]:
    async with other_host() as host:
        yield host


@pytest.fixture
async def peer(there: OtherHost) -> AsyncIterator[Peer]:
    breaker = Breaker("orchard", failures=FAILURES, open_for_s=OPEN_FOR_S)
    peer = Peer("orchard", there.url, OwnTokens(HostKeys(SECRET), SystemClock()), breaker=breaker)
    yield peer
    await peer.close()


async def sent(peer: Peer, *, within: timedelta = SOON, **more: Any) -> PeerAnswer:
    return await peer.send("POST", "/_ask/orchard.get_tree/1", asker="press", within=within, **more)


def is_cut_off() -> bool:
    return bool(REGISTRY.get_sample_value("hedgerow_remote_cut_off", {"context": "orchard"}))


async def test_a_request_carries_token_trace_and_content_and_the_answer_comes_whole(
    peer: Peer, there: OtherHost
) -> None:
    traceparent = f"00-{'1' * 32}-{'2' * 16}-01"
    with caused_by(Cause(traceparent=traceparent)):
        answer = await sent(peer, content=b"{}", params={"after": "7"}, headers={"x": "y"})

    assert (answer.status, answer.content) == (200, OK)
    ((line, headers, content),) = there.received
    assert (line, content) == ("POST /_ask/orchard.get_tree/1?after=7 HTTP/1.1", b"{}")
    assert (headers["traceparent"], headers["x"]) == (traceparent, "y")
    claims = jwt.decode(headers["authorization"].removeprefix("Bearer "), options={"verify_signature": False})
    assert (claims["iss"], claims["aud"]) == ("press", "hedgerow:orchard")


async def test_whatever_the_host_itself_says_comes_back(peer: Peer, there: OtherHost) -> None:
    there.status, there.headers = 503, {"Content-Type": "application/problem+json", "Retry-After": "7"}

    answer = await sent(peer)

    assert (answer.status, answer.headers["retry-after"]) == (503, "7")


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_a_proxy_that_finds_nobody_is_as_good_as_nobody(peer: Peer, there: OtherHost, status: int) -> None:
    there.status = status

    with pytest.raises(PeerAway):
        await sent(peer)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_host_that_does_not_believe_us_is_told_apart_and_logged_once(
    peer: Peer, there: OtherHost, status: int
) -> None:
    there.status = status

    with capture_logs() as logs:
        for _ in range(FAILURES + 1):
            with pytest.raises(PeerRefused):
                await sent(peer)

    assert [line["event"] for line in logs] == ["remote_refuses"]
    assert len(there.received) == FAILURES + 1, "it is there, so nothing is cut off"


async def test_an_answer_that_is_too_large_is_read_no_further(peer: Peer, there: OtherHost) -> None:
    there.body = b"x" * 1001
    assert len((await sent(peer, most_bytes=1001)).content) == 1001

    with pytest.raises(PeerAway):
        await sent(peer, most_bytes=1000)


async def test_who_answers_too_late_is_not_waited_for(peer: Peer, there: OtherHost) -> None:
    there.slow_s = 1

    with pytest.raises(PeerTooSlow):
        await sent(peer, within=timedelta(milliseconds=50))


async def test_what_is_said_of_a_host_that_is_away_does_not_say_where_it_is(peer: Peer, there: OtherHost) -> None:
    await there.stop()

    with pytest.raises(PeerAway) as away:
        await sent(peer)

    assert str(there.port) not in f"{away.value.message} {away.value.details}"
    assert away.value.details == {"context": "orchard"}


@pytest.mark.parametrize("vouched_for", [False, True])
async def test_a_host_that_nobody_vouches_for_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vouched_for: bool
) -> None:
    public, private = signed_by_itself(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(public, private)
    if vouched_for:
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
    authorities.cache_clear()
    there = OtherHost(tls=tls)
    await there.start()
    peer = Peer("orchard", there.url, OwnTokens(HostKeys(SECRET), SystemClock()))
    try:
        if vouched_for:
            assert (await sent(peer)).content == OK
        else:
            with pytest.raises(PeerAway):
                await sent(peer)
            assert there.received == []
    finally:
        authorities.cache_clear()
        await peer.close()
        await there.stop()


def hangs_up(there: OtherHost) -> None:
    there.hangs_up = FAILURES


def dawdles(there: OtherHost) -> None:
    there.slow_s = 1


def is_out_of_order(there: OtherHost) -> None:
    there.status = 502


@pytest.mark.parametrize("fails", [hangs_up, dawdles, is_out_of_order])
async def test_a_host_that_keeps_failing_is_left_alone_until_a_try_succeeds(
    peer: Peer, there: OtherHost, fails: Callable[[OtherHost], None]
) -> None:
    fails(there)
    with capture_logs() as logs:
        for _ in range(FAILURES):
            with pytest.raises((PeerAway, PeerTooSlow)):
                await sent(peer, within=timedelta(seconds=0.5))
        assert is_cut_off()
        there.status, there.slow_s = 200, 0
        for _ in range(10):
            with pytest.raises(PeerAway) as left_alone:
                await sent(peer)
        assert left_alone.value.retry_after <= timedelta(seconds=OPEN_FOR_S)
        assert len(there.received) == FAILURES, "the breaker is open, so nobody was sent anything"

        await asyncio.sleep(OPEN_FOR_S)

        assert (await sent(peer)).content == OK
        assert not is_cut_off()
    assert [line["event"] for line in logs if line["event"] != "remote_away"] == ["remote_cut_off", "remote_back"]


async def test_after_a_while_one_tries_and_the_others_go_on_without(peer: Peer, there: OtherHost) -> None:
    there.hangs_up = FAILURES
    for _ in range(FAILURES):
        with pytest.raises(PeerAway):
            await sent(peer)
    await asyncio.sleep(OPEN_FOR_S)
    there.slow_s = 0.05

    answers = await asyncio.gather(*(sent(peer) for _ in range(20)), return_exceptions=True)

    assert sum(isinstance(answer, PeerAnswer) for answer in answers) == 1
    assert len(there.received) == FAILURES + 1


async def test_a_try_that_fails_cuts_the_host_off_again(peer: Peer, there: OtherHost) -> None:
    there.hangs_up = FAILURES + 1
    for _ in range(FAILURES):
        with pytest.raises(PeerAway):
            await sent(peer)
    await asyncio.sleep(OPEN_FOR_S)
    with capture_logs() as logs, pytest.raises(PeerAway):
        await sent(peer)

    with pytest.raises(PeerCutOff):
        await sent(peer)

    assert is_cut_off()
    assert logs == [], "in a long outage, nobody is told the same every two seconds"
    assert len(there.received) == FAILURES + 1


async def test_who_goes_away_says_nothing_about_the_host(peer: Peer, there: OtherHost) -> None:
    there.slow_s = 0.2
    for _ in range(FAILURES + 1):
        asking = asyncio.create_task(sent(peer))
        await asyncio.sleep(0.02)
        asking.cancel()
        await asyncio.wait([asking])
    there.slow_s = 0

    assert (await sent(peer)).content == OK
    assert not is_cut_off()


async def test_a_trial_that_is_given_up_lets_the_next_one_try(peer: Peer, there: OtherHost) -> None:
    there.hangs_up = FAILURES
    for _ in range(FAILURES):
        with pytest.raises(PeerAway):
            await sent(peer)
    await asyncio.sleep(OPEN_FOR_S)
    there.slow_s = 0.2
    trial = asyncio.create_task(sent(peer))
    await asyncio.sleep(0.02)
    trial.cancel()
    await asyncio.wait([trial])
    there.slow_s = 0

    assert (await sent(peer)).content == OK


async def test_a_success_in_between_starts_the_count_anew(peer: Peer, there: OtherHost) -> None:
    for _ in range(3):
        there.hangs_up = FAILURES - 1
        for _ in range(FAILURES - 1):
            with pytest.raises(PeerAway):
                await sent(peer)
        assert (await sent(peer)).content == OK
