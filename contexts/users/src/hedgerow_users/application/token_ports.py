"""What the use cases need to sign access tokens, and others to verify them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from hedgerow_core.domain import Secret
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.session import SessionId


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A signed token and how long it is good for."""

    token: Secret
    lifetime: timedelta


class AccessTokens(Protocol):
    """Issues access tokens. Called outside of transactions; reads the signing key on first need."""

    async def issue(self, *, account_id: AccountId, session_id: SessionId, roles: Sequence[str]) -> AccessToken:
        """A token that speaks for the account, good from now on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """An Ed25519 public key: its name, and the key itself in base64url (`x` of RFC 8037 §2)."""

    kid: str
    x: str


class PublicKeys(Protocol):
    """The keys that access tokens of this context may be signed with. Called outside of transactions."""

    async def published(self) -> Sequence[PublicKey]:
        """All of them; never empty."""
        ...
