"""Accounts: who may log in, under which address, with which roles, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NewType, final
from uuid import UUID

from hedgerow_core.domain import AggregateRoot, new_id
from hedgerow_users.domain.account_errors import AccountDeleted, AccountNotActive, AccountNotDeactivated
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
from hedgerow_users.domain.roles import RANK_OF_SUPER_ADMINS, Role, rank_of

AccountId = NewType("AccountId", UUID)

ROLES_OF_A_NEW_ACCOUNT: tuple[str, ...] = (Role.USER.value,)
NAME_OF_NOBODY = Name("Deleted account")


class AccountStatus(StrEnum):
    """Whether an account can be used."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    DELETED = "deleted"


@final
class Account(AggregateRoot[AccountId]):
    """Somebody who can log in. That no two accounts share an address is kept by the database."""

    __slots__ = (
        "created_at",
        "email",
        "name",
        "password_hash",
        "profile",
        "roles",
        "status",
        "updated_at",
        "verified_at",
    )

    def __init__(
        self,
        id: AccountId,
        *,
        email: Email,
        name: Name,
        password_hash: PasswordHash | None,
        roles: tuple[str, ...],
        created_at: datetime,
        updated_at: datetime | None = None,
        verified_at: datetime | None = None,
        status: AccountStatus = AccountStatus.ACTIVE,
        profile: Profile | None = None,
        version: int = 0,
    ) -> None:
        super().__init__(id, version=version)
        self.email = email
        self.name = name
        self.password_hash = password_hash
        """None: nobody can log in with a password until one is set through a link."""
        self.roles = roles
        self.created_at = created_at
        self.updated_at = updated_at or created_at
        self.verified_at = verified_at
        self.status = status
        self.profile = profile or Profile()

    @classmethod
    def register(
        cls,
        *,
        email: Email,
        name: Name,
        password_hash: PasswordHash | None,
        at: datetime,
        id: AccountId | None = None,
        roles: tuple[str, ...] = ROLES_OF_A_NEW_ACCOUNT,
        verified_at: datetime | None = None,
    ) -> Account:
        """Open an account for a newcomer, whose address may have been confirmed elsewhere; without `id`, new."""
        account = cls(
            id or AccountId(new_id()),
            email=email,
            name=name,
            password_hash=password_hash,
            roles=roles,
            created_at=at,
            verified_at=verified_at,
        )
        account.record(UserRegistered(user_id=account.id, email=email.address, name=name.text, registered_at=at))
        return account

    @property
    def is_active(self) -> bool:
        """Whether anybody may act in its name."""
        return self.status is AccountStatus.ACTIVE

    def change_password(self, replacement: PasswordHash, *, at: datetime) -> None:
        """Take another password. The same one again is allowed: it is salted anew and harms nobody."""
        self.password_hash = replacement
        self.updated_at = at
        self.record(PasswordChanged(user_id=self.id, changed_at=at))

    def verify_email(self, *, at: datetime) -> bool:
        """Note that the owner reads the address. Whether that was news."""
        if self.verified_at is not None:
            return False
        self.verified_at = at
        self._updated({"email_verified": Change(old=False, new=True)}, at)
        return True

    def change_email(self, confirmed: Email, *, at: datetime) -> None:
        """Take another address, which the owner has shown to read."""
        changes = {"email": Change(old=self.email.address, new=confirmed.address)}
        if self.verified_at is None:
            changes["email_verified"] = Change(old=False, new=True)
        self.email, self.verified_at = confirmed, at
        self._updated(changes, at)

    def describe(self, name: Name, profile: Profile, *, at: datetime) -> bool:
        """Take another name and profile. Whether that changed anything.

        Raises:
            AccountDeleted: nothing is left to be described.
            UnsuitableProfile: the birthday is in the future.
        """
        self._must_exist()
        profile.must_be_born_by(at.date())
        was, becomes = _described(self.name, self.profile), _described(name, profile)
        changes = {field: Change(old=was[field], new=new) for field, new in becomes.items() if was[field] != new}
        if not changes:
            return False
        self.name, self.profile = name, profile
        self._updated(changes, at)
        return True

    def assign(self, roles: Iterable[str], *, at: datetime) -> bool:
        """Have these roles from now on, and no others. Whether that changed anything.

        Raises:
            AccountDeleted: nobody is left to have them.
        """
        self._must_exist()
        assigned = tuple(sorted(set(roles)))
        if set(assigned) == set(self.roles):
            return False
        changes = {"roles": Change(old=list(self.roles), new=list(assigned))}
        self.roles = assigned
        self._updated(changes, at)
        return True

    def deactivate(self, *, at: datetime) -> None:
        """Close the account until it is reactivated.

        Raises:
            AccountDeleted, AccountNotActive: it is closed already.
        """
        self._must_exist()
        if not self.is_active:
            raise AccountNotActive
        self.status, self.updated_at = AccountStatus.DEACTIVATED, at
        self.record(UserDeactivated(user_id=self.id, deactivated_at=at))

    def reactivate(self, *, at: datetime) -> None:
        """Open a closed account again.

        Raises:
            AccountDeleted, AccountNotDeactivated: it is not closed, or for ever.
        """
        self._must_exist()
        if self.is_active:
            raise AccountNotDeactivated
        self.status, self.updated_at = AccountStatus.ACTIVE, at
        self.record(UserReactivated(user_id=self.id, reactivated_at=at))

    def delete(self, *, at: datetime) -> None:
        """End the account for good: the id stays, the address is free again, everything personal is forgotten.

        Raises:
            AccountDeleted: it is gone already.
            SuperAdminImmutable: a super_admin is never ended.
        """
        self._must_exist()
        if rank_of(self.roles) >= RANK_OF_SUPER_ADMINS:
            raise SuperAdminImmutable
        self.email, self.name = Email(f"deleted-{self.id}@deleted.invalid"), NAME_OF_NOBODY
        self.password_hash, self.verified_at, self.profile = None, None, Profile()
        self.status, self.updated_at = AccountStatus.DELETED, at
        self.record(UserDeleted(user_id=self.id, deleted_at=at))

    def _must_exist(self) -> None:
        if self.status is AccountStatus.DELETED:
            raise AccountDeleted

    def _updated(self, changes: Mapping[str, Change], at: datetime) -> None:
        self.updated_at = at
        self.record(UserUpdated(user_id=self.id, changes=changes, updated_at=at))


def _described(name: Name, profile: Profile) -> dict[str, object]:
    """Name and profile in what JSON can say."""
    return {
        "name": name.text,
        "phone": profile.phone,
        "address": profile.address,
        "birthday": profile.birthday.isoformat() if profile.birthday else None,
        "photo_url": profile.photo_url,
        "metadata": dict(profile.metadata),
    }
