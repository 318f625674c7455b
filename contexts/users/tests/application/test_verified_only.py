"""Where addresses must be confirmed, who has not done so stays outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.commands.verify_email import VerifyEmail
from hedgerow_users.domain.proof_errors import EmailNotVerified, InvalidCredentials
from hedgerow_users.settings import UsersSettings

Register = Callable[..., Awaitable[AccountView]]

EMAIL, PASSWORD = "ada@example.org", Secret("correct horse")


@pytest.fixture
def settings(settings: UsersSettings) -> UsersSettings:
    return settings.model_copy(update={"require_verified_email": True})


async def test_who_has_confirmed_may_log_in(
    register: Register,
    log_in: LogIn,
    bus: Bus,
    work_off: Callable[[], Awaitable[None]],
    code_for: Callable[[str], Secret],
) -> None:
    await register(email=EMAIL, password=PASSWORD, name="Ada")
    await work_off()
    with pytest.raises(EmailNotVerified):
        await log_in(email=EMAIL, password=PASSWORD)
    await bus.execute(VerifyEmail(code=code_for(EMAIL)))
    await log_in(email=EMAIL, password=PASSWORD)


async def test_that_it_is_not_confirmed_learns_only_who_knows_the_password(
    register: Register, log_in: LogIn
) -> None:
    await register(email=EMAIL, password=PASSWORD, name="Ada")
    with pytest.raises(InvalidCredentials):
        await log_in(email=EMAIL, password=Secret("wrong horse"))
