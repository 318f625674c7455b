"""`shelf`: keeps books, whose titles come to be called names.

A context of the fault laboratory, with four releases of itself: `LAB_SHELF_RELEASE` says which one this is. The
second expands the schema, the third does without what is old, and the fourth contracts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from dependency_injector import containers, providers
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application import Bus, Command, CommandHandler
from hedgerow_core.domain import Clock, new_id
from hedgerow_core.http import ContextRouter, public
from hedgerow_core.messaging import LedgerWork
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import CoreContainer, Handlers, Manifest, hookimpl

RELEASE = int(os.environ.get("LAB_SHELF_RELEASE", "1"))
_ADD, _LATEST = {
    1: ("INSERT INTO books (id, title) VALUES (:id, :said)", "title"),
    2: ("INSERT INTO books (id, title, name) VALUES (:id, :said, :said)", "coalesce(name, title)"),
    3: ("INSERT INTO books (id, name) VALUES (:id, :said)", "name"),
    4: ("INSERT INTO books (id, name) VALUES (:id, :said)", "name"),
}[RELEASE]
_READ = text(f"SELECT {_LATEST} FROM books ORDER BY id DESC LIMIT 20")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddBook(Command[None]):
    id: UUID
    said: str


class ShelfWork(LedgerWork):
    """The unit of work of `shelf`."""

    def __init__(self, connection: AsyncConnection, *, clock: Clock) -> None:
        super().__init__(connection, context="shelf", clock=clock, translations={})


async def add_book(command: AddBook, work: ShelfWork) -> None:
    """Add one, and read what others have added, of whatever release they are."""
    await work.connection.execute(text(_ADD), {"id": command.id, "said": command.said})
    latest = (await work.connection.execute(_READ)).scalars().all()
    assert None not in latest, "somebody has added a book that we can't read"


class Book(BaseModel):
    said: str


class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()


@hookimpl
def manifest() -> Manifest:
    return Manifest(name="shelf", version=f"{RELEASE}.0", core_api=">=0.1,<0.2")


@hookimpl
def migrations() -> MigrationHistory:
    return MigrationHistory(f"{__name__}.migrations")


@hookimpl
def container(core: CoreContainer) -> Container:
    return Container(core=core)


@hookimpl
def handlers(container: Container) -> Handlers:
    clock = container.core.clock()
    return Handlers(
        work=lambda connection: ShelfWork(connection, clock=clock), commands=(CommandHandler(AddBook, add_book),)
    )


@hookimpl
def routes(bus: Bus) -> list[ContextRouter]:
    router = ContextRouter("shelf")

    @router.post("/books", status_code=HTTPStatus.CREATED)
    @public
    async def add(body: Book) -> None:
        """Add a book."""
        await bus.execute(AddBook(id=new_id(), said=body.said))

    return [router]
