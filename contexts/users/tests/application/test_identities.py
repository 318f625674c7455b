"""The last way into an account stays, whoever does what at the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_users.application.commands.link_identity import AddIdentity
from hedgerow_users.application.commands.register_user import RegisterUser
from hedgerow_users.application.commands.unlink_identity import UnlinkIdentity, UnlinkIdentityHandler
from hedgerow_users.application.introduction import Introduction
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.identity import Identity, IdentityId
from hedgerow_users.domain.identity_errors import IdentityTaken, LastWayToLogIn
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.proof_errors import WrongPassword
from hedgerow_users.infrastructure.identities import IdentityRepository


async def stranger(
    container: UsersContainer, database: Database, clock: FakeClock, *, identities: int
) -> tuple[AccountId, list[IdentityId]]:
    """Somebody without a password whom so many identities introduce."""
    account = Account.register(email=Email("ann@example.org"), name=Name("Ann"), password_hash=None, at=clock.now())
    known = [Identity.of("acme", f"acme|{number}", at=clock.now()) for number in range(identities)]
    async with unit_of_work(database, container.work, lambda: None) as work:
        await work.accounts.add(account)
        for identity in known:
            identity.belong_to(account.id)
            await work.identities.save(identity)
    return account.id, [identity.id for identity in known]


async def test_who_has_no_password_keeps_the_last_identity(
    container: UsersContainer, database: Database, bus: Bus, clock: FakeClock
) -> None:
    account, (first, second) = await stranger(container, database, clock, identities=2)

    await bus.execute(UnlinkIdentity(account_id=account, identity_id=first))
    with pytest.raises(LastWayToLogIn):
        await bus.execute(UnlinkIdentity(account_id=account, identity_id=second))


async def unlinked_at_once(
    container: UsersContainer, database: Database, account: AccountId, identities: Sequence[IdentityId]
) -> list[BaseException]:
    """Unlink all of them at the same moment; who was refused."""

    async def unlink(identity: IdentityId) -> None:
        async with unit_of_work(database, container.work, lambda: None) as work:
            await UnlinkIdentityHandler()(UnlinkIdentity(account_id=account, identity_id=identity), work)

    outcomes = await asyncio.gather(*(unlink(identity) for identity in identities), return_exceptions=True)
    return [outcome for outcome in outcomes if isinstance(outcome, BaseException)]


async def test_of_two_that_are_unlinked_at_once_one_stays(
    container: UsersContainer, database: Database, clock: FakeClock
) -> None:
    account, identities = await stranger(container, database, clock, identities=2)

    refused = await unlinked_at_once(container, database, account, identities)

    assert [type(error) for error in refused] == [LastWayToLogIn]


async def test_without_the_locks_both_would_go(
    container: UsersContainer, database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, identities = await stranger(container, database, clock, identities=2)
    both_have_looked = asyncio.Barrier(2)

    async def look(_repository: IdentityRepository, of: AccountId) -> Sequence[Identity]:
        await both_have_looked.wait()
        known = [Identity(id, provider="acme", subject=str(id), created_at=clock.now()) for id in identities]
        for identity in known:
            identity.belong_to(of)
        return known

    monkeypatch.setattr(IdentityRepository, "hold_all_of", look)

    assert await unlinked_at_once(container, database, account, identities) == []


async def test_a_password_that_changes_meanwhile_proves_nothing(
    bus: Bus, register: RegisterUser, clock: FakeClock
) -> None:
    ada = await register(email="ada@example.org", password=Secret("correct horse"), name="Ada")
    introduced = Introduction.read("acme", "acme|42", {})
    with pytest.raises(WrongPassword):
        await bus.execute(
            AddIdentity(
                account_id=AccountId(ada.id),
                verified=PasswordHash("the one before"),
                introduced=introduced,
                code=None,
            )
        )


async def test_an_identity_that_has_ended_is_nobodys_any_more(clock: FakeClock) -> None:
    identity = Identity.of("acme", "acme|42", at=clock.now())
    identity.end(at=clock.now())
    with pytest.raises(IdentityTaken):
        identity.belong_to(AccountId(identity.id))
