"""A context like billing asks users who somebody is, on a real database, and each under its own role."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hedgerow_core.domain import NotFoundError
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import MigratedDatabases
from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.discovery import load_contexts
from hedgerow_host.settings import Environment
from hedgerow_users import plugin as users_plugin
from hedgerow_users.application.commands.register_user import OpenAccount
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import PasswordHash
from tests.garden import install_garden

GARDEN = """
from dataclasses import dataclass
from uuid import UUID
from dependency_injector import containers, providers
from pydantic import BaseModel
from hedgerow_core.application import Query, QueryHandler
from hedgerow_core.messaging import LedgerWork
from hedgerow_core.plugin import Handlers, Manifest, hookimpl
from hedgerow_core.questions import Question

class Gardener(BaseModel):
    email: str
    name: str
    status: str

@dataclass(frozen=True, slots=True, kw_only=True)
class WhoIs(Query[Gardener]):
    id: UUID

class WhoIsHandler:
    def __init__(self, questions):
        self.questions = questions

    async def __call__(self, query):
        return await self.questions.ask("users.get_user", {"user_id": query.id}, as_=Gardener)

class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()
    who_is = providers.Singleton(WhoIsHandler, questions=core.questions)

@hookimpl
def manifest():
    return Manifest(name="garden", version="1.0", core_api=">=0.1,<0.2", optional=("users",))

@hookimpl
def container(core):
    return Container(core=core)

@hookimpl
def handlers(container):
    return Handlers(
        work=lambda connection: LedgerWork(
            connection, context="garden", clock=container.core.clock(), translations={}),
        queries=(QueryHandler(WhoIs, container.who_is()),),
        asks=(Question("users.get_user", as_=Gardener),),
    )
"""


@pytest.fixture
def garden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A context that asks users, and imports nothing of it."""
    install_garden(tmp_path, GARDEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("garden", None)


@pytest.fixture
def address(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    with migrated_databases.copy(users=(users_plugin.migrations(),), garden=()) as address:
        yield address


@pytest.fixture
async def farm(
    garden: None, address: DatabaseAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Assembly]:
    monkeypatch.setenv("USERS_SECRET", "for tests alone, and so it is no secret")
    loaded = load_contexts({"users", "garden"})
    assembly = assemble(loaded, environment=Environment.DEV, data_dir=tmp_path, address=address)
    async with assembly.running():
        yield assembly


async def test_billing_like_code_asks_users_who_somebody_is(farm: Assembly) -> None:
    users, garden = ({one.name: one for one in farm.contexts}[name] for name in ("users", "garden"))
    module: Any = garden.loaded.module
    ada = await users.bus.execute(
        OpenAccount(email=Email("ada@example.org"), name=Name("Ada"), password_hash=PasswordHash("no hash"))
    )

    answer = await garden.bus.ask(module.WhoIs(id=ada))

    assert answer == module.Gardener(email="ada@example.org", name="Ada", status="active")
    with pytest.raises(NotFoundError) as nobody:
        await garden.bus.ask(module.WhoIs(id=uuid4()))
    assert (type(nobody.value), nobody.value.code) == (NotFoundError, "users.account_not_found")
