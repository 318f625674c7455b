"""Whoever chooses a password, and however: it is not one that is guessed first, and nothing was hashed for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.change_password import ChangePassword
from hedgerow_users.application.commands.create_admin import CreateAdmin
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.request_link import RequestLink
from hedgerow_users.application.commands.reset_password import ResetPassword
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.link import Purpose
from hedgerow_users.domain.proof_errors import UnsuitablePassword

EMAIL, NAME, PASSWORD, ANOTHER = (
    "ada@example.org",
    "Ada Lovelace",
    Secret("correct horse"),
    Secret("battery staple"),
)

Register = Callable[..., Awaitable[AccountView]]

weak = pytest.mark.parametrize("text", ["Password123!", "lovelace1815", "ada@example.org", "hedgerow-2026"])


@weak
async def test_nobody_registers_with_it(register: Register, text: str) -> None:
    with pytest.raises(UnsuitablePassword):
        await register(email=EMAIL, password=Secret(text), name=NAME)


@weak
async def test_no_operator_gives_it_to_an_admin(container: UsersContainer, bus: Bus, text: str) -> None:
    create: CreateAdmin = container.create_admin(bus=bus)
    with pytest.raises(UnsuitablePassword):
        await create(email=EMAIL, password=Secret(text), name=NAME)


@weak
async def test_nobody_changes_to_it(
    register: Register, change_password: ChangePassword, log_in: LogIn, text: str
) -> None:
    account = await register(email=EMAIL, password=PASSWORD, name=NAME)
    with pytest.raises(UnsuitablePassword) as refused:
        await change_password(account_id=AccountId(account.id), current=PASSWORD, new=Secret(text))
    assert refused.value.field == "new_password"
    await log_in(email=EMAIL, password=PASSWORD)


async def test_nobody_resets_to_it_and_the_code_stays_good(
    register: Register,
    container: UsersContainer,
    bus: Bus,
    log_in: LogIn,
    work_off: Callable[[], Awaitable[None]],
    code_for: Callable[..., Secret],
) -> None:
    reset: ResetPassword = container.reset_password(bus=bus)
    await register(email=EMAIL, password=PASSWORD, name=NAME)
    await bus.execute(RequestLink(purpose=Purpose.RESET_PASSWORD, email=EMAIL))
    await work_off()
    code = code_for(EMAIL, "new password")
    with pytest.raises(UnsuitablePassword):
        await reset(code=code, new=Secret("lovelace1815"))
    await reset(code=code, new=ANOTHER)
    await log_in(email=EMAIL, password=ANOTHER)
