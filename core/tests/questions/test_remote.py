"""A question to another host: its envelope, its deadline, and when it is asked again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from core.tests.wire.other_host import OtherHost, other_host
from hedgerow_core.application.questions import QueryTooSlow
from hedgerow_core.domain import SystemClock, UnavailableError, ValidationError
from hedgerow_core.questions import AskedQuery, RemoteAnswering
from hedgerow_core.questions.envelope import asked_in, headers_of
from hedgerow_core.questions.remote import BETWEEN_TRIES_S, TRIES
from hedgerow_core.questions.replies import FAILED
from hedgerow_core.security.server_secret import ServerSecret
from hedgerow_core.wire import HostKeys, OwnTokens, Peer, PeerAway, PeerCutOff
from hedgerow_core.wire.breaker import FAILURES

REPLY = b'{"answer":{"name":"Quince"}}'
TRACEPARENT = f"00-{'1' * 32}-{'2' * 16}-01"


def asked(*, deadline: timedelta = timedelta(seconds=5), **more: Any) -> AskedQuery:
    told: dict[str, Any] = {"actor": None, "correlation_id": None, "causation_id": None, "traceparent": None} | more
    return AskedQuery(
        query="orchard.get_tree", version=1, asker="press", parameters=b"{}", deadline=deadline, **told
    )


@pytest.fixture
async def orchard() -> AsyncIterator[OtherHost]:
    async with other_host() as host:
        host.body = REPLY
        yield host


@pytest.fixture
async def peer(orchard: OtherHost) -> AsyncIterator[Peer]:
    secret = ServerSecret(SecretStr("the secret of our host, which is long enough"), None, file=Path("nowhere"))
    peer = Peer("orchard", orchard.url, OwnTokens(HostKeys(secret), SystemClock()))
    yield peer
    await peer.close()


@pytest.fixture
def once(peer: Peer) -> RemoteAnswering:
    return RemoteAnswering(peer, lambda _query, _version: False)


@pytest.fixture
def again(peer: Peer) -> RemoteAnswering:
    return RemoteAnswering(peer, lambda query, version: (query, version) == ("orchard.get_tree", 1))


async def test_what_is_repeatable_is_asked_again_when_it_was_lost(
    again: RemoteAnswering, orchard: OtherHost
) -> None:
    orchard.hangs_up = TRIES - 1

    assert await again(asked()) == REPLY
    assert len(orchard.received) == TRIES


async def test_there_is_an_end_to_asking_again(again: RemoteAnswering, orchard: OtherHost) -> None:
    orchard.hangs_up = TRIES + 1

    with pytest.raises(PeerAway):
        await again(asked())

    assert len(orchard.received) == TRIES


async def test_what_is_not_declared_repeatable_is_asked_once(once: RemoteAnswering, orchard: OtherHost) -> None:
    orchard.hangs_up = 1

    with pytest.raises(PeerAway):
        await once(asked())

    assert len(orchard.received) == 1


async def test_no_question_is_repeated_beyond_its_deadline(again: RemoteAnswering, orchard: OtherHost) -> None:
    orchard.hangs_up, orchard.slow_s = TRIES, 0.6
    loop = asyncio.get_running_loop()
    started = loop.time()

    with pytest.raises((PeerAway, QueryTooSlow)):
        await again(asked(deadline=timedelta(seconds=1)))

    assert loop.time() - started < TRIES * 0.6
    assert len(orchard.received) <= 2


async def test_who_answers_too_late_is_told_apart_from_who_is_away(
    again: RemoteAnswering, orchard: OtherHost
) -> None:
    orchard.slow_s = 1

    with pytest.raises(QueryTooSlow):
        await again(asked(deadline=timedelta(milliseconds=100)))

    assert len(orchard.received) == 1


async def test_the_other_side_is_told_a_little_less_than_the_deadline(
    once: RemoteAnswering, orchard: OtherHost
) -> None:
    await once(asked(deadline=timedelta(seconds=2)))

    ((_line, headers, _content),) = orchard.received
    assert 1500 < int(headers["hedgerow-deadline-ms"]) <= 1800


PROBLEM = {"Content-Type": "application/problem+json"}


async def test_a_host_that_can_not_answer_now_says_why_and_when(once: RemoteAnswering, orchard: OtherHost) -> None:
    orchard.status, orchard.headers = 503, {**PROBLEM, "Retry-After": "4"}
    orchard.body = b'{"code": "context_quarantined", "detail": "orchard is out of service."}'

    with pytest.raises(UnavailableError, match="orchard is out of service") as refused:
        await once(asked())

    assert (refused.value.code, refused.value.retry_after) == ("context_quarantined", timedelta(seconds=4))


async def test_a_host_that_says_that_the_query_is_too_slow_is_none_that_is_away(
    once: RemoteAnswering, orchard: OtherHost
) -> None:
    orchard.status, orchard.headers = 503, {**PROBLEM, "Retry-After": "1"}
    orchard.body = b'{"code": "query_too_slow", "detail": "It was not answered within 4.8 s."}'

    for _ in range(FAILURES + 1):
        with pytest.raises(QueryTooSlow, match="within 5 s"):
            await once(asked())

    assert len(orchard.received) == FAILURES + 1


async def test_who_is_left_alone_is_not_asked_again(again: RemoteAnswering, orchard: OtherHost) -> None:
    orchard.hangs_up = FAILURES
    for _ in range(FAILURES // TRIES + 1):
        with pytest.raises(PeerAway):
            await again(asked())
    started = time.monotonic()

    with pytest.raises(PeerCutOff):
        await again(asked())

    assert time.monotonic() - started < BETWEEN_TRIES_S * (TRIES - 1)


async def test_a_query_that_the_host_does_not_know_is_none_that_can_be_asked(
    once: RemoteAnswering, orchard: OtherHost
) -> None:
    orchard.status, orchard.headers = 404, PROBLEM

    with pytest.raises(UnavailableError) as refused:
        await once(asked())

    assert refused.value.code == "query_not_here"


@pytest.mark.parametrize("status", [302, 400, 413, 500])
async def test_whatever_else_comes_back_is_a_failure_without_details(
    once: RemoteAnswering, orchard: OtherHost, status: int
) -> None:
    orchard.status, orchard.body = status, b"the secret of the orchard"

    assert await once(asked()) == FAILED


# The envelope


@pytest.mark.parametrize(
    "cause",
    [
        {},
        {"actor": str(uuid4()), "correlation_id": "1" * 32, "causation_id": uuid4(), "traceparent": TRACEPARENT},
        {"actor": "cli:Zoë Ångström\N{EM DASH}%41"},
    ],
)
def test_a_question_is_opened_as_it_was_sealed(cause: dict[str, Any]) -> None:
    question = asked(**cause)

    opened = asked_in(
        "orchard.get_tree", 1, "press", headers_of(question, within=question.deadline), question.parameters
    )

    assert opened == question


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("hedgerow-deadline-ms", ""),
        ("hedgerow-deadline-ms", "0"),
        ("hedgerow-deadline-ms", "-5"),
        ("hedgerow-deadline-ms", "60001"),
        ("hedgerow-deadline-ms", "9" * 5000),
        ("hedgerow-deadline-ms", "000000500999999999999"),
        ("hedgerow-deadline-ms", "1.5"),
        ("hedgerow-deadline-ms", "\N{ARABIC-INDIC DIGIT FIVE}"),
        ("hedgerow-actor", "a" * 256),
        ("hedgerow-actor", "a%0Ab"),
        ("hedgerow-correlation", "%1B[2J"),
        ("hedgerow-causation", "no id"),
    ],
)
def test_a_header_that_is_none_of_ours_is_refused_and_named(header: str, value: str) -> None:
    headers = headers_of(asked(), within=timedelta(seconds=1))

    with pytest.raises(ValidationError) as refused:
        asked_in("orchard.get_tree", 1, "press", headers | {header: value}, b"{}")

    assert refused.value.field == header


def test_a_trace_that_is_none_is_left_behind() -> None:
    headers = headers_of(asked(), within=timedelta(seconds=1)) | {"traceparent": "nonsense"}

    assert asked_in("orchard.get_tree", 1, "press", headers, b"{}").traceparent is None
