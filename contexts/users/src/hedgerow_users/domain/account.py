"""Accounts: who may log in, under which address, with which roles."""

from __future__ import annotations

from datetime import datetime
from typing import NewType, final
from uuid import UUID

from hedgerow_core.domain import AggregateRoot, new_id
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.events import PasswordChanged, UserRegistered
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import PasswordHash

AccountId = NewType("AccountId", UUID)

ROLES_OF_A_NEW_ACCOUNT = ("user",)


@final
class Account(AggregateRoot[AccountId]):
    """Somebody who can log in. That no two accounts share an address is kept by the database."""

    __slots__ = ("created_at", "email", "name", "password_hash", "roles")

    def __init__(
        self,
        id: AccountId,
        *,
        email: Email,
        name: Name,
        password_hash: PasswordHash,
        roles: tuple[str, ...],
        created_at: datetime,
        version: int = 0,
    ) -> None:
        super().__init__(id, version=version)
        self.email = email
        self.name = name
        self.password_hash = password_hash
        self.roles = roles
        self.created_at = created_at

    @classmethod
    def register(
        cls,
        *,
        email: Email,
        name: Name,
        password_hash: PasswordHash,
        at: datetime,
        roles: tuple[str, ...] = ROLES_OF_A_NEW_ACCOUNT,
    ) -> Account:
        """Open an account for a newcomer."""
        account = cls(
            AccountId(new_id()),
            email=email,
            name=name,
            password_hash=password_hash,
            roles=roles,
            created_at=at,
        )
        account.record(UserRegistered(user_id=account.id, email=email.address, name=name.text, registered_at=at))
        return account

    def change_password(self, replacement: PasswordHash, *, at: datetime) -> None:
        """Take another password. The same one again is allowed: it is salted anew and harms nobody."""
        self.password_hash = replacement
        self.record(PasswordChanged(user_id=self.id, changed_at=at))
