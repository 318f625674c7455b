"""What a worker's way to the broker promises: an error when it is away, nothing that piles up, no secret told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pika
import pytest
from dramatiq import Worker
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from hedgerow_core.messaging import Hint
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.servers import free_port
from hedgerow_host.broker_signs import broker_answers
from hedgerow_host.brokers import BrokerHints
from hedgerow_host.rabbitmq import FAILURES, HINT_LIFETIME_MS, QUEUE_LIFETIME_MS, TRANSIENT, log_in
from host.tests.brokers.conftest import RABBITMQ, REDIS
from host.tests.brokers.farm import BrokerServer

HERE = DatabaseAddress.parse("postgresql://me@localhost/here")
THERE = DatabaseAddress.parse("postgresql://me@localhost/there")
HINT, NEXT = (Hint("orchard", "orchard.store_apple", partition) for partition in (7, 8))
SECRET = "h%40wthorn"
WITHIN_S = 10.0
STOPS_WITHIN_MS = 5_000

with_a_broker = pytest.mark.parametrize("broker_server", [REDIS, RABBITMQ], indirect=True, scope="module")
every_scheme = pytest.mark.parametrize("scheme", ["redis", "rediss", "amqp", "amqps"])


@asynccontextmanager
async def sending(url: str, address: DatabaseAddress = HERE) -> AsyncIterator[BrokerHints]:
    async def nothing(_hint: Hint) -> None: ...

    hints = BrokerHints(url, address)
    hints.work_with(["orchard"], nothing, asyncio.get_running_loop())
    async with hints.connected():
        yield hints


@asynccontextmanager
async def following(
    url: str, follow: Callable[[Hint], Coroutine[Any, Any, None]], *sent_before: Hint
) -> AsyncIterator[tuple[BrokerHints, Worker]]:
    """A worker of one thread."""
    hints = BrokerHints(url, HERE)
    hints.work_with(["orchard"], follow, asyncio.get_running_loop())
    worker = Worker(hints.broker, worker_threads=1, worker_timeout=50)
    async with hints.connected():
        await hints.send(*sent_before)
        worker.start()
        try:
            yield hints, worker
        finally:
            await asyncio.to_thread(worker.stop, STOPS_WITHIN_MS)


async def until(it_is_so: Callable[[], bool]) -> None:
    while not it_is_so():  # noqa: ASYNC110 - threads tell nobody
        await asyncio.sleep(0.01)


@pytest.fixture
def channel(rabbitmq_url: str) -> Iterator[BlockingChannel]:
    """For looking at queues from outside."""
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    yield connection.channel()
    connection.close()


@pytest.fixture
def empty_queue(channel: BlockingChannel, rabbitmq_url: str) -> str:
    """The name of the queue of `orchard`, which does not exist."""
    name = BrokerHints(rabbitmq_url, HERE).queue_of("orchard")
    channel.queue_delete(name)
    return name


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
async def test_sending_to_a_broker_that_is_away_is_a_connection_error(
    scheme: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with sending(f"{scheme}://me:{SECRET}@127.0.0.1:{free_port()}") as hints:
        with pytest.raises(ConnectionError, match="the broker is away") as caught:
            await hints.send(HINT)

    assert "wthorn" not in f"{caught.value!r}{caplog.text}"


@with_a_broker
async def test_a_broker_that_lets_us_in_answers(broker_server: BrokerServer) -> None:
    assert await broker_answers(broker_server.url)


@every_scheme
async def test_a_broker_that_is_away_does_not_answer(scheme: str) -> None:
    assert not await broker_answers(f"{scheme}://127.0.0.1:{free_port()}")


@every_scheme
async def test_a_broker_that_says_nothing_does_not_answer_and_holds_nobody_up(scheme: str) -> None:
    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silence.wait()
        writer.close()

    silence = asyncio.Event()
    async with await asyncio.start_server(say_nothing, "127.0.0.1", port := free_port()):
        asked_at = time.monotonic()
        assert not await broker_answers(f"{scheme}://127.0.0.1:{port}")
        assert time.monotonic() - asked_at < 1
        silence.set()


async def test_rabbitmq_that_accepts_but_says_nothing_counts_as_away() -> None:
    async with await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", port := free_port()):
        with pytest.raises(FAILURES, match="Timeout"):
            await asyncio.to_thread(log_in, f"amqp://127.0.0.1:{port}", 0.1)


async def test_rabbitmq_that_does_not_know_us_does_not_answer_and_the_password_stays_ours(
    rabbitmq_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"amqp://stranger:{SECRET}@{rabbitmq_url.rpartition('@')[2]}"

    assert not await broker_answers(url)
    async with sending(url) as hints:
        with pytest.raises(ConnectionError) as caught:
            await hints.send(HINT)

    assert "ACCESS_REFUSED" in str(caught.value)
    assert "wthorn" not in f"{caught.value!r}{caplog.text}"


async def test_hints_in_rabbitmq_die_soon_and_are_never_written_to_disk(
    rabbitmq_url: str, channel: BlockingChannel, empty_queue: str
) -> None:
    async with sending(rabbitmq_url) as hints:
        await hints.send(HINT)

    lifetimes = {"x-message-ttl": HINT_LIFETIME_MS, "x-expires": QUEUE_LIFETIME_MS}
    channel.queue_declare(empty_queue, durable=True, arguments=lifetimes)
    _method, properties, body = channel.basic_get(empty_queue, auto_ack=True)
    assert properties.delivery_mode == TRANSIENT
    assert b"orchard.store_apple" in body
    with pytest.raises(ChannelClosedByBroker, match="x-message-ttl"):  # what it says to a queue that is different
        channel.queue_declare(empty_queue, durable=True, arguments=lifetimes | {"x-message-ttl": 1})


@with_a_broker
async def test_a_hint_that_a_worker_has_fetched_when_it_ends_goes_to_another(broker_server: BrokerServer) -> None:
    before_its_end, elsewhere = list[Hint](), list[Hint]()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def follow_slowly(hint: Hint) -> None:
        before_its_end.append(hint)
        begun.set()
        await go_on.wait()

    async def follow(hint: Hint) -> None:
        elsewhere.append(hint)

    async with following(broker_server.url, follow_slowly, HINT, NEXT) as (hints, worker):
        try:
            async with asyncio.timeout(WITHIN_S):
                await begun.wait()
                await until(lambda: worker.work_queue.qsize() == 1)
            hints.pass_on()
        finally:
            go_on.set()
        async with following(broker_server.url, follow), asyncio.timeout(WITHIN_S):
            await until(lambda: bool(elsewhere))

    assert (before_its_end, elsewhere) == ([HINT], [NEXT])


@pytest.mark.parametrize("suffix", [".DQ", ".XQ"])
async def test_there_are_no_queues_for_delayed_and_dead_hints(
    rabbitmq_url: str,
    channel: BlockingChannel,
    empty_queue: str,
    suffix: str,
) -> None:
    async with sending(rabbitmq_url) as hints:
        await hints.send(HINT)

    channel.queue_declare(empty_queue, passive=True)  # this one is there
    with pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"):
        channel.queue_declare(empty_queue + suffix, passive=True)


async def test_a_queue_that_vanished_is_made_again(
    rabbitmq_url: str, channel: BlockingChannel, empty_queue: str
) -> None:
    async with sending(rabbitmq_url) as hints:
        await hints.send(HINT)
        channel.queue_delete(empty_queue)
        await hints.send(HINT)

    assert channel.queue_declare(empty_queue, passive=True).method.message_count == 1


async def test_two_databases_that_share_rabbitmq_have_queues_of_their_own(rabbitmq_url: str) -> None:
    names = [BrokerHints(rabbitmq_url, address).queue_of("orchard") for address in (HERE, HERE, THERE)]

    assert names[0] == names[1] != names[2]
