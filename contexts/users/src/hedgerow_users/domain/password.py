"""Passwords: which may be chosen, and what makes two of them the same. Never printed, never stored."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from hedgerow_core.domain import Secret
from hedgerow_users.domain.common_passwords import is_common, is_made_of
from hedgerow_users.domain.proof_errors import UnsuitablePassword

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
    def chosen(cls, secret: Secret, *, field: str = "password", owner: Sequence[str] = ()) -> Password:
        """A password that somebody wants to have from now on. `field` is its name in the request.

        `owner` is what everybody may know of whose it is: address and name (NIST SP 800-63B-4 §3.1.1.2).

        Raises:
            UnsuitablePassword: too short or too long, or among the first that somebody would guess.
        """
        password = cls.presented(secret)
        text = password.reveal()
        if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
            raise UnsuitablePassword(
                f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters, any of them", field=field
            )
        if is_common(text):
            raise UnsuitablePassword(
                "This password is among the first that are tried: a common word, a row of keys, a date, the like",
                field=field,
            )
        if is_made_of(text, owner):
            raise UnsuitablePassword(
                "A password is not made of your name, your address or the name of this product alone", field=field
            )
        return password

    @classmethod
    def presented(cls, secret: Secret) -> Password:
        """A password to be compared with the stored hash. No policy: it must not tell what could be right."""
        return cls(unicodedata.normalize("NFC", secret.reveal()))


class PasswordHash(Secret):
    """What is stored in place of a password: algorithm, parameters, salt and hash in one string."""

    __slots__ = ()
