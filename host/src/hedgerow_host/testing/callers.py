"""Who calls the host in a test: anybody the test makes up, with a token that the host checks like any other."""

from __future__ import annotations

from collections.abc import Collection, Generator
from uuid import UUID

import httpx
import jwt
from starlette.types import ASGIApp

from hedgerow_core.domain import Clock, new_id
from hedgerow_core.security import PermissionTable, Principal, TokenIssuer
from hedgerow_core.security.claims import Claims
from hedgerow_core.security.permissions import ROLE_HIERARCHY
from hedgerow_core.security.tokens import ALGORITHM, TOKEN_TYPE
from hedgerow_core.testing import LocalIssuer

BASE_URL = "http://host.test"


class Doorkeeper:
    """Issues the tokens of a test's callers: real signatures, and times by the test's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._signs = LocalIssuer(algorithm=ALGORITHM)
        self._introduced: dict[str, Principal] = {}

    @property
    def issuer(self) -> TokenIssuer:
        """What the host is told to believe."""
        return TokenIssuer(
            issuer=self._signs.url,
            audience=self._signs.audience,
            find_key=self._find_key,
            resolve=self._resolve,
        )

    def token(self, principal: Principal) -> str:
        """An access token, good for five minutes of the test's clock."""
        name = str(len(self._introduced))
        self._introduced[name] = principal
        return self._signs.token(name, at=self._clock.now(), header={"typ": TOKEN_TYPE})

    async def _find_key(self, kid: str) -> jwt.PyJWK | None:
        return next((jwt.PyJWK(pair.jwk) for pair in self._signs.pairs if pair.kid == kid), None)

    async def _resolve(self, claims: Claims) -> Principal:
        return self._introduced[claims["sub"]]


class Person(httpx.AsyncClient):
    """A client of the host that calls as one principal, each time with a fresh token."""

    def __init__(self, app: ASGIApp, doorkeeper: Doorkeeper, principal: Principal) -> None:
        super().__init__(
            transport=httpx.ASGITransport(app), base_url=BASE_URL, auth=_FreshToken(doorkeeper, principal)
        )
        self.principal = principal

    @property
    def id(self) -> UUID:
        """Whom the host sees."""
        return self.principal.subject


class _FreshToken(httpx.Auth):
    def __init__(self, doorkeeper: Doorkeeper, principal: Principal) -> None:
        self._doorkeeper, self._principal = doorkeeper, principal

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._doorkeeper.token(self._principal)}"
        yield request


def lowest_role(table: PermissionTable, permission: str) -> str:
    """The role that is just high enough.

    Raises:
        LookupError: no hosted context declares the permission.
    """
    for role in ROLE_HIERARCHY:
        if table.permits(logged_in(role), permission):
            return role
    raise LookupError(f"no hosted context declares the permission {permission}: correct it, or host its context")


def logged_in(role: str, *, id: UUID | None = None, scopes: Collection[str] | None = None) -> Principal:
    """Somebody of a role, through a session of their own; through a key if there are scopes."""
    return Principal(
        subject=id or new_id(),
        session=new_id() if scopes is None else None,
        roles=frozenset({role}),
        scopes=None if scopes is None else frozenset(scopes),
    )
