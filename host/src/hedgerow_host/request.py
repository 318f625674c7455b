"""`hedgerow get`: one request through the whole pipeline, in this process, without a server."""

from __future__ import annotations

import asyncio
import getpass

import httpx

from hedgerow_core.application import Cause, caused_by
from hedgerow_core.domain import Secret
from hedgerow_core.observability import configure_logging
from hedgerow_core.plugin import Impersonation
from hedgerow_host.api import create_app
from hedgerow_host.assembly import Assembly
from hedgerow_host.database import existing_database, told_if_away
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.mounting import routes_of
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import HostSettings
from hedgerow_host.start import started
from hedgerow_host.watch import Watch

HERE = "http://localhost"

Answer = httpx.Response


def get(settings: HostSettings, path: str, *, email: str | None) -> Answer:
    """What `GET path` is answered, if `email` asks; without one, a stranger.

    Raises:
        CompositionError: the contexts don't fit together.
        HostError: the database is away or not migrated, or nobody here can speak for this address.
        DomainError: the account is closed.
    """
    configure_logging(settings.log_format, level="WARNING")
    with existing_database(settings) as address, told_if_away(address):
        return asyncio.run(_get(started(settings, address), settings, path, email))


async def _get(assembly: Assembly, settings: HostSettings, path: str, email: str | None) -> Answer:
    readiness = Readiness(assembly, Watch(assembly, settings.stale_after_s), settings.broker_url)
    app = create_app(assembly, routes_of(assembly), readiness, settings=settings)
    async with assembly.running():
        headers = {}
        if email is not None:
            token = await _token_of(
                assembly, email, why=f"GET {path.partition('?')[0]}"
            )  # what is asked for may be personal
            headers["Authorization"] = f"Bearer {token.reveal()}"
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.get(path, headers=headers)


async def _token_of(assembly: Assembly, email: str, *, why: str) -> Secret:
    able = [context for context in assembly.contexts if context.loaded.implements("impersonate")]
    for context in able:
        impersonate: Impersonation = context.loaded.call(
            "impersonate", container=context.container, bus=context.bus
        )
        with caused_by(Cause(actor=f"cli:{getpass.getuser()}")):
            token = await impersonate(email, why=why)
        if token is not None:
            return token
    if not able:
        raise HostError(
            "no context that is hosted here can speak for somebody",
            fix="host one with the hook `impersonate`, such as users, or leave out --as: one on another host lends "
            "nobody its people",
            code=ExitCode.MISCONFIGURED,
        )
    raise HostError(f"nobody has the address {email}", fix="check it", code=ExitCode.MISCONFIGURED)
