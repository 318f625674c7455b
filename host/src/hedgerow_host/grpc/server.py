"""The gRPC server of a process: binds, serves what contexts declare with health and reflection, and drains."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, final

import grpc
import grpc.aio
from grpc_reflection.v1alpha import reflection
from starlette.types import Scope
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from hedgerow_core.grpc.descriptors import counts_as
from hedgerow_core.grpc.methods import LONGEST_CALL_S, GuardedMethod, Locate
from hedgerow_core.http.middleware import MAX_BODY_BYTES
from hedgerow_core.observability import log_of
from hedgerow_core.security import scope_of_route
from hedgerow_host.assembly import Assembly
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.grpc import health
from hedgerow_host.grpc.dispatch import Dispatch
from hedgerow_host.grpc.draining import LAST_WORDS_S, Doors
from hedgerow_host.grpc.health import Health
from hedgerow_host.grpc.methods import ServedMethod
from hedgerow_host.grpc.tls import credentials_of
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import HostSettings

MOST_CALLS = 512
"""At the same time. More of them wait for a connection of the pool for longer than their callers do."""
BOUNDS = (
    ("grpc.max_receive_message_length", MAX_BODY_BYTES),
    ("grpc.max_concurrent_streams", 128),  # of one connection
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.so_reuseport", 0),  # a taken port is an error, and is not shared with whoever has it
)

_log = log_of(__name__)


@final
class GrpcServer:
    """Bound before it serves, so that a taken port ends the start; drained once, whoever asks first."""

    def __init__(
        self,
        assembly: Assembly,
        readiness: Readiness,
        methods: Sequence[ServedMethod],
        settings: HostSettings,
        *,
        longest_call_s: float = LONGEST_CALL_S,
    ) -> None:
        self._settings = settings
        self._longest_call_s = longest_call_s
        self._locate = _behind(settings.trusted_proxies)
        self._doors = Doors()
        handlers = {method.path: self._handler_of(method, assembly) for method in methods}
        self._dispatch = Dispatch(assembly, handlers, self._doors)
        self._services = {method.service.full_name: method.context for method in methods}
        self._health = Health(assembly, readiness, self._services, self._doors, longest_call_s)
        self._server: grpc.aio.Server | None = None
        self._draining: asyncio.Task[None] | None = None
        self.port = settings.grpc_port or 0
        """Where it listens, once it is bound."""

    async def bind(self) -> None:
        """Take the port. Nobody is answered yet.

        Raises:
            HostError: the port is taken, or the files for TLS are of no use.
        """
        credentials = credentials_of(self._settings)
        server = grpc.aio.server(options=BOUNDS, maximum_concurrent_rpcs=MOST_CALLS)
        server.add_generic_rpc_handlers((self._dispatch, self._health.handler))
        if self._settings.shows_docs:
            names = [*self._services, health.NAME, reflection.SERVICE_NAME]
            reflection.enable_server_reflection(names, server)
        host = self._settings.grpc_host
        place = f"{f'[{host}]' if ':' in host else host}:{self.port}"
        try:
            if credentials is None:
                self.port = server.add_insecure_port(place)
            else:
                self.port = server.add_secure_port(place, credentials)
        except RuntimeError as error:
            raise HostError(
                f"cannot serve gRPC on {place}",
                fix="end the program that uses the port, or choose another with HEDGEROW_GRPC_PORT",
                code=ExitCode.MISCONFIGURED,
            ) from error
        self._server = server

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Answer calls while the body runs; then let those end that have begun."""
        assert self._server is not None  # noqa: S101 - it was bound
        await self._server.start()
        _log.info("grpc_ready", host=self._settings.grpc_host, port=self.port, services=[*self._services])
        try:
            yield
        finally:
            await self.drain()

    async def drain(self) -> None:
        """Take no more calls, and wait for those that have begun: 10 s at most."""
        if self._draining is None:
            self._draining = asyncio.ensure_future(self._stop())
        await asyncio.shield(self._draining)

    async def _stop(self) -> None:
        await self._doors.close()
        if self._server is not None:
            await self._server.stop(LAST_WORDS_S)

    def _handler_of(self, method: ServedMethod, assembly: Assembly) -> grpc.RpcMethodHandler[bytes, bytes]:
        scope = scope_of_route(method.context, (counts_as(method.descriptor),))
        stages = assembly.gate.stages_for(method.access, method.endpoint, scope=scope)
        guarded = GuardedMethod(
            method.descriptor, method.endpoint, stages, locate=self._locate, longest_call_s=self._longest_call_s
        )
        return grpc.stream_unary_rpc_method_handler(self._doors.counting(guarded.answer))


def _behind(trusted_proxies: Sequence[str] | None) -> Locate | None:
    """By the same rule as for HTTP: without trusted proxies nobody may say who they are."""
    if not trusted_proxies:
        return None

    async def nothing(*_: Any) -> Any: ...

    locating: Any = ProxyHeadersMiddleware(nothing, trusted_hosts=list(trusted_proxies))

    async def locate(scope: Scope) -> None:
        await locating(scope, nothing, nothing)

    return locate
