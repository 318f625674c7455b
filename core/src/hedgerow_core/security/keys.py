"""API keys, as far as core knows them: who vouches for those of a prefix, and how a bad one is refused."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hedgerow_core.domain import AuthenticationError
from hedgerow_core.security.principal import Principal

INVALID_KEY = "invalid_key"

_PREFIX = re.compile(r"[a-z][a-z0-9]{1,7}_")
"""No access token begins so, and no prefix begins with another one."""

KeyFinder = Callable[[str, str], Awaitable[Principal | None]]
"""Finds who a key speaks for; None if the key is not, or no longer, good.

Takes the key as it came, whatever it may be, and the network it came from, so that guessing can be slowed down.
Called for every request with a key, outside any transaction, so it answers from memory where it can; whom somebody
shuts out must be out within a second. May raise `UnavailableError` and `RateLimitError`."""

KeyRecall = Callable[[str], Principal | None]
"""Whom a key spoke for a moment ago, from memory; None if that is too long ago. Asked where `find` can't answer,
for requests that change nothing and ask for nothing administrative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAuthority:
    """Somebody whose API keys this host believes: all that begin with `prefix`, such as `hgk_`."""

    prefix: str
    find: KeyFinder
    recall: KeyRecall | None = None
    """None: nobody is believed while `find` can't answer."""

    def __post_init__(self) -> None:
        if not _PREFIX.fullmatch(self.prefix):
            raise ValueError(f"{self.prefix!r} is no prefix of keys: write two to eight letters and digits, then _")


def looks_like_key(credential: str) -> bool:
    """Whether it may be a key of somebody, and surely is no token."""
    return _PREFIX.match(credential) is not None


def key_refused() -> AuthenticationError:
    """The same for every key that is not good."""
    return AuthenticationError("The API key is not valid, or no longer. Use another one.", code=INVALID_KEY)
