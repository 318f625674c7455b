"""Services: one live one a name, whoever creates at once; what ends, ends with its keys."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hedgerow_core.application import Bus
from hedgerow_core.security import PrincipalKind
from hedgerow_core.testing import FakeClock
from hedgerow_users.application.api_key_view import NewApiKey
from hedgerow_users.application.commands.create_service import CreateService
from hedgerow_users.application.commands.revoke_leaked_key import RevokeLeakedKey
from hedgerow_users.application.commands.revoke_service import RevokeService
from hedgerow_users.application.queries.list_services import ListServices
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.key_errors import KeyNotFound, ServiceNameTaken, ServiceNotFound, UnknownScopes
from hedgerow_users.domain.service import ServiceName

NAME = ServiceName("billing-host")


def creation(*scopes: str) -> CreateService:
    wanted = frozenset(scopes or {"users:account:read"})
    return CreateService(name=NAME, scopes=wanted, lifetime=timedelta(days=1))


async def test_of_many_that_create_one_name_at_once_one_does(bus: Bus) -> None:
    made = await asyncio.gather(*(bus.execute(creation()) for _ in range(6)), return_exceptions=True)

    assert sorted(type(one).__name__ for one in made) == ["NewApiKey", *["ServiceNameTaken"] * 5]
    assert [row.key is not None for row in await bus.ask(ListServices())] == [True]


async def test_a_service_is_a_principal_without_roles(bus: Bus, container: UsersContainer) -> None:
    made = await bus.execute(creation("users:account:read", "users:write"))
    principal = await container.key_ring().find(made.key.reveal(), "here")

    assert principal is not None
    assert (principal.kind, principal.roles) == (PrincipalKind.SERVICE, frozenset())
    assert principal.scopes == {"users:account:read", "users:write"}


async def test_a_revoked_service_is_gone_with_its_keys_and_its_name_is_free(
    bus: Bus, container: UsersContainer
) -> None:
    made: NewApiKey = await bus.execute(creation())
    await bus.execute(RevokeService(name=NAME))

    assert await container.key_ring().find(made.key.reveal(), "here") is None
    assert await bus.ask(ListServices()) == []
    with pytest.raises(ServiceNotFound):
        await bus.execute(RevokeService(name=NAME))
    await bus.execute(creation())
    with pytest.raises(ServiceNameTaken):
        await bus.execute(creation())


async def test_a_service_outlives_its_keys_and_is_listed_without(
    bus: Bus, container: UsersContainer, clock: FakeClock
) -> None:
    made = await bus.execute(creation())
    clock.advance(timedelta(days=1))

    assert await container.key_ring().find(made.key.reveal(), "here") is None
    (row,) = await bus.ask(ListServices())
    assert (row.service, row.key) == (NAME.text, None)


async def test_scopes_that_mean_nothing_make_no_service(bus: Bus) -> None:
    with pytest.raises(UnknownScopes):
        await bus.execute(creation("users:burn"))
    assert await bus.ask(ListServices()) == []


@pytest.mark.parametrize("found", ["{key}", "{prefix}", "{id}"])
async def test_a_leaked_key_is_ended_by_whatever_of_it_was_found(bus: Bus, found: str) -> None:
    made = await bus.execute(creation())
    prefix = made.view.prefix
    text = found.format(key=made.key.reveal(), prefix=prefix, id=prefix[4:])
    owner = await bus.execute(RevokeLeakedKey(prefix=text))

    assert (owner.service_id is not None, owner.account_id) == (True, None)
    with pytest.raises(KeyNotFound):
        await bus.execute(RevokeLeakedKey(prefix=text))


@pytest.mark.parametrize("found", ["", "hgk_", "hgk_1234567", "hgk_'; DROP", "%%%%%%%%", "hgk_12345678"])
async def test_what_names_no_key_ends_none(bus: Bus, found: str) -> None:
    made = await bus.execute(creation())
    assert "12345678" not in made.view.prefix
    with pytest.raises(KeyNotFound):
        await bus.execute(RevokeLeakedKey(prefix=found))
