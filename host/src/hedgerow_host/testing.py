"""For tests of a context: the context in a host of its own, behind the gate that guards it in production.

Needs `hedgerow-host[testing]`. Nothing listens: requests take the way through the whole application in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI
from sqlalchemy import Row, text

from hedgerow_core.application import Bus
from hedgerow_core.domain import Clock
from hedgerow_core.http import Gate
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.security import TokenIssuer, TokenVerifier
from hedgerow_core.security.tokens import ALGORITHM, TOKEN_TYPE
from hedgerow_core.testing import work_off_all
from hedgerow_host.api import create_app
from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.checks import contract_files
from hedgerow_host.discovery import load_contexts
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.mounting import routes_of
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import Environment
from hedgerow_host.watch import Watch

ISSUER = "https://issuer.test"
BASE_URL = "http://host.test"
LIFETIME = timedelta(minutes=5)


class AnybodysIssuer:
    """Logs anybody in, with a key that only this test knows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._private = Ed25519PrivateKey.generate()
        public = jwt.get_algorithm_by_name(ALGORITHM).to_jwk(self._private.public_key(), as_dict=True)
        self._public = jwt.PyJWK({**public, "alg": ALGORITHM})

    @property
    def declared(self) -> TokenIssuer:
        """How a host comes to believe it."""
        return TokenIssuer(issuer=ISSUER, audience=ISSUER, find_key=self._find_key)

    def token(self, subject: UUID, roles: Collection[str]) -> str:
        """An access token for somebody with these roles."""
        now = self._clock.now()
        claims = {"iss": ISSUER, "aud": ISSUER, "sub": str(subject), "roles": sorted(roles)}
        times = {"iat": int(now.timestamp()), "exp": int((now + LIFETIME).timestamp())}
        return jwt.encode(claims | times, self._private, ALGORITHM, headers={"typ": TOKEN_TYPE, "kid": "test"})

    async def _find_key(self, _kid: str) -> jwt.PyJWK:
        return self._public


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUnderTest:
    """A host with one context. Its deliveries are worked off when the test says so."""

    assembly: Assembly
    app: FastAPI
    issuer: AnybodysIssuer

    @property
    def context(self) -> HostedContext:
        """The context, built."""
        return self.assembly.contexts[0]

    @property
    def bus(self) -> Bus:
        """Carries its messages."""
        return self.context.bus

    def client(self, subject: UUID | None = None, *, roles: Collection[str] = ("user",)) -> httpx.AsyncClient:
        """A client of somebody with these roles; without a subject, of a stranger."""
        known = {} if subject is None else {"Authorization": f"Bearer {self.issuer.token(subject, roles)}"}
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers=known)

    def work(self) -> AbstractAsyncContextManager[Any]:
        """A unit of work, as the context's handlers are given it: it commits when it is left."""
        return unit_of_work(self.context.database, self.context.handlers.work, lambda: None)

    async def work_off(self) -> None:
        """Run every task and every delivery that is due, until none is."""
        await work_off_all(self.context.database, self.context.consumers, self.context.drain)

    async def rows(self, statement: str) -> Sequence[Row[Any]]:
        """Look into the schema, past the code under test."""
        async with self.context.database.reading() as connection:
            return (await connection.execute(text(statement))).all()

    def contract_findings(self) -> list[str]:
        """What `hedgerow check` has to say of the context's contract.json."""
        return [f"{found.subject} {found.what}: {found.fix}" for found in contract_files(self.assembly)]


@asynccontextmanager
async def host_under_test(
    context: str, address: DatabaseAddress, *, clock: Clock, data_dir: Path
) -> AsyncIterator[HostUnderTest]:
    """A host of this installed context alone, on a database that is migrated: see `MigratedDatabases`.

    Raises:
        CompositionError: the context can't be hosted.
    """
    issuer = AnybodysIssuer(clock)
    assembled = assemble(
        load_contexts((context,)), environment=Environment.TEST, data_dir=data_dir, address=address, clock=clock
    )
    believing = Gate(TokenVerifier([issuer.declared], clock), assembled.permissions)
    assembly = replace(assembled, gate=believing)
    app = create_app(assembly, routes_of(assembly), Readiness(assembly, Watch(assembly)))
    async with assembly.running():
        yield HostUnderTest(assembly=assembly, app=app, issuer=issuer)
