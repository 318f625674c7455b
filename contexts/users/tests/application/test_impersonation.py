"""Who holds the secrets of a host may be shown what somebody sees: written down, and of whom may log in alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from hedgerow_core.application import Bus, Cause, caused_by
from hedgerow_core.domain import Secret
from hedgerow_core.security import Principal, TokenIssuer, TokenVerifier
from hedgerow_core.testing import FakeClock
from hedgerow_users import plugin
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.commands.deactivate_account import DeactivateAccount
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountDeactivated
from hedgerow_users.domain.authority import Operator

Rows = Callable[..., Awaitable[Sequence[Any]]]
Register = Callable[..., Awaitable[AccountView]]

OPERATOR = Operator("cli:somebody")
TRAIL = "SELECT actor, subject_id, result, details FROM audit_entries WHERE action = 'users.impersonated'"


@pytest.fixture
async def ada(register: Register, rows: Rows) -> AccountView:
    ada = await register(email="ada@example.org", password=Secret("correct horse"), name="Ada")
    await rows("UPDATE accounts SET roles = ARRAY['admin', 'user'] WHERE id = :id", id=ada.id)
    return ada


async def spoken_for(container: UsersContainer, bus: Bus, email: str) -> Secret | None:
    with caused_by(Cause(actor=OPERATOR.name)):
        return await plugin.impersonate(container, bus)(email, why="GET /v1/users/me")


async def principal_of(container: UsersContainer, clock: FakeClock, token: Secret) -> Principal:
    issuers = [one for one in plugin.authenticators(container) if isinstance(one, TokenIssuer)]
    return await TokenVerifier(issuers, clock).verify(token.reveal())


async def test_the_token_speaks_for_the_account_with_all_its_roles_and_a_line_tells_who_wanted_it(
    container: UsersContainer, bus: Bus, clock: FakeClock, ada: AccountView, rows: Rows
) -> None:
    token = await spoken_for(container, bus, "ADA@example.org")

    assert token is not None
    principal = await principal_of(container, clock, token)
    assert (principal.subject, principal.roles) == (ada.id, {"admin", "user"})
    (line,) = await rows(TRAIL)
    assert tuple(line) == (OPERATOR.name, str(ada.id), "done", {"why": "GET /v1/users/me"})
    assert await rows("SELECT 1 FROM sessions") == [], "nothing that could be refreshed"


async def test_nobody_is_spoken_for_who_may_not_log_in_and_the_attempt_is_written_down(
    container: UsersContainer, bus: Bus, ada: AccountView, rows: Rows
) -> None:
    await bus.execute(DeactivateAccount(actor_id=OPERATOR, account_id=AccountId(ada.id)))

    with pytest.raises(AccountDeactivated):
        await spoken_for(container, bus, ada.email)

    assert [line.result for line in await rows(TRAIL)] == [AccountDeactivated.code]


async def test_an_address_that_nobody_has_gets_no_token(container: UsersContainer, bus: Bus, rows: Rows) -> None:
    assert await spoken_for(container, bus, "nobody@example.org") is None
    assert await rows(TRAIL) == []
