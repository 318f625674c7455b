"""What is published is announced, in its order and at least once; a stream that loses everything costs nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis.asyncio
from faststream.kafka import TestKafkaBroker
from sqlalchemy import text
from structlog.testing import capture_logs

from hedgerow_core.messaging import announcements
from hedgerow_core.messaging.announcements import Announcement, Announcements
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing import MigratedDatabases, context_database
from hedgerow_core.testing.servers import RedisServer, running_redis
from hedgerow_host.exits import HostError
from hedgerow_host.streams.streaming import Streaming
from hedgerow_host.streams.streams import KafkaStream, stream_at

ENTRIES = "hedgerow.events.shop"
PATIENCE_S = 20.0
PUBLISH = text(
    """
    INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload,
        occurred_at)
    SELECT gen_random_uuid(), 'shop.order_placed', 2, 'order', :order, n, jsonb_build_object('number', n),
        clock_timestamp() FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
    """
)


@pytest.fixture
def shop_address(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(shop=()) as address:
        yield address


@pytest.fixture
async def shop(shop_address: DatabaseAddress) -> AsyncIterator[Database]:
    async with context_database(shop_address, "shop") as database:
        yield database


@pytest.fixture
def private_redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


async def publish(shop: Database, first: int, last: int) -> None:
    async with shop.transaction() as connection:
        await connection.execute(PUBLISH, {"order": uuid4(), "first": first, "last": last})


@asynccontextmanager
async def announcing(url: str, shop: Database, holder: str = "a") -> AsyncIterator[Streaming]:
    process = Streaming(url, [shop], [], holder=holder, heard=lambda _publisher: None)
    async with process.running():
        await opened(shop)
        yield process


async def opened(shop: Database) -> None:
    """Wait until the cursor is there: a stream begins with what is published from then on."""
    await until(lambda: _has_cursor(shop))


async def _has_cursor(shop: Database) -> bool:
    async with shop.reading() as connection:
        return bool((await connection.execute(text("SELECT count(*) FROM feed_cursors"))).scalar_one())


async def until(done: Callable[[], Any]) -> None:
    for _ in range(int(PATIENCE_S / 0.05)):
        if await done():
            return
        await asyncio.sleep(0.05)
    pytest.fail("it never came")


async def entries(url: str) -> list[dict[str, Any]]:
    async with redis.asyncio.Redis.from_url(url) as client:
        try:
            return [json.loads(fields[b"__data__"]) for _id, fields in await client.xrange(ENTRIES)]
        except redis.exceptions.ConnectionError:
            return []


async def numbers(url: str) -> list[int]:
    return [entry["data"]["number"] for entry in await entries(url)]


async def test_an_event_is_announced_as_a_cloud_event(private_redis: RedisServer, shop: Database) -> None:
    async with announcing(private_redis.url, shop):
        await publish(shop, 1, 1)

        async def is_there() -> bool:
            return bool(await entries(private_redis.url))

        await until(is_there)

    (event,) = await entries(private_redis.url)
    async with shop.reading() as connection:
        row = (await connection.execute(text("SELECT * FROM outbox"))).one()
    assert event.pop("time").startswith(row.occurred_at.date().isoformat())
    assert event == {
        "specversion": "1.0",
        "id": str(row.event_id),
        "source": "/shop",
        "type": "shop.order_placed",
        "subject": str(row.aggregate_id),
        "datacontenttype": "application/json",
        "dataversion": "2",
        "partitionkey": str(row.aggregate_id),
        "sequence": f"{row.id:020}",
        "data": {"number": 1},
    }


async def test_everything_is_announced_in_the_order_of_the_outbox_by_one_of_many(
    private_redis: RedisServer, shop: Database
) -> None:
    async with announcing(private_redis.url, shop), announcing(private_redis.url, shop, holder="b"):
        await publish(shop, 1, 700)
        await publish(shop, 701, 1_200)

        async def all_there() -> bool:
            return len(await entries(private_redis.url)) >= 1_200

        await until(all_there)

    assert await numbers(private_redis.url) == list(range(1, 1_201))


async def test_what_was_not_confirmed_is_announced_again_when_the_stream_is_back(
    private_redis: RedisServer, shop: Database
) -> None:
    with capture_logs() as logs:
        async with announcing(private_redis.url, shop):
            private_redis.stop()
            await publish(shop, 1, 20)
            await until(lambda: _said(logs, "stream_away"))
            private_redis.start()

            async def all_there() -> bool:
                return set(await numbers(private_redis.url)) == set(range(1, 21))

            await until(all_there)

    assert len([line for line in logs if line["event"] == "stream_away"]) == 1


async def _said(logs: list[Any], event: str) -> bool:
    return event in [line["event"] for line in logs]


async def test_the_cursor_moves_only_after_the_confirmation_and_only_for_who_still_leads(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "LOOK_AGAIN_S", 0.0)
    first, second = Announcements(shop, holder="a"), Announcements(shop, holder="b")
    await first.open()
    await publish(shop, 1, 2)
    found = await first.next()
    assert found is not None
    assert await second.next() is None, "somebody else leads"

    again = await first.next()
    assert again is not None
    assert [one.event for one in again.events] == [one.event for one in found.events]

    await first.close()
    taken_over = await second.next()
    assert taken_over is not None
    await second.confirmed(taken_over)
    await first.confirmed(found)
    await publish(shop, 3, 3)
    second._renew_at = 0.0
    rest = await second.next()
    assert rest is not None
    assert [json.loads(one.event)["data"]["number"] for one in rest.events] == [3]


@pytest.mark.parametrize("kind", ["redis_url", "rabbitmq_url"])
async def test_who_listens_is_nudged(kind: str, request: pytest.FixtureRequest, shop: Database) -> None:
    url = await asyncio.to_thread(request.getfixturevalue, kind)
    heard: list[str] = []
    listener = Streaming(url, [], ["shop"], holder="b", heard=heard.append)
    with capture_logs() as logs:
        async with listener.running():
            await until(lambda: _said(logs, "stream_connected"))
            async with announcing(url, shop):
                await publish(shop, 1, 3)

                async def nudged() -> bool:
                    return "shop" in heard

                await until(nudged)


async def test_kafka_gets_the_same_under_the_key_of_the_aggregate() -> None:
    """With FastStream's own stand-in of a broker: no Kafka is at hand here."""
    heard: list[str] = []
    stream = KafkaStream("kafka://one:9092,other:9092")
    stream.listen_to(["shop"], heard.append)
    async with TestKafkaBroker(stream.broker):
        await stream.announce("shop", [Announcement("shop.order_placed", "key", b'{"specversion":"1.0"}')])

    assert heard == ["shop"]


def test_without_the_extra_a_stream_is_refused_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faststream.redis", None)
    with pytest.raises(HostError) as refused:
        stream_at("redis://localhost")

    assert "hedgerow-host[streams]" in str(refused.value)
