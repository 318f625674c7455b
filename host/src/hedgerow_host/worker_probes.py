"""Where a worker says whether it works: `/livez` and `/readyz` on a port of its own, and nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import final

import uvicorn
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.applications import Starlette
from starlette.routing import Route

from hedgerow_core.http.security_headers import SecurityHeaders
from hedgerow_core.observability import log_of
from hedgerow_host.patient_protocol import PatientProtocol
from hedgerow_host.readiness import Readiness

ENDS_WITHIN_S = 1

_log = log_of(__name__)


@asynccontextmanager
async def answering_probes(readiness: Readiness, listening: socket.socket | None) -> AsyncIterator[None]:
    """Answer on this socket while the body runs; without one, nowhere."""
    if listening is None:
        yield
        return
    server = _Server(_config(readiness))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    host, port, *_ = listening.getsockname()
    _log.info("worker_probed", host=host, port=port)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def _config(readiness: Readiness) -> uvicorn.Config:
    async def livez(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        return await readiness.answer(detailed=False)

    app = Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz)])
    app.add_middleware(SecurityHeaders)
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        http=PatientProtocol,
        ws="none",  # nobody switches here: who offers to is answered in HTTP
        timeout_graceful_shutdown=ENDS_WITHIN_S,
    )


@final
class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the worker's: it goes on answering while it finishes what it has."""
        yield
