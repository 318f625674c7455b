"""The name that an account shows to people."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from hedgerow_core.domain import ValueObject
from hedgerow_users.domain.account_errors import InvalidName

MAX_LENGTH = 200
_UNPRINTABLE = frozenset({"Cc", "Cs"})
"""Control characters and lone surrogates: PostgreSQL stores neither NUL nor what is not UTF-8."""


@dataclass(frozen=True, slots=True)
class Name(ValueObject):
    """One to 200 characters; how people are called follows no further rule."""

    text: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.text) <= MAX_LENGTH or has_unprintable(self.text):
            raise InvalidName(longest=MAX_LENGTH)

    @classmethod
    def written(cls, text: str) -> Name:
        """The name that somebody typed, spaces around it forgiven.

        Raises:
            InvalidName: nothing is left, or too much, or it can't be shown.
        """
        return cls(unicodedata.normalize("NFC", text.strip()))

    def __str__(self) -> str:
        return self.text


def has_unprintable(text: str) -> bool:
    """Whether something in it can't be shown, or not be stored."""
    return any(unicodedata.category(character) in _UNPRINTABLE for character in text)
