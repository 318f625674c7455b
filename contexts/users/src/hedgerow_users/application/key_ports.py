"""What the use cases around API keys need from outside: a place for keys and services, and the scopes there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hedgerow_core.application import Page
from hedgerow_users.application.api_key_view import ApiKeyView, ServiceKeyView
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.api_key import ApiKey, ApiKeyId
from hedgerow_users.domain.service import ServiceId, ServiceName


class ApiKeys(Protocol):
    """The stored keys and services, inside one transaction."""

    async def live_of(self, account_id: AccountId, *, at: datetime) -> int:
        """How many live keys the account has. Nobody else makes one for it until this transaction ends."""
        ...

    async def add(self, key: ApiKey) -> None:
        """Store a key that has just been made.

        Raises:
            KeyAlreadyRotated: the key that it shall follow has a successor; also when both come at once.
        """
        ...

    async def hold(self, id: ApiKeyId) -> ApiKey | None:
        """The key, locked until this transaction ends."""
        ...

    async def hold_public(self, public_id: str) -> ApiKey | None:
        """The key of this public part, locked."""
        ...

    async def save(self, key: ApiKey) -> None:
        """Store when a key ends. It must be held."""
        ...

    async def revoke_all(self, account_id: AccountId, *, at: datetime) -> None:
        """Revoke every key of an account."""
        ...

    async def add_service(self, id: ServiceId, name: ServiceName, *, at: datetime) -> None:
        """Store a service.

        Raises:
            ServiceNameTaken: a live service has the name; also when both come at once.
        """
        ...

    async def revoke_service(self, name: ServiceName, *, at: datetime) -> bool:
        """Revoke a live service with all its keys; False if there is none of this name."""
        ...


class ApiKeyReader(Protocol):
    """Reads keys outside of any transaction, one statement a call."""

    async def list_live(
        self, account_id: UUID, *, at: datetime, cursor: str | None, limit: int
    ) -> Page[ApiKeyView]:
        """A page of the account's keys that can be used, the latest first.

        Raises:
            ValidationError: the cursor is not one of this list.
        """
        ...

    async def of_services(self, *, at: datetime) -> Sequence[ServiceKeyView]:
        """The live services with each of their live keys, by name. Few by nature."""
        ...


class ScopeTable(Protocol):
    """Which scopes there are on this host, and which of them a role may hand out."""

    def unknown(self, scopes: Iterable[str]) -> list[str]:
        """Those that mean nothing here."""
        ...

    def beyond(self, roles: Iterable[str], scopes: Iterable[str]) -> list[str]:
        """Those that none of the roles has."""
        ...
