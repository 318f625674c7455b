"""What happens to an account is recorded where it happens."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from hedgerow_users.domain.account import Account, AccountStatus
from hedgerow_users.domain.account_errors import (
    AccountDeleted,
    AccountNotActive,
    AccountNotDeactivated,
    InvalidName,
)
from hedgerow_users.domain.administration_errors import SuperAdminImmutable
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.events import (
    Change,
    PasswordChanged,
    UserDeactivated,
    UserDeleted,
    UserReactivated,
    UserRegistered,
    UserUpdated,
)
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.profile import Profile

NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


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


def saved_ada() -> Account:
    account = ada()
    account.saved_as(1)
    return account


def changes_of(account: Account) -> dict[str, Change]:
    (event,) = account.saved_as(2)
    assert isinstance(event, UserUpdated)
    return dict(event.changes)


def test_a_changed_profile_tells_what_was_and_what_is() -> None:
    account = saved_ada()
    assert account.describe(Name("Ada King"), Profile(birthday=date(1815 + 100, 12, 10)), at=LATER)
    assert changes_of(account) == {
        "name": Change(old="Ada Lovelace", new="Ada King"),
        "birthday": Change(old=None, new="1915-12-10"),
    }
    assert account.updated_at == LATER


def test_what_changes_nothing_is_no_news() -> None:
    account = saved_ada()
    assert not account.describe(account.name, Profile(), at=LATER)
    assert not account.assign(["user"], at=LATER)
    assert (account.saved_as(1), account.updated_at) == ((), NOW)


def test_an_address_is_verified_once() -> None:
    account = saved_ada()
    assert account.verify_email(at=LATER)
    assert not account.verify_email(at=LATER + timedelta(hours=1))
    assert changes_of(account) == {"email_verified": Change(old=False, new=True)}
    assert account.verified_at == LATER


def test_another_address_is_a_verified_one() -> None:
    account = saved_ada()
    account.change_email(Email("ada@example.com"), at=LATER)
    assert account.verified_at == LATER
    assert changes_of(account) == {
        "email": Change(old="Ada@example.org", new="ada@example.com"),
        "email_verified": Change(old=False, new=True),
    }


def test_roles_replace_each_other() -> None:
    account = saved_ada()
    assert account.assign(["admin"], at=LATER)
    assert account.roles == ("admin",)
    assert changes_of(account) == {"roles": Change(old=["user"], new=["admin"])}


def test_an_account_is_closed_and_opened_again() -> None:
    account = saved_ada()
    account.deactivate(at=LATER)
    with pytest.raises(AccountNotActive):
        account.deactivate(at=LATER)
    account.reactivate(at=LATER)
    with pytest.raises(AccountNotDeactivated):
        account.reactivate(at=LATER)
    assert account.saved_as(2) == (
        UserDeactivated(user_id=account.id, deactivated_at=LATER),
        UserReactivated(user_id=account.id, reactivated_at=LATER),
    )


def test_of_a_deleted_account_the_id_is_left() -> None:
    account = saved_ada()
    account.describe(account.name, Profile(phone="112"), at=NOW)
    account.saved_as(2)
    account.delete(at=LATER)
    assert account.saved_as(3) == (UserDeleted(user_id=account.id, deleted_at=LATER),)
    assert account.status is AccountStatus.DELETED
    assert "example.org" not in account.email.address
    assert (account.name.text, account.password_hash, account.profile) == ("Deleted account", None, Profile())


def test_a_deleted_account_stays_as_it_is() -> None:
    account = saved_ada()
    account.delete(at=LATER)
    for act in (account.delete, account.deactivate, account.reactivate):
        with pytest.raises(AccountDeleted):
            act(at=LATER)
    with pytest.raises(AccountDeleted):
        account.describe(Name("Eve"), Profile(), at=LATER)
    with pytest.raises(AccountDeleted):
        account.assign(["admin"], at=LATER)


def test_a_super_admin_is_never_deleted() -> None:
    account = saved_ada()
    account.roles = ("super_admin",)
    with pytest.raises(SuperAdminImmutable):
        account.delete(at=LATER)
