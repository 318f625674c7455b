"""What an API key looks like: `hgk_`, eight characters that name it, the secret, and a checksum.

Letters and digits alone, so that a double click takes all of it. The checksum (CRC32, as other vendors have it)
tells a scanner of repositories a key from noise, and refuses a typing error before anybody asks the database.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass

from hedgerow_core.domain import Secret, ValueObject

PREFIX = "hgk_"
ID_CHARACTERS, SECRET_CHARACTERS, CHECKSUM_CHARACTERS = 8, 43, 6
"""43 of 62 characters hold 256 random bits; six hold the 32 of the checksum."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BODY = ID_CHARACTERS + SECRET_CHARACTERS + CHECKSUM_CHARACTERS
_SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_BODY}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyText(ValueObject):
    """A key as somebody sends it: whole and well-formed, which says nothing yet of whether it is good."""

    public_id: str
    secret: Secret
    """The whole key."""

    @classmethod
    def new(cls) -> KeyText:
        """A key that nobody has seen."""
        public_id = _random(ID_CHARACTERS)
        unchecked = PREFIX + public_id + _random(SECRET_CHARACTERS)
        return cls(public_id=public_id, secret=Secret(unchecked + checksum_of(unchecked)))

    @classmethod
    def read(cls, text: str) -> KeyText | None:
        """The key in a text; None if there is none, or its checksum is wrong."""
        if not _SHAPE.fullmatch(text):
            return None
        if checksum_of(text[:-CHECKSUM_CHARACTERS]) != text[-CHECKSUM_CHARACTERS:]:
            return None
        return cls(public_id=text[len(PREFIX) :][:ID_CHARACTERS], secret=Secret(text))

    @property
    def hash(self) -> bytes:
        """What is stored: SHA-256. Nobody guesses 256 random bits, so nothing is won by a slow hash (ADR 0019)."""
        return hashlib.sha256(self.secret.reveal().encode()).digest()


def public_id_in(text: str) -> str | None:
    """The part that names a key, in a whole key or its beginning, with `hgk_` or without; None if there is none."""
    id = text.removeprefix(PREFIX)[:ID_CHARACTERS]
    return id if re.fullmatch(rf"[0-9A-Za-z]{{{ID_CHARACTERS}}}", id) else None


def checksum_of(unchecked: str) -> str:
    """CRC32 in base 62, padded to six characters. No secret: anybody may compute it."""
    rest, digits = zlib.crc32(unchecked.encode()), ""
    for _ in range(CHECKSUM_CHARACTERS):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits


def _random(characters: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(characters))
