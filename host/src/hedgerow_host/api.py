"""The HTTP application: the contexts' routes, the probes, and nothing else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, final

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.lifespan.on import LifespanOn, LifespanSendMessage

from hedgerow_core.http.admission import Admission
from hedgerow_core.http.middleware import RequestBoundary, is_routine
from hedgerow_core.http.pipeline import building_routes
from hedgerow_core.http.problems import install_problem_handlers
from hedgerow_core.http.security_headers import SecurityHeaders
from hedgerow_core.http.shedding import LoadShedding
from hedgerow_core.observability import log_of
from hedgerow_host.admitting_protocol import ADMISSION, OTHER_ORIGINS, AdmittingProtocol
from hedgerow_host.assembly import Assembly
from hedgerow_host.draining import DrainingServer
from hedgerow_host.exits import not_started
from hedgerow_host.lean_start import spare_what_is_built
from hedgerow_host.listening import doors
from hedgerow_host.mounting import MountedRoute, mount
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import REQUESTS_AT_ONCE, HostSettings
from hedgerow_host.streams.streaming import streaming
from hedgerow_host.switchboard import Switchboard
from hedgerow_host.visitors import Visitors
from hedgerow_host.wire.arrivals import Arrivals
from hedgerow_host.wire.believing import listening
from hedgerow_host.wire.elsewhere import elsewhere_routes
from hedgerow_host.wire.routes import wire_routes
from hedgerow_host.working_in_process import working_in_process

if TYPE_CHECKING:
    from hedgerow_host.grpc.server import GrpcServer  # of those hosts alone that serve it

_log = log_of(__name__)

DISTRIBUTION = "hedgerow-host"
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "An access token, or an API key, which opens no route that guards an account.",
}

STARTED_POLL_S = 0.02
ASKED_HEADERS = ("Authorization", "Idempotency-Key", "If-Match", "If-None-Match", "Traceparent", "X-Request-ID")
ANSWERED_HEADERS = (
    "ETag",
    "Idempotency-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-ID",
)


def create_app(
    assembly: Assembly,
    routes: Sequence[MountedRoute],
    readiness: Readiness,
    *,
    settings: HostSettings | None = None,
    with_worker: bool = False,
    grpc: GrpcServer | None = None,
) -> FastAPI:
    """The application of this assembly. `with_worker` lets it work off its own deliveries: `hedgerow dev`.

    `grpc` is bound by then, and serves as long as the application does.

    Without `settings` it shows its document and lets no other origin in.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(assembly.running())
            except Exception:
                app.state.failure_is_told = True
                raise
            await stack.enter_async_context(listening(assembly))
            await stack.enter_async_context(readiness.watch.running())
            await stack.enter_async_context(Arrivals(assembly).watching())
            if with_worker:
                await stack.enter_async_context(working_in_process(assembly))
                await stack.enter_async_context(streaming(assembly, settings.stream_url if settings else None))
            if grpc is not None:
                await stack.enter_async_context(grpc.serving())
            yield

    visitors = Visitors(assembly)
    shows_docs = settings is None or settings.shows_docs
    app = HedgerowApi(
        title="Hedgerow",
        description=_description(assembly),
        version=version(DISTRIBUTION),
        lifespan=lifespan,
        redoc_url=None,
        docs_url="/docs" if shows_docs else None,
        openapi_url="/openapi.json" if shows_docs else None,
        redirect_slashes=False,  # a path is right or it is a 404; a redirected POST surprises
        telemetry={"exclude": is_routine},
    )
    install_problem_handlers(app)
    app.add_middleware(RequestBoundary)
    admission = Admission(at_once=settings.requests_at_once if settings else REQUESTS_AT_ONCE)
    setattr(app.state, ADMISSION, admission)
    app.add_middleware(LoadShedding, admission=admission)
    if settings is not None and settings.cors_origins:
        setattr(app.state, OTHER_ORIGINS, True)
        _let_in(app, settings)
    mount(app, assembly, routes)
    app.router.routes.extend([*wire_routes(assembly), *elsewhere_routes(assembly)])
    if shows_docs:
        _render_once(app, assembly)

    async def livez() -> dict[str, str]:
        """The process runs. Touches nothing else."""
        return {"status": "alive"}

    async def readyz(request: Request) -> Response:
        """The process can serve: database and migrations are as it needs them. More for who may see it."""
        return await readiness.answer(detailed=await visitors.may_see_details(request))

    with building_routes():
        app.get("/livez", tags=["host"], operation_id="host_livez")(livez)
        app.get("/readyz", tags=["host"], operation_id="host_readyz", response_model=None)(readyz)

    return app


def _render_once(app: FastAPI, assembly: Assembly) -> None:
    """FastAPI writes the document anew for everybody who asks, and this takes as long as many other answers.

    Only a context that leaves changes it.
    """

    @cache
    def rendered() -> bytes:
        return bytes(JSONResponse(app.openapi()).body)

    def forget(_leaving: str) -> None:
        app.description = _description(assembly)
        app.openapi_schema = None
        rendered.cache_clear()

    assembly.when_leaving.append(forget)

    async def document(_request: Request) -> Response:
        return Response(rendered(), media_type="application/json")

    app.router.routes.insert(0, Route("/openapi.json", document, include_in_schema=False))


def _description(assembly: Assembly) -> str:
    return f"Hosts {', '.join(assembly.names) or 'no context'}."


def _let_in(app: FastAPI, settings: HostSettings) -> None:
    """Browsers may call from these origins. Around the boundary, so that its own answers can be read, too."""
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins or (),
        allow_credentials=settings.cors_credentials,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=ASKED_HEADERS,
        expose_headers=ANSWERED_HEADERS,
    )
    app.add_middleware(SecurityHeaders)  # preflights are answered out there


class HedgerowApi(FastAPI):
    """FastAPI with a shorter way to the routes, and the one security scheme that all share in the document."""

    _telling: bool | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry. Whether somebody records spans is found out once: to ask costs as much as to read a token."""
        if scope["type"] == "http" and self.middleware_stack is not None:
            if self._telling is None:
                self._telling = self._native_telemetry.enabled()
            if not self._telling:
                scope["app"] = self
                await self.middleware_stack(scope, receive, send)
                return
        await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """What surrounds the routes.

        FastAPI's own would look out for what nobody caught and for large bodies, too: that is the boundary's work.
        """
        theirs = AsyncExitStackMiddleware(self.router)
        foreseen = {kind: handler for kind, handler in self.exception_handlers.items() if kind is not Exception}
        app: ASGIApp = Switchboard(self.router, ExceptionMiddleware(theirs, handlers=foreseen))
        for kind, args, kwargs in reversed(self.user_middleware):
            app = kind(app, *args, **kwargs)
        return app

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        document.setdefault("components", {}).setdefault("securitySchemes", {}).setdefault("bearer", _BEARER)
        return document


@final
class ToldServer(DrainingServer):
    """Says in the log where it serves, once it does: whoever asks for any free port wants to know which."""

    def __init__(
        self, config: uvicorn.Config, readiness: Readiness, drain_s: float, grpc: GrpcServer | None = None
    ) -> None:
        super().__init__(config, readiness, drain_s)
        self._grpc = grpc
        self._doors: list[socket.socket] = []

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain both servers at the same time. What both stand on is taken down after that."""
        if self._grpc is None:
            await super().shutdown(self._doors)
        else:
            await asyncio.gather(self._grpc.drain(), super().shutdown(self._doors))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve."""
        self._doors = [door for bound in sockets or () for door in doors(bound)]
        await super().startup(self._doors)
        for bound in sockets or () if self.started else ():
            host, port, *_ = bound.getsockname()
            _log.info("api_ready", host=host, port=port)


@final
class BriefLifespan(LifespanOn):
    """Spares the log a traceback of what it has been told already: which context failed, why and where."""

    async def send(self, message: LifespanSendMessage) -> None:
        """Hear how far the application is."""
        told = isinstance(self.config.app, FastAPI) and getattr(self.config.app.state, "failure_is_told", False)
        if told and message["type"] == "lifespan.startup.failed":
            message = {"type": "lifespan.startup.failed", "message": ""}
        await super().send(message)


@final
class ToldConfig(uvicorn.Config):
    """Uvicorn's settings, with the lifespan that tells nothing twice; they have no place to name one."""

    def load(self) -> None:
        """Import what the settings name."""
        super().load()
        self.lifespan_class = BriefLifespan


async def serve(
    server: uvicorn.Server, listening: socket.socket, assembly: Assembly, grpc: GrpcServer | None = None
) -> None:
    """Serve until told to stop. It listens before it looks for its remotes, which may be looking for it.

    Raises:
        HostError: the application did not start, or a remote context that it requires is away.
        CompositionError: such a one is there, and is not what is needed.
    """
    if grpc is not None:
        await grpc.bind()
    arriving = asyncio.create_task(_arrived(server, assembly))
    try:
        spare_what_is_built()
        await server.serve(sockets=[listening])
    except SystemExit as error:
        raise not_started() from error
    finally:
        arriving.cancel()
        (ended,) = await asyncio.gather(arriving, return_exceptions=True)
    if isinstance(ended, Exception):
        raise ended


async def _arrived(server: uvicorn.Server, assembly: Assembly) -> None:
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(STARTED_POLL_S)
    try:
        await Arrivals(assembly).arrive()
    except Exception:
        server.should_exit = True
        raise


def server_config(app: FastAPI, trusted_proxies: Sequence[str] | None = None) -> uvicorn.Config:
    """How we run uvicorn: our own logs, no banner of its own, and a bounded wait for running requests.

    From the last hop of X-Forwarded-For backwards, the first address that is none of `trusted_proxies` is the
    caller's; without trusted proxies nobody may say who they are.
    """
    return ToldConfig(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        http=AdmittingProtocol,
        ws="none",  # there is no route for one: mounting refuses them
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies or ()),
        timeout_graceful_shutdown=10,
    )
