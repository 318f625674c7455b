"""Events of a publisher in another host arrive as those of this one do: all, once, in order, whoever is away."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from core.tests.messaging.shop_and_books import note, subscription
from core.tests.messaging.two_databases import (
    Wire,
    books,
    books_address,
    carrying,
    delivered,
    publish,
    rows,
    shop,
    shop_address,
    until_delivered,
    wire,
)
from hedgerow_core.messaging import RemoteRelay, Start, cursors, remote_relay
from hedgerow_core.messaging.feed_pages import PAGE, PAGE_BYTES
from hedgerow_core.persistence import Database

__all__ = ["books", "books_address", "shop", "shop_address", "wire"]

MANY = 2 * PAGE + 500


async def test_what_is_published_elsewhere_becomes_deliveries_here(
    shop: Database, books: Database, wire: Wire
) -> None:
    await publish(shop, [1, 2])

    async with carrying(books, wire):
        await until_delivered(books, [1, 2])
        await publish(shop, [3])
        await until_delivered(books, [1, 2, 3])


async def test_an_event_arrives_as_it_was_written(shop: Database, books: Database, wire: Wire) -> None:
    columns = """
        event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload, occurred_at, traceparent,
        causation_id, correlation_id, actor
    """
    said = 'Grüße, "Zitat" \\ 12345678901234567890.123456789 \n\t \U0001f33f'
    await publish(shop, [1], payload=said)

    async with carrying(books, wire):
        await until_delivered(books, [1])

    (sent,) = await rows(shop, f"SELECT ROW({columns}, id)::text FROM outbox")
    (here,) = await rows(books, f"SELECT ROW({columns}, position)::text FROM deliveries")
    assert here == sent


async def test_a_transaction_that_commits_late_is_not_passed_over(
    shop: Database, books: Database, wire: Wire
) -> None:
    async with carrying(books, wire):
        async with shop.transaction() as late:
            await late.execute(text("SELECT nextval('outbox_id_seq'), pg_current_xact_id()"))
            await late.execute(
                text(
                    """
                    INSERT INTO outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version,
                        payload, occurred_at)
                    VALUES (gen_random_uuid(), 'shop.order_placed', 1, 'order', gen_random_uuid(), 1,
                        '{"number": 1}', clock_timestamp())
                    """
                )
            )
            await publish(shop, [2])
            await until_delivered(books, [2])
        await until_delivered(books, [1, 2])


async def test_a_large_window_comes_in_pages_and_stays_as_it_was(
    shop: Database, books: Database, wire: Wire
) -> None:
    await publish(shop, range(1, MANY + 1))

    async with carrying(books, wire):
        await until_delivered(books, range(1, MANY + 1))

    windows = [request.target for request in wire.asked[1:3]]
    assert windows[0] is not None
    assert windows[0] == windows[1]


async def test_a_page_is_bounded_in_bytes_and_a_larger_event_comes_alone(
    shop: Database, books: Database, wire: Wire
) -> None:
    await publish(shop, [1], payload="x" * (PAGE_BYTES + 1))
    await publish(shop, range(2, 12), payload="x" * (PAGE_BYTES // 4))

    async with carrying(books, wire):
        await until_delivered(books, range(1, 12))

    sizes = [len(page) for page in wire.pages]
    assert sizes[0] > PAGE_BYTES
    assert max(sizes[1:]) <= PAGE_BYTES + 1_000
    assert len([size for size in sizes if size > PAGE_BYTES // 4]) >= 4


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (Start.EARLIEST, [1, 2, 3]),
        (Start.LATEST, [3]),
        (datetime.now(UTC) + timedelta(days=1), []),
        (datetime.now(UTC) - timedelta(days=1), [1, 2, 3]),
    ],
)
async def test_a_new_subscription_starts_where_it_wants(
    shop: Database, books: Database, wire: Wire, start: Start | datetime, expected: list[int]
) -> None:
    await publish(shop, [1, 2])
    async with carrying(books, wire, subscription(note, start=start)):
        await wire.until(asked=2)
        await publish(shop, [3])
        await until_delivered(books, expected)
        await wire.until(asked=len(wire.asked) + 1)
        assert await delivered(books) == expected


async def test_subscriptions_that_are_apart_meet_and_then_wait_together(
    shop: Database, books: Database, wire: Wire
) -> None:
    first, second = subscription(note), subscription(note, start=datetime.now(UTC) - timedelta(days=1))
    object.__setattr__(second, "name", "books.note_it_again")
    await publish(shop, [1])
    async with carrying(books, wire, first):
        await until_delivered(books, [1])
    await publish(shop, [2])

    async with carrying(books, wire, first, second):
        await until_delivered(books, [1, 2])
        await until_delivered(books, [1, 2], second.name)
        await wire.until(asked=len(wire.asked) + 1)

    assert wire.asked[-1].wait_s > 0
    places = await rows(books, "SELECT DISTINCT snapshot FROM feed_cursors")
    assert len(places) == 1


async def test_of_many_relays_one_reads_and_when_it_ends_another_goes_on(
    shop: Database, books: Database, wire: Wire
) -> None:
    idle = Wire(shop)
    async with carrying(books, wire, holder="a"):
        await publish(shop, [1])
        await until_delivered(books, [1])
        async with carrying(books, idle, holder="b"):
            await publish(shop, [2])
            await until_delivered(books, [1, 2])
            assert idle.asked == []
    async with carrying(books, idle, holder="b"):
        await publish(shop, [3])
        await until_delivered(books, [1, 2, 3])


async def test_a_relay_that_does_not_lead_goes_on_when_the_one_that_leads_ends(
    shop: Database, books: Database, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_relay, "RENEW_AFTER_S", 600.0)
    monkeypatch.setattr(remote_relay, "LOOK_AGAIN_S", 0.01)
    monkeypatch.setattr(cursors, "LEASE", timedelta(minutes=10))
    async with AsyncExitStack() as leading:
        await leading.enter_async_context(carrying(books, wire, holder="a"))
        await publish(shop, [1])
        await until_delivered(books, [1])
        async with carrying(books, Wire(shop), holder="b") as waiting:
            await publish(shop, [2])
            await until_delivered(books, [1, 2])
            assert not waiting.leads

            await leading.aclose()
            await publish(shop, [3])
            await until_delivered(books, [1, 2, 3])


async def test_who_lost_the_lease_commits_nothing_that_it_has_read(
    shop: Database, books: Database, wire: Wire
) -> None:
    sleeper = RemoteRelay(books, "shop", [subscription(note)], ask=wire, holder="sleeper")
    await sleeper.open()
    await sleeper.step()
    await publish(shop, [1])
    await wire.until(asked=1)
    await rows(books, "UPDATE feed_cursors SET expires_at = '-infinity'")
    async with carrying(books, Wire(shop), holder="successor"):
        await until_delivered(books, [1])
        before = await rows(books, "SELECT snapshot FROM feed_cursors")
        await wire.until(answered=1)
        await sleeper.step()

        assert await rows(books, "SELECT holder FROM feed_cursors") == ["successor"]
        assert await delivered(books) == [1]
        assert before
    await sleeper.close()


async def test_a_publisher_that_is_away_is_waited_for_and_nobody_waits_for_the_relay(
    shop: Database, books: Database, wire: Wire
) -> None:
    wire.cut = True
    await publish(shop, [1])
    with capture_logs() as logs:
        async with carrying(books, wire) as relay:
            await wire.until(asked=3)
            began = time.monotonic()
            await relay.step()
            assert time.monotonic() - began < 1
            wire.cut = False
            await until_delivered(books, [1])

    told = [line["event"] for line in logs if line["event"].startswith("feed_")]
    assert told == ["feed_away", "feed_back"]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"no page",
        b'{"cluster": 1}',
        b'{"cluster":1,"window":"1:1:","count":1,"last":1}\n[{"id":"x"}]',
        b"\xff\n[]",
    ],
)
async def test_a_page_that_makes_no_sense_is_refused_and_asked_for_again(
    shop: Database, books: Database, wire: Wire, nonsense: bytes
) -> None:
    await publish(shop, [1])
    wire.garbled = lambda _page: nonsense
    with capture_logs() as logs:
        async with carrying(books, wire):
            await wire.until(asked=2)
            assert await delivered(books) == []
            wire.garbled = lambda page: page
            await until_delivered(books, [1])

    assert "feed_away" in [line["event"] for line in logs]


async def test_a_publisher_whose_database_is_another_one_is_read_from_the_beginning_and_nothing_is_doubled(
    shop: Database, books: Database, wire: Wire
) -> None:
    await publish(shop, [1, 2])
    async with carrying(books, wire):
        await until_delivered(books, [1, 2])
    await rows(books, "UPDATE feed_cursors SET system_identifier = 1, snapshot = '900000:900000:'")
    await publish(shop, [3])

    with capture_logs() as logs:
        async with carrying(books, wire):
            await until_delivered(books, [1, 2, 3])
            await publish(shop, [4])
            await until_delivered(books, [1, 2, 3, 4])

    assert "feed_restarted" in [line["event"] for line in logs]
    assert await rows(shop, "SELECT count(*) FROM feed_consumers WHERE passed >= '900000'") == [0]


async def test_who_takes_one_step_at_a_time_catches_up_with_all_there_is(
    shop: Database, books: Database, wire: Wire
) -> None:
    relay = RemoteRelay(books, "shop", [subscription(note)], ask=wire, holder="test")
    await relay.open()
    await publish(shop, range(1, MANY + 1))

    await relay.catch_up()

    assert await delivered(books) == list(range(1, MANY + 1))
    await rows(books, "UPDATE feed_cursors SET system_identifier = 1")
    await publish(shop, [MANY + 1])
    await relay.catch_up()
    assert await delivered(books) == list(range(1, MANY + 2))
    assert max(request.wait_s for request in wire.asked) == 0
    await relay.close()


async def test_a_publisher_that_says_that_it_is_back_is_not_waited_for_any_longer(
    shop: Database, books: Database, wire: Wire
) -> None:
    wire.cut = True
    await publish(shop, [1])
    async with carrying(books, wire) as relay:
        await wire.until(asked=7)  # the next pause takes 1.5 s at least
        asked, wire.cut = len(wire.asked), False
        began = time.monotonic()
        relay.hurry()
        await wire.until(asked=asked + 1)
        assert time.monotonic() - began < 1
        await until_delivered(books, [1])
