"""Sessions: a login and the chain of refresh tokens that keeps it alive. A token is good for one use."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hmac import compare_digest
from typing import NewType, final
from uuid import UUID

from hedgerow_core.domain import Entity, Secret, ValueObject, new_id
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import UNKNOWN_CLIENT, Client

SessionId = NewType("SessionId", UUID)

TOKEN_BYTES = 32
"""256 random bits: beyond guessing, so a plain SHA-256 protects the stored form."""
RETRY_WITHIN = timedelta(seconds=10)
"""So long after its use a token may come again from the same client, which has lost our answer on the way."""


class EndReason(StrEnum):
    """Why a session is over."""

    LOGOUT = "logout"
    TOKEN_REUSED = "token_reused"  # noqa: S105 - a reason, not a password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    REVOKED = "revoked"
    LOGGED_OUT_EVERYWHERE = "logged_out_everywhere"
    ROLES_CHANGED = "roles_changed"
    SECOND_FACTOR_CHANGED = "second_factor_changed"
    ACCOUNT_DEACTIVATED = "account_deactivated"
    ACCOUNT_DELETED = "account_deleted"


@final
class Session(Entity[SessionId]):
    """One login. All refresh tokens that descend from it are one family: they live and die together."""

    __slots__ = ("account_id", "client", "end_reason", "ended_at", "last_seen_at", "proven", "started_at")

    def __init__(
        self,
        id: SessionId,
        *,
        account_id: AccountId,
        started_at: datetime,
        last_seen_at: datetime,
        client: Client,
        proven: bool = False,
        ended_at: datetime | None = None,
        end_reason: EndReason | None = None,
    ) -> None:
        super().__init__(id)
        self.account_id = account_id
        self.started_at = started_at
        self.last_seen_at = last_seen_at
        self.client = client
        self.proven = proven
        """Whether it began with a second factor."""
        self.ended_at = ended_at
        self.end_reason = end_reason

    @classmethod
    def start(
        cls, account_id: AccountId, *, at: datetime, client: Client = UNKNOWN_CLIENT, proven: bool = False
    ) -> Session:
        """Begin a session for an account whose owner has just proved who they are; `proven` by two factors."""
        return cls(
            SessionId(new_id()),
            account_id=account_id,
            started_at=at,
            last_seen_at=at,
            client=client,
            proven=proven,
        )

    @property
    def is_over(self) -> bool:
        """Whether none of its tokens is good any more."""
        return self.ended_at is not None

    def has_outlived(self, lifetime: timedelta, *, at: datetime) -> bool:
        """Whether its time is over, however much it was used: its owner has to show again who they are."""
        return at >= self.started_at + lifetime

    def end(self, reason: EndReason, *, at: datetime) -> None:
        """End the session for good. Ending it again changes nothing: the first reason stands."""
        if not self.is_over:
            self.ended_at, self.end_reason = at, reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken(ValueObject):
    """What is remembered of a refresh token: never the token itself, only its hash."""

    hash: bytes
    session_id: SessionId
    issued_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    used_by: bytes | None = None
    """The fingerprint of the client that has used it."""

    @classmethod
    def issue(cls, session: Session, *, at: datetime, lifetime: timedelta) -> tuple[Secret, RefreshToken]:
        """The first token of a session's family: the secret for the caller, and what we keep of it."""
        secret = Secret(secrets.token_urlsafe(TOKEN_BYTES))
        return secret, cls.of(secret, session, at=at, lifetime=lifetime)

    @classmethod
    def of(cls, secret: Secret, session: Session, *, at: datetime, lifetime: timedelta) -> RefreshToken:
        """What we keep of a token of the session's family."""
        return cls(hash=cls.hash_of(secret), session_id=session.id, issued_at=at, expires_at=at + lifetime)

    @staticmethod
    def hash_of(secret: Secret) -> bytes:
        """SHA-256 of a token, under which it is found again. Takes any text, ours or not."""
        return hashlib.sha256(secret.reveal().encode("utf-8", "surrogatepass")).digest()

    def may_come_again(self, client: Client, *, at: datetime) -> bool:
        """Whether this used token may still be a lost answer that is asked for again, and no theft."""
        if self.used_at is None or self.used_by is None:
            return False
        return at - self.used_at <= RETRY_WITHIN and compare_digest(self.used_by, client.fingerprint)

    def has_expired(self, at: datetime) -> bool:
        """Whether its lifetime is over."""
        return at >= self.expires_at
