"""What people tell about themselves besides their name: all of it optional, all of it bounded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlsplit

from hedgerow_core.domain import ValueObject
from hedgerow_users.domain.account_errors import UnsuitableProfile
from hedgerow_users.domain.name import has_unprintable

MAX_PHONE, MAX_ADDRESS, MAX_PHOTO_URL = 32, 500, 2048
MAX_METADATA_BYTES = 8 * 1024
MAX_METADATA_DEPTH = 5
EARLIEST_BIRTHDAY = date(1900, 1, 1)

_PHONE = re.compile(r"\+?\(?[0-9](?:[ ()./-]*[0-9]){2,}")
"""As people write numbers: digits with separators between them, and a + before the country code."""
_NUL_IN_JSON = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""The escape itself, not a text that shows one. PostgreSQL's jsonb can't hold NUL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(ValueObject):
    """The optional part of an account. None, or an empty object, is what nobody has told.

    Raises:
        UnsuitableProfile: names the field and its rule.
    """

    phone: str | None = None
    address: str | None = None
    birthday: date | None = None
    photo_url: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.phone is not None and (len(self.phone) > MAX_PHONE or not _PHONE.fullmatch(self.phone)):
            raise UnsuitableProfile(
                "phone", f"A phone number has 3 digits or more and {MAX_PHONE} characters at most"
            )
        if self.address is not None and not _is_postal(self.address):
            raise UnsuitableProfile("address", f"An address has 1 to {MAX_ADDRESS} characters that can be shown")
        if self.birthday is not None and self.birthday < EARLIEST_BIRTHDAY:
            raise UnsuitableProfile("birthday", f"A birthday is not before {EARLIEST_BIRTHDAY}")
        if self.photo_url is not None and not _is_photo(self.photo_url):
            raise UnsuitableProfile(
                "photo_url", f"A photo is an https:// URL of {MAX_PHOTO_URL} characters at most"
            )
        if self.metadata:
            _check_metadata(self.metadata)

    def must_be_born_by(self, today: date) -> None:
        """Refuse a birthday in the future.

        Raises:
            UnsuitableProfile: it is.
        """
        if self.birthday is not None and self.birthday > today:
            raise UnsuitableProfile("birthday", "A birthday is not in the future")


def _is_postal(text: str) -> bool:
    shown = text.replace("\n", "")
    return 1 <= len(text) <= MAX_ADDRESS and bool(shown.strip()) and not has_unprintable(shown)


def _is_photo(text: str) -> bool:
    # ASCII without spaces, as RFC 3986 has it; no user part, which would let one host pass for another.
    if len(text) > MAX_PHOTO_URL or not text.isascii() or not text.isprintable() or set(text) & set(' "<>\\^`{|}'):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def _check_metadata(metadata: Mapping[str, object]) -> None:
    rule = f"Metadata is a JSON object of {MAX_METADATA_BYTES // 1024} KiB and {MAX_METADATA_DEPTH} levels at most"
    if _depth(metadata) > MAX_METADATA_DEPTH:
        raise UnsuitableProfile("metadata", rule)
    try:
        written = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:  # NaN, or half a character
        raise UnsuitableProfile("metadata", rule) from None
    if len(written) > MAX_METADATA_BYTES or _NUL_IN_JSON.search(written):
        raise UnsuitableProfile("metadata", rule)


def _depth(value: object) -> int:
    """Levels of objects and lists; stops counting where it is one too many."""
    deepest, below = 0, [(value, 1)]
    while below:
        at, depth = below.pop()
        inner = list(_inside(at))
        if isinstance(at, Mapping | list):
            deepest = max(deepest, depth)
        if deepest > MAX_METADATA_DEPTH:
            return deepest
        below += [(child, depth + 1) for child in inner]
    return deepest


def _inside(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
