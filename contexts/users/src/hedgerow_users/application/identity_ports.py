"""What the use cases around identity providers need from outside, and what is told about an identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from hedgerow_core.application import Page
from hedgerow_core.domain import Secret, UnavailableError
from hedgerow_users.application.introduction import Introduction
from hedgerow_users.domain.account import AccountId, AccountStatus
from hedgerow_users.domain.account_errors import AccountDeactivated, AccountGone
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.identity import Identity, IdentityId


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIdentity:
    """What is known of a subject at this moment."""

    account_id: AccountId | None
    is_over: bool
    status: AccountStatus | None
    roles: frozenset[str]

    @property
    def is_settled(self) -> bool:
        """Whether it was ever decided whose it is. Else we have only heard of it."""
        return self.is_over or self.account_id is not None

    def demand_usable(self) -> AccountId:
        """The account that may be acted for.

        Raises:
            AccountGone: there is none any more.
            AccountDeactivated: an administrator has closed it.
        """
        if self.is_over or self.account_id is None or self.status is AccountStatus.DELETED:
            raise AccountGone
        if self.status is not AccountStatus.ACTIVE:
            raise AccountDeactivated
        return self.account_id


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityView:
    """What an owner sees of an identity."""

    id: UUID
    provider: str
    subject: str
    email: str | None
    created_at: datetime


class IdentityReader(Protocol):
    """Reads identities outside of any transaction, one indexed statement a call."""

    async def find(self, provider: str, subject: str) -> KnownIdentity | None:
        """What is known of a subject; None if we have never heard of it."""
        ...

    async def has_account(self, email: Email) -> bool:
        """Whether an account has this address."""
        ...

    async def list_of(self, account_id: UUID, *, cursor: str | None, limit: int) -> Page[IdentityView]:
        """A page of the identities of an account that let somebody in, the latest first.

        Raises:
            ValidationError: the cursor is not one of this list.
        """
        ...


class Identities(Protocol):
    """The stored identities, inside one transaction. They are locked before accounts, so that nobody deadlocks."""

    async def hold(self, provider: str, subject: str) -> Identity | None:
        """The identity, locked until this transaction ends; None if we have never heard of it."""
        ...

    async def hold_all_of(self, account_id: AccountId) -> Sequence[Identity]:
        """The identities of an account that have not ended, locked until this transaction ends."""
        ...

    async def save(self, identity: Identity) -> None:
        """Store an identity that is new, or held.

        Raises:
            IdentityTaken: it is new, and we know the subject; also when two store it at the same moment.
        """
        ...

    async def remove(self, id: IdentityId) -> None:
        """Forget an identity as if we had never heard of it. It must be held."""
        ...

    async def end_all_of(self, account_id: AccountId, *, at: datetime) -> None:
        """Let nobody in any more by an identity of this account, and forget what is personal in them."""
        ...


class Receipts(Protocol):
    """The webhooks that were acted upon, inside one transaction."""

    async def note(self, provider: str, webhook_id: str, *, at: datetime, forget_before: datetime) -> bool:
        """Note one; False if it was noted before. Of any number at once, one is told True.

        What was noted before `forget_before` is dropped.
        """
        ...


class ProviderTokens(Protocol):
    """Reads tokens of identity providers. Called outside of transactions; may ask the provider for its keys."""

    async def read(self, token: Secret) -> Introduction:
        """Whom a good token introduces.

        Raises:
            UnusableIdentityToken: it is no good token of a provider that we know.
            ProviderKeysUnknown: that can't be said right now.
        """
        ...


class ProviderKeysUnknown(UnavailableError):
    """We have no keys of the identity provider that has issued the token: it can't be reached, or its key set is
    unusable.

    Fix: wait for `Retry-After`; operators: `keys_unread` in the log says why.
    """

    code = "users.provider_keys_unknown"

    def __init__(self, provider: str, retry_after: timedelta) -> None:
        super().__init__(
            f"Tokens of {provider} can't be checked right now. Try again as Retry-After says.",
            retry_after=retry_after,
        )
