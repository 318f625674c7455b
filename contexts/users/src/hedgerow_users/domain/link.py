"""Links in mails: whoever holds one proves that they read an address. Good for one use, and not for long."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum

from hedgerow_core.domain import Secret, ValueObject
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email

CODE_BYTES = 32
"""256 random bits: beyond guessing, so a plain SHA-256 protects the stored form."""


class Purpose(StrEnum):
    """What a link is good for, and nothing else."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose, not a password
    CHANGE_EMAIL = "change_email"
    LOG_IN = "log_in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(ValueObject):
    """What a used link stood for: an account, and the address that it was sent to."""

    account_id: AccountId
    email: Email


def new_code() -> Secret:
    """A code for a link. It is in the mail and nowhere else."""
    return Secret(secrets.token_urlsafe(CODE_BYTES))


def hash_of(code: Secret) -> bytes:
    """SHA-256 of a code, under which its link is found again. Takes any text, ours or not."""
    return hashlib.sha256(code.reveal().encode("utf-8", "surrogatepass")).digest()
