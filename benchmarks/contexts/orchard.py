"""`orchard`: publishes that an apple was picked. The smallest context that a benchmark can publish with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from dependency_injector import containers, providers
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import AggregateRoot, Clock, DomainEvent
from hedgerow_core.messaging import EventContract, LedgerWork
from hedgerow_core.plugin import CoreContainer, Handlers, Manifest, Subscriptions, hookimpl

NAME = "orchard"

_GROW = text(
    "UPDATE trees SET version = :version, grams = grams + :grams WHERE id = :id AND version = :version - 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplePicked(DomainEvent):
    """The fact, as the domain knows it."""

    number: int
    tree: UUID
    variety: str
    grams: int


class ApplePickedV1(EventContract):
    """The fact, as it is published."""

    event_type: ClassVar[str] = "orchard.apple_picked"
    number: int
    tree: UUID
    variety: str
    grams: int


class Tree(AggregateRoot[UUID]):
    """What is changed when an apple is picked; its id is the ordering key."""


class OrchardWork(LedgerWork):
    """A unit of work with the one change that there is to make."""

    async def grow(self, tree: UUID, version: int, grams: int) -> None:
        """The change of a business table, under the aggregate's version check."""
        done = await self.connection.execute(_GROW, {"id": tree, "version": version, "grams": grams})
        if done.rowcount != 1:
            raise RuntimeError(f"tree {tree} is not at version {version - 1}")


def work_with(clock: Clock, connection: AsyncConnection) -> OrchardWork:
    """Open the unit of work."""
    return OrchardWork(connection, context=NAME, clock=clock, translations={ApplePicked: _published})


def _published(event: ApplePicked) -> ApplePickedV1:
    return ApplePickedV1(number=event.number, tree=event.tree, variety=event.variety, grams=event.grams)


class OrchardContainer(containers.DeclarativeContainer):
    """What is wired to what."""

    core = providers.DependenciesContainer()


@hookimpl
def manifest() -> Manifest:
    """Who it is."""
    return Manifest(name=NAME, version="1.0", core_api=">=0.1,<1")


@hookimpl
def container(core: CoreContainer) -> OrchardContainer:
    """What is wired to what."""
    return OrchardContainer(core=core)


@hookimpl
def handlers(container: OrchardContainer) -> Handlers:
    """How its unit of work is opened."""
    clock: Clock = container.core.clock()
    return Handlers(work=lambda connection: work_with(clock, connection))


@hookimpl
def subscriptions() -> Subscriptions:
    """What it publishes."""
    return Subscriptions(publishes=(ApplePickedV1,))
