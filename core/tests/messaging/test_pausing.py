"""Nothing of a paused subscription is claimed, and nothing is lost: it goes on where it stood."""

from __future__ import annotations

from sqlalchemy import text

from hedgerow_core.domain import new_id
from hedgerow_core.messaging import deliveries, partitions, pausing, trail
from hedgerow_core.messaging.actions import Decision
from hedgerow_core.messaging.due import due_partitions
from hedgerow_core.messaging.trail import AuditFilter
from hedgerow_core.persistence import Database

NAME, OTHER = "books.note_order", "books.other"
DECISION = Decision(by="ann", why="the partner is down")
INSERT = text(
    """
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type, version,
        payload, occurred_at)
    VALUES (:id, :name, 'shop', 1, 'a', 1, 'shop.order_placed', 1, '{}', clock_timestamp())
    """
)


async def receive(books: Database, *names: str) -> None:
    async with books.transaction() as connection:
        await partitions.register(connection, names)
        for name in names:
            await connection.execute(INSERT, {"id": new_id(), "name": name})


async def claimed(books: Database, name: str) -> int:
    async with books.transaction() as connection:
        claim = await partitions.take(connection, name, 1, owner="test")
        assert claim is not None
        batch = await deliveries.claim_batch(connection, claim, ordered=True)
        await partitions.release(connection, claim)
    return len(batch)


async def due(books: Database) -> list[str]:
    async with books.reading() as connection:
        found = await due_partitions(connection, [NAME, OTHER], ordered=[NAME, OTHER])
    return sorted(partition.subscription for partition in found)


async def pause(books: Database) -> bool:
    async with books.transaction() as connection:
        return await pausing.pause(connection, NAME, DECISION)


async def resume(books: Database) -> bool:
    async with books.transaction() as connection:
        return await pausing.resume(connection, NAME, DECISION)


async def test_nothing_of_a_paused_subscription_is_due_or_claimed_and_others_go_on(books: Database) -> None:
    await receive(books, NAME, OTHER)
    assert await due(books) == [NAME, OTHER]

    await pause(books)

    assert await due(books) == [OTHER]
    assert (await claimed(books, NAME), await claimed(books, OTHER)) == (0, 1)


async def test_a_resumed_subscription_goes_on_with_what_arrived_meanwhile(books: Database) -> None:
    await pause(books)
    await receive(books, NAME)

    await resume(books)

    assert await due(books) == [NAME]
    assert await claimed(books, NAME) == 1


async def test_pausing_and_resuming_twice_changes_nothing_more(books: Database) -> None:
    assert [await pause(books), await pause(books)] == [True, False]
    assert [await resume(books), await resume(books)] == [True, False]


async def test_who_paused_what_and_why_can_be_seen_and_is_written_down(books: Database) -> None:
    await pause(books)
    async with books.reading() as connection:
        (paused,) = await pausing.listed(connection)
    await resume(books)

    assert (paused.subscription, paused.actor, paused.reason) == (NAME, "ann", "the partner is down")
    async with books.reading() as connection:
        found = await trail.listed(connection, AuditFilter(), limit=9)
    assert [(each.action, each.details, each.affected) for each in found] == [
        ("ledger.resume", {"subscription": NAME}, 1),
        ("ledger.pause", {"subscription": NAME}, 1),
    ]
