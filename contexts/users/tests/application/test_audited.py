"""Who did what to whom is written down, with what came of it, and never a secret."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from hedgerow_core.application import Bus, Cause, caused_by
from hedgerow_core.domain import DomainError, Secret
from hedgerow_users import plugin
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.audited import AUDITED, EVERYDAY
from hedgerow_users.application.commands.assign_roles import AssignRoles
from hedgerow_users.application.commands.change_password import ChangePassword
from hedgerow_users.application.commands.delete_own_account import DeleteOwnAccount
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.refresh_session import RefreshSession
from hedgerow_users.application.commands.register_user import RegisterUser
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import Client
from hedgerow_users.domain.proof_errors import InvalidCredentials, WrongPassword
from hedgerow_users.domain.roles import Role
from hedgerow_users.domain.session_errors import RefreshTokenReused

PASSWORD = Secret("correct horse")
EMAIL = "ada@example.org"

Register = Callable[..., Awaitable[AccountView]]
Rows = Callable[..., Awaitable[Sequence[Any]]]
Trail = Callable[[], Awaitable[list[tuple[str, str, str | None]]]]


@pytest.fixture
async def ada(register: Register) -> AccountView:
    return await register(email=EMAIL, password=PASSWORD, name="Ada")


@pytest.fixture
def trail(rows: Rows) -> Trail:
    """Action, result and subject of every line, in their order."""

    async def trail() -> list[tuple[str, str, str | None]]:
        lines = await rows("SELECT action, result, subject_id FROM audit_entries ORDER BY id")
        return [(line.action, line.result, line.subject_id) for line in lines]

    return trail


def test_every_command_stands_in_one_of_the_two_tables(container: UsersContainer) -> None:
    handled = {handler.message for handler in plugin.handlers(container).commands}
    assert handled == AUDITED.keys() | EVERYDAY
    assert not AUDITED.keys() & EVERYDAY


def test_no_declaration_names_a_field_that_is_secret_or_personal() -> None:
    assert {name for audited in AUDITED.values() for name in audited.details} <= {
        "roles",
        "scopes",
        "prefix",
        "why",
    }


async def test_a_registration_is_written_down_and_so_is_one_of_a_taken_address(
    ada: AccountView, register_user: RegisterUser, trail: Trail
) -> None:
    await register_user(email=EMAIL, password=PASSWORD, name="Eve")
    assert await trail() == [
        ("users.registered", "done", str(ada.id)),
        ("users.registered", "users.email_taken", None),
    ]


async def test_logins_are_written_down_whether_they_succeed_or_not(
    ada: AccountView, log_in: LogIn, trail: Trail, rows: Rows
) -> None:
    await log_in(email=EMAIL, password=PASSWORD)
    for email in (EMAIL, "my-password-by-mistake@example.org", "no address"):
        with pytest.raises(InvalidCredentials):
            await log_in(email=email, password=Secret("wrong horse"))
    assert (await trail())[1:] == [
        ("users.logged_in", "done", str(ada.id)),
        ("users.logged_in", "users.invalid_credentials", str(ada.id)),
        ("users.logged_in", "users.invalid_credentials", None),
        ("users.logged_in", "users.invalid_credentials", None),
    ]
    written = str(await rows("SELECT to_jsonb(audit_entries) FROM audit_entries"))
    assert "mistake" not in written
    assert "horse" not in written


async def test_a_stolen_refresh_token_is_written_down_and_everyday_refreshing_is_not(
    ada: AccountView, log_in: LogIn, refresh: RefreshSession, trail: Trail, rows: Rows
) -> None:
    first = (await log_in(email=EMAIL, password=PASSWORD)).refresh_token
    await refresh(refresh_token=first)
    with pytest.raises(RefreshTokenReused):
        await refresh(refresh_token=first, client=Client(user_agent="a thief's", address="203.0.113.9"))
    (session,) = await rows("SELECT id FROM sessions")
    assert (await trail())[2:] == [("users.session_refreshed", "users.refresh_token_reused", str(session.id))]
    assert first.reveal() not in str(await rows("SELECT to_jsonb(audit_entries) FROM audit_entries"))


async def test_a_change_of_roles_is_written_down_with_its_actor_and_the_roles(
    ada: AccountView, register: Register, bus: Bus, rows: Rows
) -> None:
    boss = await register(email="boss@example.org", password=PASSWORD, name="Boss")
    await rows("UPDATE accounts SET roles = ARRAY['super_admin'] WHERE id = :id", id=boss.id)
    command = AssignRoles(
        actor_id=AccountId(boss.id), account_id=AccountId(ada.id), roles=frozenset({Role.ADMIN, Role.USER})
    )
    with caused_by(Cause(actor=str(boss.id), address="192.0.2.7")):
        await bus.execute(command)
    (line,) = await rows("SELECT * FROM audit_entries WHERE action = 'users.roles_assigned'")
    assert (line.actor, line.subject_id, line.address) == (str(boss.id), str(ada.id), "192.0.2.7")
    assert line.details == {"roles": ["admin", "user"]}


async def test_what_somebody_may_not_do_is_written_down_as_tried(ada: AccountView, bus: Bus, trail: Trail) -> None:
    command = AssignRoles(actor_id=AccountId(ada.id), account_id=AccountId(ada.id), roles=frozenset({Role.ADMIN}))
    with pytest.raises(DomainError) as refused:
        await bus.execute(command)
    assert (await trail())[1:] == [("users.roles_assigned", refused.value.code, str(ada.id))]


async def test_a_new_password_and_a_deletion_are_written_down(
    ada: AccountView, change_password: ChangePassword, bus: Bus, trail: Trail
) -> None:
    await change_password(account_id=AccountId(ada.id), current=PASSWORD, new=Secret("battery staple"))
    await bus.execute(DeleteOwnAccount(account_id=AccountId(ada.id)))
    assert (await trail())[1:] == [
        ("users.password_changed", "done", str(ada.id)),
        ("users.account_deleted", "done", str(ada.id)),
    ]


async def test_a_guess_at_the_password_within_a_session_is_written_down(
    ada: AccountView, change_password: ChangePassword, trail: Trail
) -> None:
    with pytest.raises(WrongPassword):
        await change_password(account_id=AccountId(ada.id), current=Secret("wrong"), new=Secret("battery staple"))
    assert (await trail())[1:] == [("users.password_proved", "users.wrong_password", str(ada.id))]


async def test_a_revoked_signing_key_is_written_down_once(container: UsersContainer, rows: Rows) -> None:
    kid = (await container.signing_keys().rotate())[-1].kid
    with caused_by(Cause(actor="cli:ann")):
        assert await container.signing_keys().revoke(kid) is not None
        assert await container.signing_keys().revoke(kid) is None
    found = await rows("SELECT actor, subject_id FROM audit_entries WHERE action = 'users.signing_key_revoked'")
    assert [tuple(line) for line in found] == [("cli:ann", kid)]


async def test_a_rotation_of_keys_is_written_down(container: UsersContainer, rows: Rows) -> None:
    with caused_by(Cause(actor="cli:ann")):
        keys = await container.signing_keys().rotate()
    (line,) = await rows("SELECT actor, action, subject_id FROM audit_entries")
    assert tuple(line) == ("cli:ann", "users.signing_keys_rotated", keys[-1].kid)
