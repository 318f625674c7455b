"""The second factor: an authenticator app that shows a code every 30 seconds, and codes for the day it is lost."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hedgerow_core.domain import Secret, ValueObject
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.roles import Role, rank_of

PENDING_FOR = timedelta(hours=1)
"""So long a secret waits for its first code: whoever sees an old screen later can't make it theirs."""

RECOVERY_CODES = 10
RECOVERY_CODE_BYTES = 15
"""120 random bits: beyond guessing, so a plain SHA-256 protects the stored form (ASVS 5, 6.5.2); 24 characters."""
_GROUP = 4
_TOTP = re.compile(r"[0-9]{6}")
_RECOVERY = re.compile(r"[a-z2-7]{24}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor(ValueObject):
    """What is kept of an account's factor. It counts from when a first code has confirmed it."""

    account_id: AccountId
    sealed_secret: bytes
    begun_at: datetime
    confirmed_at: datetime | None = None

    @property
    def is_on(self) -> bool:
        """Whether it is asked for."""
        return self.confirmed_at is not None

    def may_be_confirmed(self, at: datetime) -> bool:
        """Whether its first code is still awaited."""
        return not self.is_on and at - self.begun_at <= PENDING_FOR


def totp_code(presented: Secret) -> str | None:
    """The six digits of an app, as typed with spaces or without; None if it is something else."""
    text = "".join(presented.reveal().split())
    return text if _TOTP.fullmatch(text) else None


def new_recovery_codes() -> Sequence[Secret]:
    """A set of codes, in groups that can be read aloud."""
    return [_written(secrets.token_bytes(RECOVERY_CODE_BYTES)) for _ in range(RECOVERY_CODES)]


def hash_of_recovery_code(presented: Secret) -> bytes | None:
    """SHA-256 of a recovery code, however its groups and letters were typed; None if it can't be one."""
    text = re.sub(r"[\s-]", "", presented.reveal()).lower()
    return hashlib.sha256(text.encode()).digest() if _RECOVERY.fullmatch(text) else None


def _written(code: bytes) -> Secret:
    text = base64.b32encode(code).decode().lower()
    return Secret("-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP)))


@dataclass(frozen=True, slots=True)
class SecondFactorPolicy(ValueObject):
    """Which roles need a second factor: those named, and whatever stands above one of them."""

    demanded_for: frozenset[Role] = frozenset()

    def demands(self, roles: Iterable[str]) -> bool:
        """Whether somebody with these roles needs one."""
        return bool(self.demanded_for) and rank_of(roles) >= min(rank_of([role]) for role in self.demanded_for)

    def carried(self, roles: tuple[str, ...], *, proven: bool) -> tuple[str, ...]:
        """The roles that a session carries.

        All or `user` alone: what an administrator may do is decided by the rank of the account, so a session must
        not carry a lower role of administration into an account whose higher one it has not proven.
        """
        return roles if proven or not self.demands(roles) else (Role.USER.value,)
