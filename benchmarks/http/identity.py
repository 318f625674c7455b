"""How the yardsticks know who calls: what a careful hand-writer does, and no more.

A token is an EdDSA JWT of the same issuer, read by the same library: type, key id, signature, issuer, audience and
expiry are checked, subject, session and roles are taken out of it, and the role must be there. Nothing is looked up
in a database and nothing is throttled, logged, traced or revoked: all that is left out favours the yardsticks.
"""

from __future__ import annotations

import json
import os
from typing import Annotated, NamedTuple
from uuid import UUID

import jwt
from fastapi import Depends, HTTPException, Request

_KEYS = {key.key_id: key for key in jwt.PyJWKSet.from_dict(json.loads(os.environ["BARE_JWKS"])).keys}
_REQUIRED = {"require": ["exp", "iat", "sub", "iss", "aud"]}


class Caller(NamedTuple):
    """Who calls."""

    subject: UUID
    session: UUID
    roles: frozenset[str]


async def _caller(request: Request) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPException(401)
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != "at+jwt":
            raise HTTPException(401)
        claims = jwt.decode(
            token,
            _KEYS[header["kid"]],
            algorithms=["EdDSA"],
            issuer="hedgerow-users",
            audience="hedgerow",
            options=_REQUIRED,
        )
    except (jwt.InvalidTokenError, KeyError) as error:
        raise HTTPException(401) from error
    return Caller(UUID(claims["sub"]), UUID(claims["sid"]), frozenset(claims["roles"]))


async def _user(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    if "user" not in caller.roles:
        raise HTTPException(403)
    return caller


User = Annotated[Caller, Depends(_user)]
