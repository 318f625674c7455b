"""`orchard`: a context that stores each apple it hears of, and the judge of whether it did so once and in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import AggregateRoot, DomainEvent, SystemClock, new_id
from hedgerow_core.messaging import EventContract, LedgerWork, unit_of_work
from hedgerow_core.persistence import Database

PLUGIN = """
import asyncio
from typing import ClassVar
from uuid import UUID

from dependency_injector import containers, providers
from pydantic import BaseModel
from sqlalchemy import text

from hedgerow_core.messaging import EventContract, LedgerWork, Subscription
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import Handlers, Manifest, Subscriptions, hookimpl

class ApplePicked(EventContract):
    event_type: ClassVar[str] = "orchard.apple_picked"
    basket: UUID
    number: int
    takes_s: float

class Apple(BaseModel):
    basket: UUID
    number: int
    takes_s: float

class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()

async def store_apple(apple, envelope, work):
    await asyncio.sleep(apple.takes_s)
    await work.connection.execute(
        text("INSERT INTO stored_apples (basket, number, attempt) VALUES (:basket, :number, :attempt)"),
        {"basket": apple.basket, "number": apple.number, "attempt": envelope.attempt})

@hookimpl
def manifest():
    return Manifest(name="orchard", version="1.0", core_api=">=0.1,<0.2")

@hookimpl
def migrations():
    return MigrationHistory("orchard.migrations")

@hookimpl
def container(core):
    return Container(core=core)

@hookimpl
def handlers(container):
    return Handlers(work=lambda connection: LedgerWork(
        connection, context="orchard", clock=container.core.clock(), translations={}))

@hookimpl
def subscriptions():
    return Subscriptions(publishes=(ApplePicked,), subscribes=(Subscription(
        name="orchard.store_apple", event="orchard.apple_picked", model=Apple, handle=store_apple),))
"""

MIGRATION = '''
"""stored_apples: no constraint on purpose, so that an apple stored twice would show"""

from alembic import op

revision, down_revision, branch_labels, depends_on = "orchard_0001", None, None, None

def upgrade():
    op.execute("""
        CREATE TABLE stored_apples (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            basket uuid NOT NULL,
            number integer NOT NULL,
            attempt integer NOT NULL,
            session integer NOT NULL DEFAULT pg_backend_pid())
    """)
'''


def install_orchard(folder: Path) -> None:
    """Install it below `folder`, which must be on the PYTHONPATH."""
    package, metadata = folder / "orchard", folder / "orchard-1.0.dist-info"
    versions = package / "migrations" / "versions"
    versions.mkdir(parents=True)
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: orchard\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[hedgerow.contexts]\norchard = orchard\n")
    (package / "__init__.py").write_text(PLUGIN)
    (package / "migrations" / "__init__.py").touch()
    (versions / "0001_stored_apples.py").write_text(MIGRATION.lstrip())


@dataclass(frozen=True, slots=True)
class Apple:
    """The `number`th apple in a basket, which is the key that order is promised for."""

    basket: UUID
    number: int


def faults(picked: Iterable[Apple], stored: Sequence[Apple]) -> list[str]:
    """What is wrong with what was stored: lost, ghosts, doubled, out of order."""
    wanted, got = set(picked), Counter(stored)
    found = [f"lost {apple}" for apple in wanted - got.keys()]
    found += [f"ghost {apple}" for apple in got.keys() - wanted]
    found += [f"stored {times} times {apple}" for apple, times in got.items() if times > 1]
    last: dict[UUID, int] = {}
    for apple in stored:
        if apple.number < last.get(apple.basket, 0):
            found.append(f"out of order {apple}")
        last[apple.basket] = apple.number
    return found


# The publisher's half, which plays in the test process as it would in an API process.


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked(DomainEvent):
    apple: Apple
    takes_s: float


class Basket(AggregateRoot[UUID]):
    pass


class ApplePicked(EventContract):
    event_type: ClassVar[str] = "orchard.apple_picked"
    basket: UUID
    number: int
    takes_s: float


def _work(connection: AsyncConnection) -> LedgerWork:
    def published(event: Picked) -> EventContract:
        return ApplePicked(basket=event.apple.basket, number=event.apple.number, takes_s=event.takes_s)

    return LedgerWork(connection, context="orchard", clock=SystemClock(), translations={Picked: published})


async def pick(database: Database, *, baskets: int = 1, apples: int = 1, takes_s: float = 0.0) -> list[Apple]:
    """Record apples in new baskets, the first of every basket before the second of any, a commit each round."""
    rows = [Basket(new_id()) for _ in range(baskets)]
    picked: list[Apple] = []
    for number in range(1, apples + 1):
        async with unit_of_work(database, _work, lambda: None) as work:
            for basket in rows:
                picked.append(Apple(basket.id, number))
                basket.record(Picked(apple=picked[-1], takes_s=takes_s))
                work.saved(basket, version=number)
    return picked


_STORED = text("SELECT basket, number FROM stored_apples WHERE basket = ANY(:baskets) ORDER BY id")


async def stored(database: Database, picked: Iterable[Apple]) -> list[Apple]:
    """What was stored of these baskets, in the order in which it was."""
    baskets = list({apple.basket for apple in picked})
    async with database.reading() as connection:
        return [Apple(row.basket, row.number) for row in await connection.execute(_STORED, {"baskets": baskets})]
