"""What a token introduces is looked up twice a second at most, and nobody is remembered for longer."""

from __future__ import annotations

import pytest

from hedgerow_core.domain import new_id
from hedgerow_users.application.commands.provision_account import RecognizeIdentity
from hedgerow_users.application.identity_ports import KnownIdentity
from hedgerow_users.application.introduction import Introduction
from hedgerow_users.domain.account import AccountId, AccountStatus
from hedgerow_users.domain.account_errors import AccountDeactivated, AccountGone
from hedgerow_users.domain.roles import Role
from hedgerow_users.domain.second_factor import SecondFactorPolicy
from hedgerow_users.infrastructure import provider_issuers
from hedgerow_users.infrastructure.provider_issuers import BELIEVED_FOR_S, Recognized

SHUT_OUT_WITHIN_S = 1.0


class Books:
    """Who is known, and how often somebody has looked."""

    def __init__(self) -> None:
        self.now, self.asked = 100.0, 0
        self.status: AccountStatus | None = AccountStatus.ACTIVE
        self.is_over = False
        self.account, self.roles = AccountId(new_id()), frozenset({"user"})

    async def __call__(self, introduced: Introduction) -> KnownIdentity:
        self.asked += 1
        self.now += 0.1  # so long does it take to look
        return KnownIdentity(account_id=self.account, is_over=self.is_over, status=self.status, roles=self.roles)


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def recognized(books: Books) -> Recognized:
    recognize: RecognizeIdentity = books  # type: ignore[assignment]
    return Recognized("acme", recognize, SecondFactorPolicy(), lambda: books.now)


async def test_a_hot_caller_is_looked_up_twice_a_second(books: Books, recognized: Recognized) -> None:
    started, calls = books.now, 0
    while books.now - started < 10:
        principal = await recognized({"sub": "ann"})
        books.now += 0.01
        calls += 1

    assert calls > 500
    assert books.asked <= 10 / BELIEVED_FOR_S
    assert (principal.subject, principal.session, principal.roles) == (books.account, None, {"user"})


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"status": AccountStatus.DEACTIVATED}, AccountDeactivated),
        ({"status": AccountStatus.DELETED}, AccountGone),
        ({"is_over": True}, AccountGone),
    ],
)
async def test_who_is_shut_out_is_out_within_a_second_of_it(
    books: Books, recognized: Recognized, change: dict[str, object], refusal: type[Exception]
) -> None:
    await recognized({"sub": "ann"})
    for name, value in change.items():
        setattr(books, name, value)
    books.now += BELIEVED_FOR_S
    assert BELIEVED_FOR_S < SHUT_OUT_WITHIN_S
    for _ in range(2):
        with pytest.raises(refusal):
            await recognized({"sub": "ann"})


async def test_the_memory_is_bounded(books: Books, recognized: Recognized, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_issuers, "MOST_REMEMBERED", 3)
    for number in range(10):
        await recognized({"sub": f"ann{number}"})

    assert list(recognized._known) == ["ann7", "ann8", "ann9"]


@pytest.mark.parametrize(
    ("amr", "carried"),
    [
        ({}, {"user"}),
        ({"amr": ["pwd"]}, {"user"}),
        ({"amr": "mfa"}, {"user"}),
        ({"amr": ["pwd", "mfa"]}, {"admin"}),
    ],
)
async def test_roles_that_wait_for_a_second_factor_are_carried_if_the_provider_has_asked_for_one(
    books: Books, amr: dict[str, object], carried: set[str]
) -> None:
    books.roles = frozenset({"admin"})
    recognize: RecognizeIdentity = books  # type: ignore[assignment]
    recognized = Recognized("acme", recognize, SecondFactorPolicy(frozenset({Role.ADMIN})), lambda: books.now)
    other = {"sub": "ann", "amr": ["mfa"]} if carried == {"user"} else {"sub": "ann"}
    for _ in range(2):  # looked up, and remembered
        await recognized(other)
        assert (await recognized({"sub": "ann", **amr})).roles == carried


async def test_where_no_role_waits_nobody_is_asked_how_they_logged_in(books: Books, recognized: Recognized) -> None:
    books.roles = frozenset({"admin"})
    assert (await recognized({"sub": "ann"})).roles == {"admin"}
