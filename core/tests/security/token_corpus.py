"""Tokens that must never be believed (experiment 25): forged without the key, and signed with it but wrong.

`forged` needs one good token and what everybody may know: the issuer's public key. So it fits any running host.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Sign = Callable[[bytes], bytes]
PublicKey = Ed25519PublicKey | RSAPublicKey | EllipticCurvePublicKey
Harmless = Callable[[str, object], bool]
"""Whether an issuer may well say this in a claim or header field of that name."""

ALGORITHMS: tuple[Any, ...] = (
    *("none", "None", "NONE", "nOnE", "", " ", "HS256", "HS384", "HS512", "RS256", "RS512", "PS256", "ES256"),
    *("ES256K", "EdDSA ", " EdDSA", "eddsa", "EDDSA", "Ed25519", "Ed448", "A128KW", "dir", None, 0, True, [], {}),
)
KIDS: tuple[Any, ...] = (
    *("../../../../../../dev/null", "/dev/null", "..\\..\\nul", "file:///dev/null", "http://evil.example/jwks"),
    *("' OR '1'='1", "'; DROP TABLE signing_keys; --", "k1' UNION SELECT 'x", "%00", "\x00", "\n", " ", ""),
    *("$(id)", "`id`", "|id", "{{7*7}}", "${jndi:ldap://evil}", "../jwks.json", "*", "%", "_", "\ud800", "😀"),
    *("k" * 300, "k" * 2000, None, 0, 1, -1, 1.5, True, False, [], ["k1"], {}, {"kid": "k1"}),
)
TYPES: tuple[Any, ...] = (
    "JWT",
    "jwt",
    "",
    "at",
    "at+jwt ",
    "at+jwt\n",
    "id+jwt",
    "dpop+jwt",
    "logout+jwt",
    None,
    1,
    [],
)
POINTERS: tuple[Mapping[str, Any], ...] = (
    {"jku": "https://evil.example/jwks.json"},
    {"jku": "http://127.0.0.1:1/jwks.json"},
    {"x5u": "https://evil.example/cert.pem"},
    {"x5c": ["MIIB"]},
    {"x5t": "AA"},
    {"jwk": {"kty": "oct", "k": ""}},
    {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}},
    {"iss": "https://evil.example"},
    {"zip": "DEF"},
    {"cty": "JWT"},
    {"enc": "A128GCM"},
)
CRITICAL: tuple[Any, ...] = (["b64"], ["exp"], ["kid"], [], "b64", None, ["x", "y"], {"b64": 1}, 0, True)
SHAPES = (
    "",
    ".",
    "..",
    "...",
    "a",
    "a.b",
    "a.b.c",
    "a.b.c.d",
    "a.b.c.d.e",
    "null",
    "{}",
    "e30.e30.",
    "e30.e30.e30",
)
CLAIMS: Mapping[str, tuple[Any, ...]] = {
    "iss": (
        "",
        "u",
        "us.evil",
        "us/",
        "US",
        " us",
        "us ",
        None,
        0,
        [],
        ["us"],
        {},
        "https://evil.example",
        "us\x00",
    ),
    "aud": ("", "her", "here ", "HERE", "there", None, 0, [], ["there"], ["here", "there"], {}, {"here": 1}),
    "sub": ("", "42", "admin", None, 0, [], {}, "00000000", "../x", "x" * 36, True),
    "sid": ("", "42", 0, [], {}, True, "x" * 36),
    "exp": (0, -1, 1, "", "soon", None, [], {}, "NaN", "Infinity", "-Infinity", 1e400, -1e400, False),
    "iat": (2**40, "", "now", None, [], {}, 1e400, "NaN"),
    "nbf": (2**40, "", "later", [], {}, 1e400, "NaN"),
    "roles": ("super_admin", {"super_admin": True}, 1, True, [["super_admin"]], [1], [None]),
}


def forged(good: str, public: PublicKey) -> Iterator[str]:
    """Made by somebody who knows a good token and the public key, but not the private one."""
    header, claims, signature = good.split(".")
    known: dict[str, Any] = json.loads(_decoded(header))
    told: dict[str, Any] = json.loads(_decoded(claims))
    raw = (
        public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        if isinstance(public, Ed25519PublicKey)
        else public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mine = Ed25519PrivateKey.generate()
    signers: tuple[Sign, ...] = (
        lambda _text: b"",
        lambda _text: _decoded(signature),
        lambda _text: os.urandom(len(_decoded(signature))),
        lambda _text: bytes(len(_decoded(signature))),
        *(_hmac(secret, digest) for secret in (raw, pem, b"") for digest in ("sha256", "sha512")),
        mine.sign,
    )
    for algorithm in ALGORITHMS:
        yield from (_jws(known | {"alg": algorithm}, told, sign) for sign in signers)
    changes = [{"kid": kid} for kid in KIDS] + [{"typ": type} for type in TYPES] + [dict(more) for more in POINTERS]
    changes += [{"crit": crit, "b64": False} for crit in CRITICAL]
    for change in changes:
        yield _jws(known | change, told, mine.sign)
        yield _jws(known | change, told, lambda _text: _decoded(signature))
    for more in ({"roles": ["super_admin"]}, {"exp": told["exp"] + 9999}, {"sub": told["sub"][::-1]}):
        yield _jws(known, told | more, lambda _text: _decoded(signature))
    yield from _misshapen(header, claims, signature)


def _misshapen(header: str, claims: str, signature: str) -> Iterator[str]:
    yield from SHAPES
    good = f"{header}.{claims}.{signature}"
    yield from (f"{header}.{claims}", f"{header}.{claims}.", f".{claims}.{signature}", f"{header}..{signature}")
    yield from (good + ".", "." + good, good + "." + signature, f"{claims}.{header}.{signature}", good * 2)
    for junk in ("=", "==", "!", "*", "~", "%3D", "\t", "A", "AA", "\u00e9"):
        yield from (f"{good}{junk}", f"{header}.{claims}.{junk}{signature}", f"{header}{junk}.{claims}.{signature}")
        yield f"{header}.{claims}.{signature[:40]}{junk}{signature[40:]}"
    for part, text in enumerate((header, claims, signature)):
        for at in range(0, len(text), max(1, len(text) // 40)):
            parts = [header, claims, signature]
            parts[part] = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
            yield ".".join(parts)
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        if last != signature[-1]:
            yield f"{header}.{claims}.{signature[:-1]}{last}"
    for broken in (
        b"\xff\xfe",
        b"[" * 2500,
        b'{"a":' * 400,
        b'{"alg":"EdDSA","alg":"none"}',
        b"1",
        b"[]",
        b'"x"',
        b"",
    ):
        yield f"{_encoded(broken)}.{claims}.{signature}"
        yield f"{header}.{_encoded(broken)}.{signature}"
    yield f"{header}.{_encoded(b'x' * 100_000)}.{signature}"


def signed_but_wrong(good: str, sign: Sign, harmless: Harmless = lambda _name, _value: False) -> Iterator[str]:
    """Signed with the true key, and not to be believed all the same. They are issued for `here`."""
    header, claims, _signature = good.split(".")
    known: dict[str, Any] = json.loads(_decoded(header))
    told: dict[str, Any] = json.loads(_decoded(claims))
    for name, values in CLAIMS.items():
        yield from (_jws(known, told | {name: value}, sign) for value in values if not harmless(name, value))
    for name in ("iss", "aud", "sub", "exp", "iat"):
        yield _jws(known, {other: value for other, value in told.items() if other != name}, sign)
    for name, values in (("typ", TYPES), ("crit", CRITICAL), ("kid", KIDS), ("alg", ALGORITHMS)):
        yield from (_jws(known | {name: value}, told, sign) for value in values if not harmless(name, value))


def _jws(header: Mapping[str, Any], claims: Mapping[str, Any], sign: Sign) -> str:
    text = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
    return f"{text}.{_encoded(sign(text.encode()))}"


def _hmac(secret: bytes, digest: str) -> Sign:
    return lambda text: hmac.new(secret, text, getattr(hashlib, digest)).digest()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
