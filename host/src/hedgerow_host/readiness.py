"""Whether this process can do its work right now, and if not, what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

import redis.asyncio
from fastapi.responses import JSONResponse
from redis.exceptions import RedisError
from starlette.responses import Response

from hedgerow_core.domain import UnavailableError
from hedgerow_host.assembly import Assembly

BROKER_TIMEOUT_S = 0.5
RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class Readiness:
    """Checks the database per context; reports the broker, which only costs latency when it is away."""

    assembly: Assembly
    broker_url: str | None = None

    async def answer(self) -> Response:
        """200 when ready; 503 with Retry-After when not."""
        database = await self._database()
        ready = database == "ok"
        return JSONResponse(
            {
                "status": "ready" if ready else "not_ready",
                # Pending migrations stop the start, so a process that runs has none.
                "checks": {"database": database, "migrations": "ok", "broker": await self._broker()},
                "contexts": {context.name: context.loaded.manifest.version for context in self.assembly.contexts},
            },
            HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Cache-Control": "no-store"} | ({} if ready else {"Retry-After": str(RETRY_AFTER_S)}),
        )

    async def _database(self) -> str:
        try:
            for context in self.assembly.contexts:
                await context.database.ping()
        except UnavailableError as error:
            return error.code
        return "ok"

    async def _broker(self) -> str:
        if self.broker_url is None:
            return "not configured"
        client = redis.asyncio.Redis.from_url(
            self.broker_url, socket_timeout=BROKER_TIMEOUT_S, socket_connect_timeout=BROKER_TIMEOUT_S
        )
        try:
            await client.ping()
        except (RedisError, OSError):
            return "away"
        else:
            return "ok"
        finally:
            await client.aclose()
