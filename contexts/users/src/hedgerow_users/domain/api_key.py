"""API keys: what a program acts with, for an account or as a service. They may no more than they were made for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType, final
from uuid import UUID

from hedgerow_core.domain import Entity, ValueObject, new_id
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.api_key_text import KeyText
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.service import ServiceId

ApiKeyId = NewType("ApiKeyId", UUID)

MAX_LIFETIME_DAYS, DEFAULT_LIFETIME_DAYS = 366, 90
"""No key is for ever: one that is forgotten ends by itself."""
MAX_GRACE = timedelta(days=7)
MOST_LIVE_KEYS = 50
"""Of one account."""
MOST_SCOPES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOwner(ValueObject):
    """Whose key it is: exactly one of the two."""

    account_id: AccountId | None = None
    service_id: ServiceId | None = None

    def __post_init__(self) -> None:
        if (self.account_id is None) == (self.service_id is None):
            raise ValueError("a key belongs to an account or to a service")


@final
class ApiKey(Entity[ApiKeyId]):
    """What is remembered of a key: never the key itself, only its hash."""

    __slots__ = (
        "created_at",
        "expires_at",
        "hash",
        "last_used_at",
        "name",
        "owner",
        "public_id",
        "revoked_at",
        "rotated_from",
        "scopes",
    )

    def __init__(
        self,
        id: ApiKeyId,
        *,
        owner: KeyOwner,
        name: Name,
        scopes: frozenset[str],
        public_id: str,
        hash: bytes,
        created_at: datetime,
        expires_at: datetime,
        last_used_at: datetime | None = None,
        revoked_at: datetime | None = None,
        rotated_from: ApiKeyId | None = None,
    ) -> None:
        super().__init__(id)
        self.owner = owner
        self.name = name
        self.scopes = scopes
        self.public_id = public_id
        self.hash = hash
        self.created_at = created_at
        self.expires_at = expires_at
        self.last_used_at = last_used_at
        self.revoked_at = revoked_at
        self.rotated_from = rotated_from

    @classmethod
    def make(
        cls, owner: KeyOwner, *, name: Name, scopes: Iterable[str], lifetime: timedelta, at: datetime
    ) -> tuple[KeyText, ApiKey]:
        """Make a key: the text for its owner, who sees it once, and what we keep."""
        text = KeyText.new()
        key = cls(
            ApiKeyId(new_id()),
            owner=owner,
            name=name,
            scopes=frozenset(scopes),
            public_id=text.public_id,
            hash=text.hash,
            created_at=at,
            expires_at=at + lifetime,
        )
        return text, key

    def is_live(self, at: datetime) -> bool:
        """Whether it can be used, so far as it is up to the key."""
        return self.revoked_at is None and at < self.expires_at

    def rotate(self, *, grace: timedelta, at: datetime) -> tuple[KeyText, ApiKey]:
        """A successor, made for the same and as long. This one lives for `grace` more, never longer than before."""
        text, successor = ApiKey.make(
            self.owner, name=self.name, scopes=self.scopes, lifetime=self.expires_at - self.created_at, at=at
        )
        successor.rotated_from = self.id
        if grace:
            self.expires_at = min(self.expires_at, at + grace)
        else:
            self.revoke(at=at)
        return text, successor

    def revoke(self, *, at: datetime) -> None:
        """End it for good. Ending it again changes nothing."""
        self.revoked_at = self.revoked_at or at
