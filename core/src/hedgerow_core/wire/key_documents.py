"""Reads key sets (RFC 7517) that others publish: bounded in time and size, and only what may verify a signature.

Nothing is kept here, no redirect is followed, and no proxy of the environment is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from hedgerow_core.outbound.http import authorities
from hedgerow_core.security.tokens import MAX_KID_LENGTH

if TYPE_CHECKING:
    import httpx

CONNECT_WITHIN_S, ANSWER_WITHIN_S = 2.0, 5.0
MAX_BYTES = 256 * 1024
MAX_KEYS = 100
RSA_BITS = range(2048, 8193)
"""Less can be broken (NIST SP 800-131A); more makes every verification slow."""

_MAX_AGE = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_KINDS: Mapping[str, tuple[str, str | None]] = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""Key type and curve that an algorithm takes (RFC 7518 §6, RFC 8037 §2)."""
_PUBLIC_MEMBERS = ("kty", "crv", "n", "e", "x", "y")
"""What a private key would add is not even looked at."""


class KeysNotReadError(Exception):
    """Whoever was asked did not answer with a key set; says why, in our words."""


@final
@dataclass(frozen=True, slots=True)
class KeyDocument:
    """The keys that we can use, by name, and for how many seconds we may keep them, if that was said."""

    keys: Mapping[str, jwt.PyJWK]
    max_age_s: int | None


async def key_document_at(client: httpx.AsyncClient, address: str, algorithms: tuple[str, ...]) -> KeyDocument:
    """The key set at an address.

    Raises:
        KeysNotReadError: what is there is none.
        httpx.HTTPError: nobody answers.
    """
    body, headers = await bounded_get(client, address)
    return key_document_in(body, headers, algorithms)


def key_document_in(body: bytes, headers: Mapping[str, str], algorithms: tuple[str, ...]) -> KeyDocument:
    """The key set in an answer.

    Raises:
        KeysNotReadError: there is none, or none that we can use.
    """
    return KeyDocument(keys_in(body, algorithms), _max_age_in(headers.get("cache-control", "")))


def keys_in(body: bytes, algorithms: tuple[str, ...]) -> Mapping[str, jwt.PyJWK]:
    """The usable keys of a key set (RFC 7517 §5), by name. Those that we can't use are passed over, as it demands.

    Raises:
        KeysNotReadError: it is no key set, too large a one, or none of its keys is usable.
    """
    listed = object_in(body).get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise KeysNotReadError(f"expected a key set of at most {MAX_KEYS} keys")
    found: dict[str, jwt.PyJWK] = {}
    for jwk in listed:
        key = _usable(jwk, algorithms) if isinstance(jwk, dict) else None
        if key is not None:
            found.setdefault(jwk["kid"], key)
    if not found:
        raise KeysNotReadError("the key set has no key that we can use")
    return found


def _usable(jwk: Mapping[str, Any], algorithms: tuple[str, ...]) -> jwt.PyJWK | None:
    kid, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    named = isinstance(kid, str) and kid.isprintable() and 1 <= len(kid) <= MAX_KID_LENGTH
    verifies = jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    fitting = [algorithm for algorithm in algorithms if _fits(jwk, algorithm)]
    if not named or not verifies or not fitting:
        return None
    public = {member: jwk[member] for member in _PUBLIC_MEMBERS if member in jwk}
    try:
        key = jwt.PyJWK(public, algorithm=fitting[0])
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size not in RSA_BITS:
        return None
    return key


def _fits(jwk: Mapping[str, Any], algorithm: str) -> bool:
    kind, curve = _KINDS[algorithm]
    right_kind = jwk.get("kty") == kind and (curve is None or jwk.get("crv") == curve)
    return right_kind and jwk.get("alg", algorithm) == algorithm


def object_in(body: bytes) -> Mapping[str, Any]:
    """The JSON object in an answer.

    Raises:
        KeysNotReadError: it is none.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise KeysNotReadError("the answer is not JSON") from None
    if not isinstance(document, dict):
        raise KeysNotReadError("the answer is no JSON object")
    return document


def _max_age_in(cache_control: str) -> int | None:
    found = _MAX_AGE.search(cache_control)
    return int(found[1]) if found else None


def key_client(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A client for one reading of keys, and of what leads to them."""
    import httpx

    return httpx.AsyncClient(
        transport=transport,
        verify=authorities(),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(ANSWER_WITHIN_S, connect=CONNECT_WITHIN_S),
        # Not compressed: what we bound is what we get.
        headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "hedgerow"},
    )


async def bounded_get(client: httpx.AsyncClient, address: str) -> tuple[bytes, Mapping[str, str]]:
    """Body and headers of what is at an address.

    Raises:
        KeysNotReadError: it is not there, or more than we take.
        httpx.HTTPError: nobody answers.
    """
    async with client.stream("GET", address) as answer:
        demand_plain(answer.status_code, answer.headers)
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > MAX_BYTES:
                raise KeysNotReadError(f"the answer has more than {MAX_BYTES} bytes")
        return bytes(body), answer.headers


def demand_plain(status: int, headers: Mapping[str, str]) -> None:
    """Whether there is a document, as it is.

    Raises:
        KeysNotReadError: there is none, or it is compressed.
    """
    if status != 200:
        raise KeysNotReadError(f"it answered {status}")
    if headers.get("content-encoding", "identity") != "identity":
        raise KeysNotReadError("the answer is compressed, which we have not asked for")
