"""Passwords: how long they may be, and what makes two of them the same. Never printed, never stored."""

from __future__ import annotations

import unicodedata

from hedgerow_core.domain import Secret
from hedgerow_users.domain.errors import UnsuitablePassword

MIN_LENGTH = 8
MAX_LENGTH = 128
"""In characters (Unicode code points). Any characters, no composition rules: NIST SP 800-63B-4 §3.1.1.2."""


class Password(Secret):
    """A password in the clear, on its way to the hasher.

    It is normalised to NFC, as RFC 8265 §4.2.2 has it: keyboards that compose an accent differently give the
    same password. NFKC would go further and make different passwords equal.
    """

    __slots__ = ()

    @classmethod
    def chosen(cls, secret: Secret, *, field: str = "password") -> Password:
        """A password that somebody wants to have from now on. `field` is its name in the request.

        Raises:
            UnsuitablePassword: too short or too long.
        """
        password = cls.presented(secret)
        if not MIN_LENGTH <= len(password.reveal()) <= MAX_LENGTH:
            raise UnsuitablePassword(shortest=MIN_LENGTH, longest=MAX_LENGTH, field=field)
        return password

    @classmethod
    def presented(cls, secret: Secret) -> Password:
        """A password to be compared with the stored hash. No policy: it must not tell what could be right."""
        return cls(unicodedata.normalize("NFC", secret.reveal()))


class PasswordHash(Secret):
    """What is stored in place of a password: algorithm, parameters, salt and hash in one string."""

    __slots__ = ()
