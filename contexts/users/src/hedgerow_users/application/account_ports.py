"""What the use cases need to find, keep and list accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hedgerow_core.application import Filters, Page
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.domain.account import Account, AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.roles import Role


class Accounts(Protocol):
    """The stored accounts, inside one transaction."""

    async def add(self, account: Account) -> None:
        """Store a new account.

        Raises:
            EmailTaken: another account has the address; also when both register at the same moment.
        """
        ...

    async def add_if_free(self, account: Account) -> bool:
        """Store a new account unless its address is taken. Whether it was stored.

        Takes equally long either way. Of several at the same moment, one is stored.
        """
        ...

    async def find(self, id: AccountId) -> Account | None:
        """The account as it is now."""
        ...

    async def has_address(self, email: Email) -> bool:
        """Whether an account has this address, in whatever letter case."""
        ...

    async def hold(self, id: AccountId) -> Account | None:
        """The account, kept from changing until this transaction ends. Others may hold it too."""
        ...

    async def take(self, id: AccountId) -> Account | None:
        """The account, for this transaction alone: waits for all that hold it, and lets nobody hold it."""
        ...

    async def take_super_admins(self) -> Sequence[AccountId]:
        """Every active super_admin, locked until this transaction ends."""
        ...

    async def save(self, account: Account) -> None:
        """Store a changed account.

        Raises:
            ConflictError: `concurrent_change`, somebody else saved it since it was read.
        """
        ...

    async def renew_password_hash(self, id: AccountId, *, outdated: PasswordHash, renewed: PasswordHash) -> None:
        """Store another hash of the same password, if `outdated` is still what is stored."""
        ...


class RegistrationWarnings(Protocol):
    """Which owners were warned that somebody registers with their address. Outside transactions."""

    async def claim(self, account_id: AccountId, request_id: UUID, *, at: datetime) -> Email | None:
        """The address to warn; None if the owner has been warned just now, or the account is not active.

        Safe to repeat: the same request may claim again.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a password is checked against."""

    account_id: AccountId
    password_hash: PasswordHash | None


class AccountReader(Protocol):
    """Reads accounts outside of any transaction, one statement a call."""

    async def view(self, id: UUID) -> AccountView | None:
        """What its owner, or an administrator, sees; also of an account that is not active."""
        ...

    async def credentials_of_email(self, email: Email) -> Credentials | None:
        """The credentials of the account with this address."""
        ...

    async def credentials_of(self, id: AccountId) -> Credentials | None:
        """The credentials of an account."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter:
    """Which accounts a list shows; what is None filters nothing."""

    filters: Filters = ()
    """On columns. Without one on `status`: all that are not deleted. `email` is compared in any letter case."""
    role: Role | None = None
    search: str | None = None
    """Part of the name or the address, in whatever letter case."""


class AccountDirectory(Protocol):
    """Lists accounts for administrators, outside of any transaction, one statement a page."""

    async def list(self, wanted: AccountFilter, *, sort: str, cursor: str | None, limit: int) -> Page[AccountView]:
        """A page, sorted by `created_at`, `name` or `email`.

        Raises:
            ValidationError: an unknown sort key, or a cursor made under another one.
        """
        ...
