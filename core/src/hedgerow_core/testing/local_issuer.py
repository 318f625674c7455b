"""An OpenID provider on this machine: real HTTP, real signatures, and every fault that a test wants it to have."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hedgerow_core.testing.servers import LOCALHOST, free_port

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/jwks.json"
LIFETIME = timedelta(minutes=5)
RSA_BITS, EXPONENT = 2048, 65537
WEBHOOK_SECRET_BYTES = 32
POLL_S = 0.02
"""How soon it notices that it shall stop."""

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class SigningPair:
    """A key pair of the issuer, and the public half as it is published."""

    private: PrivateKey = field(repr=False)
    jwk: dict[str, Any]

    @property
    def kid(self) -> str:
        """Its name."""
        return str(self.jwk["kid"])


@dataclass(frozen=True, slots=True)
class SignedWebhook:
    """A webhook as it goes over the wire."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Fault:
    """What it does instead of answering well. Set the fields while it runs."""

    failing: bool = False
    """It answers 500."""
    slow_s: float = 0.0
    """It answers so much later."""
    answers: dict[str, tuple[int, Mapping[str, str], bytes]] = field(default_factory=dict)
    """What it answers at a path instead of its document: status, header fields, body."""


class LocalIssuer:
    """Serves discovery and keys in threads of its own, and signs tokens and webhooks."""

    def __init__(self, *, algorithm: str = "RS256", audience: str = "hedgerow-tests") -> None:
        self.algorithm = algorithm
        self.audience = audience
        self.fault = Fault()
        self.fetches: Counter[str] = Counter()
        """How often each path was asked for."""
        self.cache_control: str | None = None
        self.webhook_secret = f"whsec_{base64.b64encode(secrets.token_bytes(WEBHOOK_SECRET_BYTES)).decode()}"
        self.pairs = [new_pair(algorithm)]
        """What is published; the last one signs."""
        self._port = free_port()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it listens, which is also its `iss`."""
        return f"http://{LOCALHOST}:{self._port}"

    @property
    def key_fetches(self) -> int:
        """How often somebody asked for its keys."""
        return self.fetches[KEYS]

    def start(self) -> None:
        """Listen. It signs without that, too."""
        self._server = ThreadingHTTPServer((LOCALHOST, self._port), _handler_of(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": POLL_S}, daemon=True).start()

    def stop(self) -> None:
        """Listen no more: connections are refused. It may start again."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def setting(self, name: str = "acme", **members: object) -> dict[str, object]:
        """How `USERS_PROVIDERS` describes it."""
        return {
            "name": name,
            "issuer": self.url,
            "audience": self.audience,
            "algorithms": [self.algorithm],
            "webhook_secret": self.webhook_secret,
        } | members

    def rotate(self, *, forget: bool = False) -> str:
        """Sign with a new key, and publish it; instead of the old ones if they shall be forgotten. Its name."""
        self.pairs = [*([] if forget else self.pairs), new_pair(self.algorithm)]
        return self.pairs[-1].kid

    def token(
        self,
        subject: str,
        *,
        at: datetime | None = None,
        header: Mapping[str, object] | None = None,
        pair: SigningPair | None = None,
        **claims: object,
    ) -> str:
        """A token for somebody, issued now unless told. Claims and header fields replace what it would say; None
        leaves one out.
        """
        pair, now = pair or self.pairs[-1], int((at or datetime.now(UTC)).timestamp())
        told: dict[str, object] = {
            "iss": self.url,
            "aud": self.audience,
            "sub": subject,
            "iat": now,
            "exp": now + int(LIFETIME.total_seconds()),
        } | claims
        head = {"typ": "JWT", "kid": pair.kid} | dict(header or {})
        return jwt.encode(_present(told), pair.private, self.algorithm, headers=head)

    def person(self, subject: str, email: str, *, name: str = "Ann Example", **claims: Any) -> str:
        """A token for somebody whose address is confirmed."""
        told: dict[str, Any] = {"email": email, "email_verified": True, "name": name} | claims
        return self.token(subject, **told)

    def webhook(
        self,
        type: str,
        data: Mapping[str, object],
        *,
        id: str | None = None,
        at: datetime | None = None,
        secret: str | None = None,
    ) -> SignedWebhook:
        """A webhook, signed as Standard Webhooks wants it."""
        moment = at or datetime.now(UTC)
        id, sent = id or f"msg_{secrets.token_hex(8)}", str(int(moment.timestamp()))
        body = json.dumps({"type": type, "timestamp": moment.isoformat(), "data": dict(data)}).encode()
        key = base64.b64decode((secret or self.webhook_secret).removeprefix("whsec_"))
        digest = hmac.digest(key, f"{id}.{sent}.".encode() + body, hashlib.sha256)
        headers = {
            "webhook-id": id,
            "webhook-timestamp": sent,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
            "content-type": "application/json",
        }
        return SignedWebhook(headers, body)

    def answer_at(self, path: str) -> tuple[int, Mapping[str, str], bytes]:
        """What it answers at a path. Called by the server for every request."""
        self.fetches[path] += 1
        time.sleep(self.fault.slow_s)
        if self.fault.failing:
            return HTTPStatus.INTERNAL_SERVER_ERROR, {}, b"thorns"
        if path in self.fault.answers:
            return self.fault.answers[path]
        documents: dict[str, object] = {
            DISCOVERY: {"issuer": self.url, "jwks_uri": f"{self.url}{KEYS}"},
            KEYS: {"keys": [pair.jwk for pair in self.pairs]},
        }
        if path not in documents:
            return HTTPStatus.NOT_FOUND, {}, b""
        headers = {"Cache-Control": self.cache_control} if self.cache_control else {}
        return HTTPStatus.OK, headers, json.dumps(documents[path]).encode()


def new_pair(algorithm: str) -> SigningPair:
    """A key pair for one of RS256, PS256, ES256, EdDSA."""
    private: PrivateKey
    if algorithm == "ES256":
        private = ec.generate_private_key(ec.SECP256R1())
    elif algorithm == "EdDSA":
        private = Ed25519PrivateKey.generate()
    else:
        private = rsa.generate_private_key(EXPONENT, RSA_BITS)
    jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
    return SigningPair(private, {**jwk, "kid": secrets.token_hex(8), "use": "sig", "alg": algorithm})


def _present(claims: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in claims.items() if value is not None}


def _handler_of(issuer: LocalIssuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = issuer.answer_at(self.path)
            try:
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except ConnectionError:
                return  # who asked has lost patience

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: stderr belongs to the test."""

    return Handler
