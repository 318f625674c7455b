"""An event that is published by hand obeys its contract, travels as any other, and is written down."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import pytest

from hedgerow_core.domain import SystemClock, ValidationError
from hedgerow_core.messaging import EventContract, feed, trail
from hedgerow_core.messaging.actions import Decision
from hedgerow_core.messaging.emission import Emission, emit
from hedgerow_core.messaging.feed import FullEvent
from hedgerow_core.messaging.trail import AuditFilter
from hedgerow_core.persistence import Database

AN_ORDER = UUID(int=1)
DECISION = Decision(by="ann", why="it was lost in a restore")


class OrderPlacedV2(EventContract):
    event_type: ClassVar[str] = "shop.order_placed"
    event_version: ClassVar[int] = 2
    order_id: UUID
    number: int


def an_emission(payload: dict[str, Any] | None = None, **options: Any) -> Emission:
    content = {"order_id": str(AN_ORDER), "number": 7} if payload is None else payload
    return Emission(contract=OrderPlacedV2, payload=content, aggregate_id=AN_ORDER, **options)


async def emitted(shop: Database, emission: Emission) -> FullEvent:
    async with shop.transaction() as connection:
        id = await emit(connection, emission, DECISION, SystemClock())
        event = await feed.opened(connection, id)
    assert event is not None
    return event


async def test_it_carries_what_its_contract_says_and_who_published_it(shop: Database) -> None:
    event = await emitted(shop, an_emission(aggregate_type="order", aggregate_version=3))

    assert (event.type, event.version, event.actor) == ("shop.order_placed", 2, "ann")
    assert (event.aggregate_id, event.aggregate_type, event.aggregate_version) == (AN_ORDER, "order", 3)
    assert event.payload == {"order_id": str(AN_ORDER), "number": 7}


async def test_type_and_version_of_the_aggregate_are_the_latest_known_unless_told(shop: Database) -> None:
    await emitted(shop, an_emission(aggregate_type="order", aggregate_version=3))

    event = await emitted(shop, an_emission())

    assert (event.aggregate_type, event.aggregate_version) == ("order", 3)


async def test_nothing_is_invented_about_an_aggregate_of_which_nothing_is_known(shop: Database) -> None:
    with pytest.raises(ValidationError, match="give the aggregate's type and version"):
        await emitted(shop, an_emission())


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"order_id": str(AN_ORDER)}, "number"),
        ({"order_id": str(AN_ORDER), "number": "many"}, "number"),
        ({"order_id": str(AN_ORDER), "number": 7, "nubmer": 8}, "nubmer"),
    ],
)
async def test_a_payload_that_breaks_the_contract_is_refused_and_the_field_named(
    shop: Database, payload: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        await emitted(shop, an_emission(payload, aggregate_type="order", aggregate_version=1))


async def test_it_is_written_down_with_who_and_why(shop: Database) -> None:
    event = await emitted(shop, an_emission(aggregate_type="order", aggregate_version=1))

    async with shop.reading() as connection:
        (entry,) = await trail.listed(connection, AuditFilter(), limit=9)
    assert (entry.action, entry.actor, entry.reason) == ("ledger.emit", "ann", "it was lost in a restore")
    assert (entry.details["ids"], entry.affected) == ([str(event.event_id)], 1)


async def test_what_postgresql_cannot_store_is_refused_in_words(shop: Database) -> None:
    told = {"aggregate_type": "order", "aggregate_version": 1}
    with pytest.raises(ValidationError, match="has a NUL"):
        await emitted(shop, an_emission({"order_id": str(AN_ORDER), "number": 7, "note": "a\x00b"}, **told))

    with pytest.raises(ValidationError, match=r"not as shop\.order_placed promises"):  # the twin: it only looks so
        await emitted(shop, an_emission({"order_id": str(AN_ORDER), "number": 7, "note": "a\\u0000b"}, **told))
