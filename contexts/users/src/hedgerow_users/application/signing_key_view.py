"""What an operator sees of the signing keys: which one signs, and how long the others are still believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hedgerow_core.domain import UnavailableError


class KeyState(StrEnum):
    """What a signing key does."""

    NEXT = "next"
    """Published, and about to sign."""
    SIGNING = "signing"
    RETIRED = "retired"
    """Published until the last token that it has signed is expired."""
    UNREADABLE = "unreadable"
    """Encrypted with another server secret, or changed by somebody: nothing that it signed is believed here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeyView:
    """How a signing key stands. `published_until` is None for keys that are in use."""

    kid: str
    state: KeyState
    created_at: datetime
    published_until: datetime | None


class SigningKeysUnreadable(UnavailableError):
    """No signing key can be decrypted with `USERS_SECRET`.

    Fix: operators: set it or `USERS_SECRET_PREVIOUS` right, or `hedgerow users keys rotate`.
    """

    code = "users.signing_keys_unreadable"

    def __init__(self) -> None:
        super().__init__(
            "No signing key can be decrypted with USERS_SECRET. Operators: set it, or USERS_SECRET_PREVIOUS, to "
            "what it was when the keys were made; or make a new key with `hedgerow users keys rotate`.",
            retry_after=timedelta(seconds=60),
        )
