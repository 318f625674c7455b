"""Which addresses a customer may name: public names, over https, on ports that the operator allows.

This looks at the text alone, so that a mistake is told at once. Where a name leads is judged at every connection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from hedgerow_core.domain import ValueObject
from hedgerow_webhooks.domain.errors import UrlNotAllowed

MAX_URL = 1024
# The last label begins with a letter, as all public ones do: so no form of a number (127.1, 0x7f000001) is a name.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])", re.IGNORECASE)
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]+")
_LOCAL = frozenset({"localhost", "127.0.0.1"})


@dataclass(frozen=True, slots=True)
class TargetRules:
    """What an address may be like on this host."""

    ports: frozenset[int]
    local_too: bool = False
    """Whether receivers of this machine are allowed, over http and on any port: for developers alone."""


@dataclass(frozen=True, slots=True)
class Target(ValueObject):
    """Where messages of an endpoint go. Its path may be as good as a password, so it is not printed."""

    url: str

    def __repr__(self) -> str:
        return "<target>"

    @classmethod
    def parse(cls, url: str, rules: TargetRules) -> Target:
        """Read an address that a customer has named.

        Raises:
            UrlNotAllowed: says which rule it breaks.
        """
        if len(url) > MAX_URL or not _VISIBLE_ASCII.fullmatch(url):
            raise UrlNotAllowed(f"it must have 1 to {MAX_URL} visible ASCII characters; write others encoded")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise UrlNotAllowed("it is no URL") from None
        if parts.username is not None or parts.password is not None or "@" in parts.netloc:
            raise UrlNotAllowed("it must not hold a user or a password; the signature says who sends")
        if parts.fragment or "#" in url or "\\" in url:
            raise UrlNotAllowed("it must not hold a fragment or a backslash")
        if rules.local_too and parts.hostname in _LOCAL and parts.scheme in ("http", "https"):
            return cls(url)
        _demand_public(parts, port, rules)
        return cls(url)


def _demand_public(parts: SplitResult, port: int | None, rules: TargetRules) -> None:
    if parts.scheme != "https":
        raise UrlNotAllowed("it must begin with https://")
    if not _NAME.fullmatch(parts.hostname or "") or len(parts.hostname or "") > 253:
        raise UrlNotAllowed("its host must be a public name such as hooks.example.org, and not a number")
    if (443 if port is None else port) not in rules.ports:
        allowed = ", ".join(str(each) for each in sorted(rules.ports))
        raise UrlNotAllowed(f"its port must be one of {allowed}")
