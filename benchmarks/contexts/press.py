"""`press`: notes every apple that was picked, one row an event. That row is the effect that benchmarks count."""

from __future__ import annotations

import os
from uuid import UUID

from dependency_injector import containers, providers
from pydantic import BaseModel
from sqlalchemy import text

from hedgerow_core.domain import Clock
from hedgerow_core.messaging import Envelope, LedgerWork, Subscription
from hedgerow_core.plugin import CoreContainer, Handlers, Manifest, Subscriptions, hookimpl

NAME = "press"
SUBSCRIPTION = "press.note_apple_when_picked"
AT_ONCE = "BENCH_AT_ONCE"
"""Set in the environment of workers whose handler writes its row by a statement of its own."""

_NOTE = text(
    """
    INSERT INTO effects (event_id, tree, number, variety, grams)
    VALUES (:event_id, :tree, :number, :variety, :grams)
    """
)


class PickedApple(BaseModel):
    """What press reads of `orchard.apple_picked`."""

    number: int
    tree: UUID
    variety: str
    grams: int


async def note_apple(apple: PickedApple, envelope: Envelope, work: LedgerWork) -> None:
    """The effect: one row, written with those of its batch."""
    work.write_at_end(_NOTE, {"event_id": envelope.event_id, **apple.__dict__})


async def note_apple_at_once(apple: PickedApple, envelope: Envelope, work: LedgerWork) -> None:
    """The same by a statement of its own, as a handler must that goes on with what it has written."""
    await work.connection.execute(_NOTE, {"event_id": envelope.event_id, **apple.__dict__})


class PressContainer(containers.DeclarativeContainer):
    """What is wired to what."""

    core = providers.DependenciesContainer()


@hookimpl
def manifest() -> Manifest:
    """Who it is."""
    return Manifest(name=NAME, version="1.0", core_api=">=0.1,<1", optional=("orchard",))


@hookimpl
def container(core: CoreContainer) -> PressContainer:
    """What is wired to what."""
    return PressContainer(core=core)


@hookimpl
def handlers(container: PressContainer) -> Handlers:
    """How its unit of work is opened."""
    clock: Clock = container.core.clock()
    return Handlers(work=lambda connection: LedgerWork(connection, context=NAME, clock=clock, translations={}))


@hookimpl
def subscriptions() -> Subscriptions:
    """What it listens to, in the order of each tree."""
    handle = note_apple_at_once if AT_ONCE in os.environ else note_apple
    return Subscriptions(
        subscribes=(
            Subscription(name=SUBSCRIPTION, event="orchard.apple_picked", model=PickedApple, handle=handle),
        )
    )
