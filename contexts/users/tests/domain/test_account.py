"""What happens to an account is recorded where it happens."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hedgerow_users.domain.account import Account
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.errors import InvalidName
from hedgerow_users.domain.events import PasswordChanged, UserRegistered
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import PasswordHash

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def ada() -> Account:
    return Account.register(
        email=Email.written("Ada@example.org"),
        name=Name.written(" Ada Lovelace "),
        password_hash=PasswordHash("old"),
        at=NOW,
    )


def test_a_newcomer_is_a_user_and_news() -> None:
    account = ada()
    assert account.roles == ("user",)
    assert account.saved_as(1) == (
        UserRegistered(user_id=account.id, email="Ada@example.org", name="Ada Lovelace", registered_at=NOW),
    )


def test_a_changed_password_replaces_the_hash_and_is_recorded() -> None:
    account = ada()
    account.saved_as(1)
    account.change_password(PasswordHash("new"), at=NOW)
    assert account.password_hash == PasswordHash("new")
    assert account.saved_as(2) == (PasswordChanged(user_id=account.id, changed_at=NOW),)


@pytest.mark.parametrize("text", ["", "  ", "x" * 201, "A\x00da", "Ada\nEve", "A\ud800"])
def test_a_name_is_short_and_printable(text: str) -> None:
    with pytest.raises(InvalidName):
        Name.written(text)
