"""Identity providers: who else may say who somebody is, and by which marks what they say is known to be theirs."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from hedgerow_core.domain import Secret, ValueObject

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Asymmetric ones alone: who verifies must not be able to sign."""
ABSENT = "absent"
TYPES = ("at+jwt", "JWT", ABSENT)
"""Many providers write `JWT`, or leave `typ` out, though RFC 9068 wants at+jwt."""
MAX_TEXT = 255
SECRET_PREFIX = "whsec_"  # noqa: S105 - of every secret of Standard Webhooks
SECRET_BYTES = range(24, 65)
"""Standard Webhooks asks for 192 to 512 bits."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider(ValueObject):
    """One OpenID provider. Printing it shows no secret."""

    name: str
    """In paths and rows: never rename one that has identities."""
    issuer: str
    """`iss`, to the letter: a trailing slash counts."""
    audience: str
    azp: tuple[str, ...] = ()
    """The parties that a token may have been issued to, if it says so. Empty: `audience` alone."""
    algorithms: tuple[str, ...] = ("RS256",)
    typ: tuple[str, ...] = TYPES
    jwks_url: str | None = None
    """Where its keys are. None: where its discovery document says."""
    webhook_secret: Secret | None = None
    webhook_secret_previous: Secret | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError("name: lower-case letters, digits and -, beginning with a letter, 32 at most")
        _demand_address("issuer", self.issuer)
        if urlsplit(self.issuer).query:
            raise ValueError("issuer: a URL without query")
        if self.jwks_url is not None:
            _demand_address("jwks_url", self.jwks_url)
        _demand_texts("audience", (self.audience,))
        _demand_texts("azp", self.azp)
        _demand_choice("algorithms", self.algorithms, ALGORITHMS)
        _demand_choice("typ", self.typ, TYPES)
        if self.webhook_secret is None and self.webhook_secret_previous is not None:
            raise ValueError("webhook_secret_previous: is of no use without webhook_secret")
        for _ in self.webhook_keys():
            pass

    @property
    def parties(self) -> frozenset[str]:
        """The parties that a token may name as its own (`azp`)."""
        return frozenset(self.azp or (self.audience,))

    @property
    def is_in_the_clear(self) -> bool:
        """Whether what it says travels unencrypted: on a loopback interface, where development happens."""
        return any(address.startswith("http://") for address in (self.issuer, self.jwks_url or ""))

    def webhook_keys(self) -> Iterator[bytes]:
        """The keys that its webhooks may be signed with: the current one, then the one before."""
        if self.webhook_secret is not None:
            yield _key_in("webhook_secret", self.webhook_secret)
        if self.webhook_secret_previous is not None:
            yield _key_in("webhook_secret_previous", self.webhook_secret_previous)

    def __str__(self) -> str:
        return f"{self.name}={self.issuer}"


def providers_in(text: str) -> tuple[IdentityProvider, ...]:
    """Read the JSON list that names them.

    Raises:
        ValueError: says which one, which member, and what is expected; quotes no value.
    """
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("not JSON: expected a list of objects with name, issuer and audience") from None
    if not isinstance(listed, list) or not all(isinstance(told, dict) for told in listed):
        raise ValueError("expected a list of objects with name, issuer and audience")
    providers = tuple(_provider(place, told) for place, told in enumerate(listed))
    for member in ("name", "issuer"):
        if len({getattr(provider, member) for provider in providers}) < len(providers):
            raise ValueError(f"two providers have one {member}")
    return providers


def _provider(place: int, told: Mapping[str, object]) -> IdentityProvider:
    try:
        unknown = sorted(told.keys() - _READERS.keys())
        if unknown:
            raise ValueError(f"{unknown[0][:MAX_TEXT]}: is no member; there are {', '.join(_READERS)}")
        missing = [name for name in ("name", "issuer", "audience") if told.get(name) is None]
        if missing:
            raise ValueError(f"{missing[0]}: is missing")
        read = {name: _READERS[name](name, value) for name, value in told.items() if value is not None}
        return IdentityProvider(**read)  # type: ignore[arg-type] # the readers are by member
    except ValueError as error:
        raise ValueError(f"[{place}].{error}") from None


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name}: a text")
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or len(set(map(str, value))) < len(value):
        raise ValueError(f"{name}: a list of different texts, and not empty")
    return tuple(_text(name, one) for one in value)


def _secret(name: str, value: object) -> Secret:
    return Secret(_text(name, value))


_READERS = {
    "name": _text,
    "issuer": _text,
    "audience": _text,
    "azp": _texts,
    "algorithms": _texts,
    "typ": _texts,
    "jwks_url": _text,
    "webhook_secret": _secret,
    "webhook_secret_previous": _secret,
}


def is_loopback(host: str) -> bool:
    """Whether a host name means this very machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _demand_address(name: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"{name}: not a URL") from None
    if (
        not host
        or not url.isprintable()
        or " " in url
        or len(url) > MAX_TEXT
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise ValueError(f"{name}: expected https://host/path, without user, password or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError(f"{name}: https, or http on a loopback address while developing")


def _demand_texts(name: str, texts: Sequence[str]) -> None:
    if not all(1 <= len(text) <= MAX_TEXT and text.isprintable() for text in texts):
        raise ValueError(f"{name}: 1 to {MAX_TEXT} printable characters")


def _demand_choice(name: str, chosen: Sequence[str], there_are: Sequence[str]) -> None:
    if not chosen or not set(chosen) <= set(there_are):
        raise ValueError(f"{name}: one or more of {', '.join(there_are)}")


def _key_in(name: str, secret: Secret) -> bytes:
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        raise ValueError(f"{name}: {SECRET_PREFIX} and 24 to 64 bytes in base64, as the provider shows it")
    return key
