"""What a publisher hands out to readers of other hosts: what was not seen yet, in bounds, and never with a gap."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text
from sqlalchemy.pool import AsyncAdaptedQueuePool

from core.tests.messaging.test_housekeeping import fill_up, keeper, let_pass
from core.tests.messaging.two_databases import publish, rows, shop, shop_address
from hedgerow_core.domain import RateLimitError, ValidationError, new_id
from hedgerow_core.messaging import Outlet
from hedgerow_core.messaging.cursors import BEGINNING, RESCAN
from hedgerow_core.messaging.feed_pages import MAX_ID, Page, PageRequest, Position, read
from hedgerow_core.messaging.outlet import WAITING_AT_ONCE
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing.servers import run_sql

__all__ = ["shop", "shop_address"]

LONG_S = 5.0
MUCH_SOONER_S = 2.0


@pytest.fixture
def outlet(shop: Database) -> Outlet:
    return Outlet(shop)


def request(**fields: object) -> PageRequest:
    return PageRequest.model_validate({"snapshot": BEGINNING, "wanted": {"shop.order_placed": 1}, **fields})


async def page(outlet: Outlet, **fields: object) -> Page:
    return read(await outlet.page(request(**fields), asker="books"))


def numbers(page: Page) -> list[int]:
    return [event["payload"]["number"] for event in json.loads(page.events)]


async def behind(outlet: Outlet, shop: Database) -> str:
    """The end of the feed, once nothing that was written before is new any more."""
    found = await page(outlet)
    assert found.head.window is not None
    return found.head.window


async def test_only_the_types_and_versions_that_are_wanted_are_handed_out(outlet: Outlet, shop: Database) -> None:
    await publish(shop, [1])

    assert numbers(await page(outlet)) == [1]
    assert numbers(await page(outlet, wanted={"shop.order_placed": 2})) == []
    assert numbers(await page(outlet, wanted={"shop.order_cancelled": 1})) == []
    assert numbers(await page(outlet, snapshot=RESCAN, after=MAX_ID)) == [], "who begins at the end"


@pytest.mark.parametrize("frozen", [True, False])
async def test_a_window_stays_frozen_while_it_is_paged_through_or_what_commits_late_is_lost(
    outlet: Outlet, shop: Database, frozen: bool
) -> None:
    async with AsyncExitStack() as stack:
        late = await stack.enter_async_context(shop.transaction())
        await late.execute(
            text(
                """
                INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version,
                    payload, occurred_at)
                VALUES (:id, 'shop.order_placed', 1, 'order', :id, 1, '{"number": 0}', clock_timestamp())
                """
            ),
            {"id": new_id()},
        )
        await publish(shop, [1, 2, 3])
        first = await page(outlet, limit=2)
        assert (numbers(first), first.head.more) == ([1, 2], True)
    target = first.head.window if frozen else None
    second = await page(outlet, limit=2, after=first.head.last, target=target)
    third = await page(outlet, snapshot=second.head.window)

    assert [numbers(second), numbers(third)] == [[3], [0] if frozen else []]


async def test_who_waits_is_told_at_once_what_this_process_commits(outlet: Outlet, shop: Database) -> None:
    end = await behind(outlet, shop)
    waiting = asyncio.create_task(page(outlet, snapshot=end, wait_s=LONG_S))
    await asyncio.sleep(0.1)
    began = time.monotonic()

    await publish(shop, [1])
    outlet.nudge()

    assert numbers(await waiting) == [1]
    assert time.monotonic() - began < MUCH_SOONER_S


async def test_who_waits_is_told_soon_what_another_process_commits_and_in_the_end_that_there_is_nothing(
    outlet: Outlet, shop: Database
) -> None:
    end = await behind(outlet, shop)
    waiting = asyncio.create_task(page(outlet, snapshot=end, wait_s=LONG_S))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await publish(shop, [1])
    assert numbers(await waiting) == [1]
    assert time.monotonic() - began < MUCH_SOONER_S

    end = await behind(outlet, shop)
    nothing = await page(outlet, snapshot=end, wait_s=0.2)
    assert (nothing.head.count, nothing.head.more) == (0, False)


async def test_who_waits_holds_no_connection(outlet: Outlet, shop: Database) -> None:
    end = await behind(outlet, shop)
    waiting = [asyncio.create_task(page(outlet, snapshot=end, wait_s=1)) for _ in range(WAITING_AT_ONCE)]
    await asyncio.sleep(0.2)

    pool = shop.engine.pool
    assert isinstance(pool, AsyncAdaptedQueuePool)
    in_use = []
    for _ in range(20):
        in_use.append(pool.checkedout())
        await asyncio.sleep(0.01)
    await asyncio.gather(*waiting)

    assert min(in_use) == 0, in_use


async def test_no_more_than_so_many_of_an_asker_wait_and_others_are_not_touched_by_that(
    outlet: Outlet, shop: Database
) -> None:
    end = await behind(outlet, shop)
    waiting = [asyncio.create_task(page(outlet, snapshot=end, wait_s=1)) for _ in range(WAITING_AT_ONCE)]
    await asyncio.sleep(0.1)

    with pytest.raises(RateLimitError) as refused:
        await page(outlet, snapshot=end, wait_s=1)
    read(await outlet.page(request(snapshot=end, wait_s=0.1), asker="archive"))
    await asyncio.gather(*waiting)

    assert refused.value.code == "too_many_readers"
    await page(outlet, snapshot=end, wait_s=0.1)


async def test_a_reader_that_has_gone_is_not_waited_for(outlet: Outlet, shop: Database) -> None:
    end = await behind(outlet, shop)

    async def gone() -> bool:
        return True

    began = time.monotonic()
    await outlet.page(request(snapshot=end, wait_s=LONG_S), asker="books", gone=gone)
    assert time.monotonic() - began < MUCH_SOONER_S


@pytest.mark.parametrize("snapshot", ["7:3:", "1:1:9", "5:9:,"])
async def test_a_place_that_postgresql_never_gave_out_is_refused(outlet: Outlet, snapshot: str) -> None:
    with pytest.raises(ValidationError) as refused:
        await page(outlet, snapshot=snapshot)

    assert refused.value.code == "invalid_cursor"


async def test_a_place_of_another_cluster_gets_no_events_and_reports_nothing(
    outlet: Outlet, shop: Database
) -> None:
    await publish(shop, [1])
    passed = (Position(snapshot="900:900:", subscriptions=("books.note",)),)

    found = await page(outlet, cluster=4711, passed=passed)

    assert (found.head.window, numbers(found)) == (None, [])
    assert found.head.cluster != 4711
    assert await rows(shop, "SELECT consumer FROM feed_consumers") == []


async def test_what_a_reader_has_not_passed_is_kept_and_who_was_silent_for_too_long_is_told_what_it_missed(
    outlet: Outlet, shop: Database
) -> None:
    end = await behind(outlet, shop)
    here = (Position(snapshot=end, subscriptions=("books.note",)),)
    cluster = (await page(outlet)).head.cluster
    await publish(shop, [1])
    await fill_up(shop)
    await publish(shop, [2])
    housekeeping = keeper(shop)
    await housekeeping.open()
    await housekeeping.cut()
    await let_pass(shop, housekeeping._keep_events * 2)

    told = await page(outlet, cluster=cluster, snapshot=end, passed=here)
    await housekeeping.retire()
    assert numbers(told) == [1, 2]
    assert numbers(await page(outlet, snapshot=end)) == [1, 2], "the reader holds them"

    await let_pass(shop, housekeeping._keep_events * 2)
    await housekeeping.retire()
    told = await page(outlet, cluster=cluster, snapshot=end, passed=here)
    assert told.head.expired == ("books.note",)
    assert told.events == "[]"


async def test_a_report_is_answered_with_the_oldest_event_that_is_kept(outlet: Outlet, shop: Database) -> None:
    passed = (Position(snapshot=BEGINNING, subscriptions=("books.note",)),)
    assert (await page(outlet, passed=passed)).head.oldest == MAX_ID
    await publish(shop, [1, 2])
    assert (await page(outlet, passed=passed)).head.oldest == 1
    assert (await page(outlet)).head.oldest is None


async def test_a_page_is_found_by_index_however_much_there_is(
    outlet: Outlet, shop: Database, shop_address: DatabaseAddress
) -> None:
    await publish(shop, range(1, 20_001))
    end = await behind(outlet, shop)
    await asyncio.to_thread(run_sql, shop_address, "ANALYZE shop.outbox")
    await publish(shop, [20_001])

    statement = outlet.new.text
    for name, value in {
        "target": "NULL",
        "types": "ARRAY['shop.order_placed']",
        "oldest": "ARRAY[1]",
        "after": "0",
        "since": "NULL",
        "limit": "2000",
        "seen": "4000",
        "bytes": "4000000",
        "snapshot": f"'{end}'",
    }.items():
        statement = statement.replace(f":{name}", value)
    async with shop.reading() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN {statement}")).scalars().all()

    assert "xid_id_idx" in "\n".join(plan), "\n".join(plan)


async def test_who_wants_few_of_many_is_led_through_them_in_bounded_steps(shop: Database) -> None:
    class ShortSighted(Outlet):
        seen = 10

    outlet = ShortSighted(shop)
    await publish(shop, range(1, 36))
    wanted = {"shop.order_cancelled": 1}
    steps = [await page(outlet, wanted=wanted)]
    while steps[-1].head.more:
        head = steps[-1].head
        steps.append(await page(outlet, wanted=wanted, after=head.last, target=head.window))

    assert [(step.head.count, step.head.last, step.head.more) for step in steps] == [
        (0, 10, True),
        (0, 20, True),
        (0, 30, True),
        (0, 35, False),
    ]
    assert numbers(await page(outlet, after=30)) == [31, 32, 33, 34, 35]
