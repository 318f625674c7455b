"""`Idempotency-Key`: a request that is sent again takes effect once.

draft-ietf-httpapi-idempotency-key-header-07.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request, Response

from hedgerow_core.application.idempotency import IdempotentRequest, working_on
from hedgerow_core.domain import ValidationError

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
"""`true` beside an answer that was given before."""
MAX_KEY = 256
_KEY = re.compile(rf'"?([\x21\x23-\x7e]{{1,{MAX_KEY}}})"?')
"""Signs of ASCII without blanks, with or without the quotes of a structured field."""

OPENAPI: dict[str, Any] = {
    "parameters": [
        {
            "name": HEADER,
            "in": "header",
            "required": False,
            "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": r"^[\x21\x23-\x7e]+$"},
            "description": "Makes it safe to send the request again for 24 hours: it takes effect once.",
        }
    ]
}

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])
_ATTRIBUTE = "__hedgerow_idempotent__"


def idempotent(endpoint: Endpoint) -> Endpoint:
    """Let callers send the request again with an `Idempotency-Key`: what its commands did is not done twice.

    The endpoint must answer with nothing but what its commands answer; that is kept, so none of it may be secret.
    """
    setattr(endpoint, _ATTRIBUTE, True)
    return endpoint


def is_idempotent(endpoint: Callable[..., object]) -> bool:
    """Whether an endpoint takes keys."""
    return getattr(endpoint, _ATTRIBUTE, False)


async def answered_once(
    request: Request, operation: str, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Answer a request; if it has a key and was answered before, as before.

    Raises:
        ValidationError: `invalid_idempotency_key`, the key is none.
        IdempotencyKeyReused, RequestInFlight: as `IdempotentRequest.once`.
    """
    key = _key_of(request)
    if key is None:
        return await answer(request)
    who = request.state.principal.subject
    asked = IdempotentRequest(
        scope=_digest(str(who).encode(), operation.encode(), key.encode()),
        fingerprint=_digest(request.url.path.encode(), request.url.query.encode(), await _body_of(request)),
    )
    with working_on(asked):
        response = await answer(request)
    if asked.is_replay:
        response.headers[REPLAYED] = "true"
    return response


def _key_of(request: Request) -> str | None:
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    found = _KEY.fullmatch(given[0])
    if found is None or len(given) > 1:
        raise ValidationError(
            f"An {HEADER} has 1 to {MAX_KEY} visible ASCII signs, without quotes in between, and is sent once.",
            field=HEADER,
            code="invalid_idempotency_key",
        )
    return found[1]


async def _body_of(request: Request) -> bytes:
    """The body, whatever the order of its members. One that is no JSON is itself; the endpoint will refuse it."""
    body = await request.body()
    try:
        return json.dumps(await request.json(), sort_keys=True).encode() if body else b""
    except ValueError:
        return body


def _digest(*parts: bytes) -> bytes:
    """Each part with its length, so that no two lists of parts look alike."""
    return hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts)).digest()
