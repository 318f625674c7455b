"""Whoever follows a feed sees every event once, also one that commits late; a gap is never silent."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import ValidationError, new_id
from hedgerow_core.messaging import tail
from hedgerow_core.messaging.feed import EventFilter
from hedgerow_core.messaging.tail import TailPlace
from hedgerow_core.persistence import Database

PUBLISH = text(
    """
    INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload,
        occurred_at)
    VALUES (:id, :type, 1, 'order', :id, :version, '{}', clock_timestamp())
    """
)


async def publish(connection: AsyncConnection, *versions: int, type: str = "shop.order_placed") -> None:
    for version in versions:
        await connection.execute(PUBLISH, {"id": new_id(), "version": version, "type": type})


async def here(shop: Database) -> TailPlace:
    async with shop.reading() as connection:
        return await tail.here(connection)


async def follow(
    shop: Database, place: TailPlace, which: EventFilter | None = None, *, limit: int = 100
) -> tuple[list[int], TailPlace]:
    seen: list[int] = []
    more = True
    while more:
        async with shop.reading() as connection:
            step = await tail.step(connection, place, which or EventFilter(), limit=limit)
        seen += [event.aggregate_version for event in step.events]
        place, more = step.place, step.more
    return seen, place


async def test_what_becomes_visible_is_seen_once_and_in_order(shop: Database) -> None:
    async with shop.transaction() as connection:
        await publish(connection, 1)
    place = await here(shop)
    async with shop.transaction() as connection:
        await publish(connection, 2, 3, 4)

    seen, place = await follow(shop, place, limit=2)
    again, _place = await follow(shop, place)

    assert (seen, again) == ([2, 3, 4], [])


async def test_an_event_that_commits_late_is_not_passed_over(shop: Database) -> None:
    place = await here(shop)
    async with shop.engine.connect() as late:
        await publish(late, 1)
        async with shop.transaction() as connection:
            await publish(connection, 2)
        first, place = await follow(shop, place)
        await late.commit()
    second, _place = await follow(shop, place)

    assert (first, second) == ([2], [1])


async def test_what_was_rolled_back_is_never_seen(shop: Database) -> None:
    place = await here(shop)
    async with shop.engine.connect() as connection:
        await publish(connection, 1)
        await connection.rollback()

    assert (await follow(shop, place))[0] == []


async def test_what_is_not_asked_for_is_left_out(shop: Database) -> None:
    place = await here(shop)
    async with shop.transaction() as connection:
        await publish(connection, 1)
        await publish(connection, 2, type="shop.order_canceled")

    assert (await follow(shop, place, EventFilter(type="shop.order_canceled")))[0] == [2]


async def test_a_place_in_another_database_is_refused(shop: Database) -> None:
    elsewhere = replace(await here(shop), cluster=1)

    with pytest.raises(ValidationError, match="another database"):
        await follow(shop, elsewhere)


async def test_a_place_behind_which_events_were_retired_is_refused_instead_of_leaving_a_gap(shop: Database) -> None:
    place = await here(shop)
    async with shop.engine.connect() as connection:
        await connection.execute(text("SET ROLE NONE"))
        retire = "INSERT INTO outbox_retirements (from_id, until_id, through) VALUES (1, 9, pg_current_xact_id())"
        await connection.execute(text(retire))
        await connection.commit()

    with pytest.raises(ValidationError, match="retired"):
        await follow(shop, place)
    assert (await follow(shop, await here(shop)))[0] == []
