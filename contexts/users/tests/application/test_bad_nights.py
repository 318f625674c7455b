"""What operators do in a bad night: handlers above every account, and the rules that hold even for them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from hedgerow_core.application import Bus
from hedgerow_core.domain import AuthenticationError, DomainError, Secret
from hedgerow_core.security import TokenIssuer, TokenVerifier
from hedgerow_core.testing import FakeClock
from hedgerow_core.testing.mailbox import Mailbox
from hedgerow_users import plugin
from hedgerow_users.application.commands.assign_roles import AssignRoles
from hedgerow_users.application.commands.deactivate_account import DeactivateAccount
from hedgerow_users.application.commands.end_every_session import SHUT_FOR, EndEverySession
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.log_in_by_link import LogInByLink
from hedgerow_users.application.commands.make_login_link import MakeLoginLink
from hedgerow_users.application.commands.reactivate_account import ReactivateAccount
from hedgerow_users.application.commands.refresh_session import RefreshSession
from hedgerow_users.application.session_tokens import SessionTokens
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountDeactivated
from hedgerow_users.domain.administration_errors import LastSuperAdmin
from hedgerow_users.domain.authority import Operator
from hedgerow_users.domain.proof_errors import InvalidLink
from hedgerow_users.domain.roles import Role
from hedgerow_users.domain.second_factor import hash_of_recovery_code
from hedgerow_users.domain.second_factor_errors import SecondFactorRequired
from hedgerow_users.domain.session_errors import InvalidRefreshToken
from hedgerow_users.infrastructure.repositories import AccountRepository

ROOT, BOSS, ADA = "root@example.org", "boss@example.org", "ada@example.org"
PASSWORD = Secret("correct horse")
SOMEBODY = Operator("cli:somebody")
QUARTER = timedelta(minutes=15)

Rows = Callable[..., Awaitable[Any]]
WorkOff = Callable[[], Awaitable[None]]
Make = Callable[[str], Awaitable[AccountId]]


@pytest.fixture
def super_admin(container: UsersContainer, bus: Bus) -> Make:
    async def super_admin(email: str) -> AccountId:
        return AccountId((await container.create_admin(bus=bus)(email=email, password=PASSWORD, name="Root")).id)

    return super_admin


@pytest.fixture
async def ada(super_admin: Make, rows: Rows) -> AccountId:
    account = await super_admin(ADA)
    await rows("UPDATE accounts SET roles = ARRAY['user'] WHERE id = :id", id=account)
    return account


@pytest.fixture
def by_link(container: UsersContainer, bus: Bus) -> LogInByLink:
    return container.log_in_by_link(bus=bus)


async def outcome(of: Awaitable[object]) -> type[DomainError] | None:
    try:
        await of
    except DomainError as error:
        return type(error)
    return None


def demote(account: AccountId) -> AssignRoles:
    return AssignRoles(actor_id=SOMEBODY, account_id=account, roles=frozenset({Role.USER}))


def shut_out(account: AccountId) -> DeactivateAccount:
    return DeactivateAccount(actor_id=SOMEBODY, account_id=account)


# The last super_admin


@pytest.mark.parametrize("unmake", [demote, shut_out])
async def test_an_operator_unmakes_a_super_admin_as_long_as_another_one_stays(
    super_admin: Make, bus: Bus, unmake: Callable[[AccountId], Any]
) -> None:
    root = await super_admin(ROOT)
    with pytest.raises(LastSuperAdmin):
        await bus.execute(unmake(root))
    boss = await super_admin(BOSS)
    await bus.execute(unmake(boss))
    with pytest.raises(LastSuperAdmin):
        await bus.execute(unmake(root))


async def test_who_is_shut_out_does_not_count_as_another_one(super_admin: Make, bus: Bus) -> None:
    root, boss = await super_admin(ROOT), await super_admin(BOSS)
    await bus.execute(shut_out(boss))
    with pytest.raises(LastSuperAdmin):
        await bus.execute(demote(root))
    await bus.execute(ReactivateAccount(actor_id=SOMEBODY, account_id=boss))
    await bus.execute(demote(root))


async def test_of_two_who_are_unmade_at_the_same_moment_one_stays(super_admin: Make, bus: Bus) -> None:
    root, boss = await super_admin(ROOT), await super_admin(BOSS)
    found = await asyncio.gather(outcome(bus.execute(demote(root))), outcome(bus.execute(shut_out(boss))))
    assert Counter(found) == {None: 1, LastSuperAdmin: 1}


async def test_without_locks_both_are_unmade(super_admin: Make, bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""

    async def looks_only(self: AccountRepository) -> list[AccountId]:
        found = await self._connection.execute(
            text("SELECT id FROM accounts WHERE 'super_admin' = ANY (roles) AND status = 'active'")
        )
        await asyncio.sleep(0.2)
        return [AccountId(id) for id in found.scalars()]

    root, boss = await super_admin(ROOT), await super_admin(BOSS)
    monkeypatch.setattr(AccountRepository, "take_super_admins", looks_only)
    found = await asyncio.gather(outcome(bus.execute(demote(root))), outcome(bus.execute(shut_out(boss))))
    assert found == [None, None]


async def test_roles_that_an_operator_gives_end_the_sessions_of_before(
    ada: AccountId, bus: Bus, log_in: LogIn, refresh: RefreshSession
) -> None:
    tokens = await log_in(email=ADA, password=PASSWORD)
    await bus.execute(AssignRoles(actor_id=SOMEBODY, account_id=ada, roles=frozenset({Role.SUPER_ADMIN})))
    with pytest.raises(InvalidRefreshToken):
        await refresh(refresh_token=tokens.refresh_token)


# Login links


async def test_a_login_link_logs_in_once_and_the_owner_is_told(
    ada: AccountId, bus: Bus, by_link: LogInByLink, rows: Rows, work_off: WorkOff, mailbox: Mailbox
) -> None:
    token = await bus.execute(MakeLoginLink(account_id=ada, lifetime=QUARTER))
    assert token.reveal() not in str(await rows("SELECT * FROM links"))
    found = await asyncio.gather(*(outcome(by_link(token=token)) for _ in range(10)))
    assert Counter(found) == {None: 1, InvalidLink: 9}
    await work_off()
    assert mailbox.wait_for(ADA, about="logged in with a link")


async def test_a_login_link_is_good_for_its_time_and_as_long_as_no_other_replaces_it(
    ada: AccountId, bus: Bus, by_link: LogInByLink, clock: FakeClock
) -> None:
    first, second = [await bus.execute(MakeLoginLink(account_id=ada, lifetime=QUARTER)) for _ in range(2)]
    with pytest.raises(InvalidLink):
        await by_link(token=first)
    clock.advance(QUARTER)
    for token in (second, Secret("made up"), Secret("\ud800")):
        for code in (None, Secret("123456")):
            with pytest.raises(InvalidLink):
                await by_link(token=token, code=code)


async def test_a_login_link_opens_no_closed_account(ada: AccountId, bus: Bus, by_link: LogInByLink) -> None:
    token = await bus.execute(MakeLoginLink(account_id=ada, lifetime=QUARTER))
    await bus.execute(shut_out(ada))
    with pytest.raises(InvalidLink):
        await by_link(token=token)
    with pytest.raises(AccountDeactivated):
        await bus.execute(MakeLoginLink(account_id=ada, lifetime=QUARTER))


async def test_a_login_link_stands_for_the_password_and_not_for_the_second_factor(
    ada: AccountId, bus: Bus, by_link: LogInByLink, rows: Rows
) -> None:
    await rows("INSERT INTO second_factors VALUES (:id, 'sealed', now(), now(), 0)", id=ada)
    code = Secret("k5qw-3jhd-m2xa-7tcn-q4vy-hzr2")
    hash = hash_of_recovery_code(code)
    await rows("INSERT INTO recovery_codes VALUES (:id, :hash)", id=ada, hash=hash)
    token = await bus.execute(MakeLoginLink(account_id=ada, lifetime=QUARTER))
    with pytest.raises(SecondFactorRequired):
        await by_link(token=token)
    await by_link(token=token, code=code)


# Everybody


@pytest.fixture
async def two(super_admin: Make, log_in: LogIn) -> list[SessionTokens]:
    """Two people who are logged in."""
    for email in (ROOT, BOSS):
        await super_admin(email)
    return [await log_in(email=email, password=PASSWORD) for email in (ROOT, BOSS)]


async def test_everybody_is_logged_out_by_one_revocation(
    two: list[SessionTokens],
    bus: Bus,
    refresh: RefreshSession,
    container: UsersContainer,
    clock: FakeClock,
    rows: Rows,
) -> None:
    issuers = [one for one in plugin.authenticators(container) if isinstance(one, TokenIssuer)]
    verifier = TokenVerifier(issuers, clock)
    assert await bus.execute(EndEverySession()) == 2
    assert len(await rows("SELECT 1 FROM revocations")) == 1
    await container.revocations().read()
    for tokens in two:
        with pytest.raises(InvalidRefreshToken):
            await refresh(refresh_token=tokens.refresh_token)
        with pytest.raises(AuthenticationError) as refused:
            await verifier.verify(tokens.access_token.reveal())
        assert refused.value.code == "token_revoked"


async def test_who_logs_in_afterwards_is_believed_a_few_seconds_later(
    two: list[SessionTokens],
    bus: Bus,
    log_in: LogIn,
    refresh: RefreshSession,
    container: UsersContainer,
    clock: FakeClock,
) -> None:
    issuers = [one for one in plugin.authenticators(container) if isinstance(one, TokenIssuer)]
    verifier = TokenVerifier(issuers, clock)
    await bus.execute(EndEverySession())
    await container.revocations().read()
    tokens = await log_in(email=ROOT, password=PASSWORD)
    assert await outcome(verifier.verify(tokens.access_token.reveal())) is AuthenticationError
    clock.advance(SHUT_FOR)
    await verifier.verify((await refresh(refresh_token=tokens.refresh_token)).access_token.reveal())
