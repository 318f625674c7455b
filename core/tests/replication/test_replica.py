"""Reads that a replica may answer: it does where it has what the reader has written, and else the primary."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from pydantic import TypeAdapter
from sqlalchemy import Column, Integer, MetaData, Table, select
from sqlalchemy.exc import ProgrammingError
from structlog.testing import capture_logs

from core.tests.questions.orchard import A_TREE, Orchard, Tree
from core.tests.replication.shop import price_in, set_price, shop_on, until
from hedgerow_core.application.cache import Cached
from hedgerow_core.caching import StoredCache, in_process_store
from hedgerow_core.observability.metrics import REGISTRY
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.persistence.readers import Reader, current_reader, reading_for
from hedgerow_core.replication import Replica
from hedgerow_core.replication.replica import MARGIN_S, NoReplica
from hedgerow_core.testing.replicas import ReplicaServer
from hedgerow_core.testing.servers import free_port


async def price_for(shop: Database, reader: Reader | None) -> int:
    with reading_for(reader):
        return await price_in(shop)


def reads(outcome: str) -> float:
    found = {"context": "shop", "outcome": outcome}
    return REGISTRY.get_sample_value("hedgerow_replica_reads_total", found) or 0


async def test_who_has_written_nothing_is_answered_by_the_replica(shop: Database, servers: ReplicaServer) -> None:
    await servers.fall_behind()
    await set_price(shop, 1)  # by nobody

    before = reads("replica")
    assert await price_for(shop, Reader()) == 0
    assert reads("replica") == before + 1


async def test_who_has_just_written_is_answered_by_the_primary(shop: Database, servers: ReplicaServer) -> None:
    await servers.fall_behind()
    reader = Reader()
    with reading_for(reader):
        await set_price(shop, 1)

    assert reader.has_written
    assert [await price_for(shop, reader) for _ in range(5)] == [1] * 5


async def test_a_moment_that_another_process_tells_counts_as_well(shop: Database, servers: ReplicaServer) -> None:
    other = Replica(servers.primary, servers.address)
    await other.sample()
    await servers.fall_behind()
    await set_price(shop, 1)

    assert await price_for(shop, Reader(wrote_at=other.primary_now())) == 1


async def test_a_replica_that_has_caught_up_answers_the_writer_again(
    shop: Database, replica: Replica, servers: ReplicaServer
) -> None:
    reader = Reader()
    with reading_for(reader):
        await set_price(shop, 1)
    await until(lambda: replica.has(reader.wrote_at))

    before = reads("replica")
    assert await price_for(shop, reader) == 1
    assert reads("replica") == before + 1


async def test_a_replica_is_believed_only_when_it_has_replayed(
    shop: Database, replica: Replica, servers: ReplicaServer
) -> None:
    await servers.fall_behind()
    reader = Reader()
    with reading_for(reader):
        await set_price(shop, 1)

    assert reader.wrote_at is not None
    while replica.primary_now() < reader.wrote_at + MARGIN_S * 4:
        await replica.sample()
        assert not replica.has(reader.wrote_at)
        await asyncio.sleep(0.02)


async def test_without_the_moment_the_writer_would_be_shown_what_was_before(
    shop: Database, servers: ReplicaServer
) -> None:
    await servers.fall_behind()
    reader = Reader()
    with reading_for(reader):
        await set_price(shop, 1)

    reader.wrote_at = None
    assert await price_for(shop, reader) == 0


async def test_where_no_reader_is_known_the_primary_answers(shop: Database, servers: ReplicaServer) -> None:
    await servers.fall_behind()
    await set_price(shop, 1)

    assert await price_for(shop, None) == 1


async def test_a_replica_that_goes_away_is_not_noticed_by_readers(
    shop: Database, replica: Replica, servers: ReplicaServer
) -> None:
    assert await price_for(shop, Reader()) == 0
    await set_price(shop, 1)
    servers.stop()
    try:
        assert [await price_for(shop, Reader()) for _ in range(5)] == [1] * 5
    finally:
        servers.start()
    before = reads("replica")
    await until(lambda: replica.has(None))
    await price_for(shop, Reader())
    assert reads("replica") == before + 1


async def test_a_statement_that_is_wrong_says_nothing_about_the_replica(shop: Database, replica: Replica) -> None:
    with reading_for(Reader()), pytest.raises(ProgrammingError):
        await shop.view(select(Table("nowhere", MetaData(), Column("price", Integer))))

    assert replica.has(None)


async def test_a_server_that_is_no_replica_of_the_primary_is_not_asked(
    servers: ReplicaServer, postgres_server: DatabaseAddress
) -> None:
    for not_one in (servers.primary, postgres_server):
        stranger = Replica(servers.primary, not_one)
        with pytest.raises(NoReplica):
            await stranger.sample()
        async with stranger.watched(), shop_on(servers.primary, stranger) as shop:
            assert await price_for(shop, Reader()) == 0
            assert not stranger.has(None)
    with pytest.raises(NoReplica):
        await Replica(postgres_server, servers.address).sample()


async def test_a_replica_that_is_far_behind_answers_nobody(servers: ReplicaServer) -> None:
    replica = Replica(servers.primary, servers.address, sample_every_s=0.02, most_behind_s=1.0)
    with capture_logs() as logs:
        async with replica.watched(), shop_on(servers.primary, replica) as shop:
            await until(lambda: replica.has(None))
            await servers.fall_behind()
            await set_price(shop, 1)
            await until(lambda: not replica.has(None))
            assert await price_for(shop, Reader()) == 1
            await until(lambda: logs[-1]["event"] == "replica_left_out")
            await servers.catch_up()
            await until(lambda: logs[-1]["event"] == "replica_used")


async def test_a_replica_that_nobody_looks_at_any_more_answers_nobody(servers: ReplicaServer) -> None:
    replica = Replica(servers.primary, servers.address, most_behind_s=0.5)
    async with asyncio.timeout(10):
        while not replica.has(None):
            await replica.sample()

    await until(lambda: not replica.has(None))


async def test_a_replica_that_was_never_there_is_told_once(servers: ReplicaServer) -> None:
    nowhere = DatabaseAddress.parse(f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    replica = Replica(servers.primary, nowhere, sample_every_s=0.01)
    with capture_logs() as logs:
        async with replica.watched(), shop_on(servers.primary, replica) as shop:
            await until(lambda: any(line["event"] == "replica_left_out" for line in logs))
            assert await price_for(shop, Reader()) == 0
            await asyncio.sleep(0.05)

    assert [(line["event"], line["why"]) for line in logs] == [("replica_left_out", "UnavailableError")]


async def test_what_is_remembered_is_read_from_the_primary(shop: Database, servers: ReplicaServer) -> None:
    await servers.fall_behind()
    await set_price(shop, 1)
    prices: Cached[int] = Cached(name="prices", form=TypeAdapter(int), keep=timedelta(minutes=1))

    with reading_for(Reader()):
        assert await StoredCache(in_process_store(), "shop").remembered(prices, "", lambda: price_in(shop)) == 1
        assert await price_in(shop) == 0


async def test_what_another_context_asks_is_read_from_the_primary() -> None:
    seen: list[Reader | None] = []
    orchard = Orchard(answers=lambda _query: seen.append(current_reader()) or "Quince")

    with reading_for(Reader()):
        await orchard.desk().ask("orchard.get_tree", A_TREE, as_=Tree)
    assert seen == [None]
