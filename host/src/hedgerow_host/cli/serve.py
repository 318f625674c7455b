"""`hedgerow dev`, `hedgerow api`, `hedgerow grpc`, `hedgerow worker`: the roles a host can run in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from hedgerow_host.settings import HostSettings

Host = Annotated[str | None, typer.Option(help="Address to listen on (HEDGEROW_HOST).")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on (HEDGEROW_PORT).")]
Contexts = Annotated[str | None, typer.Option(help="Comma-separated contexts to host (HEDGEROW_CONTEXTS).")]
Grpc = Annotated[bool, typer.Option("--grpc", help="Serve gRPC, too, at HEDGEROW_GRPC_PORT or 50051.")]
GrpcPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Serve gRPC, too, at this port (HEDGEROW_GRPC_PORT).")
]
GRPC_PORT = 50051
"""Where gRPC is looked for by everybody's examples."""


def dev(host: Host = None, port: Port = None, contexts: Contexts = None) -> None:
    """Develop: API and worker in one process, reload on change, migrations applied, PostgreSQL brought along
    unless a database URL is set.

    Prints its banner once `/readyz` has answered.

    Exit codes: 0, 1, 2 (also a port that is taken), 3.

    Example: hedgerow dev --contexts users,billing
    """
    from hedgerow_host.dev import run_dev

    raise typer.Exit(run_dev(_settings(host, port, contexts)))


def api(
    host: Host = None,
    port: Port = None,
    contexts: Contexts = None,
    grpc: Grpc = False,
    grpc_port: GrpcPort = None,
) -> None:
    """Serve HTTP in production, and gRPC beside it if asked to.

    Needs a database URL and a migrated database; applies no migrations.

    On SIGTERM it is unready and serves on for HEDGEROW_DRAIN_S, every answer ends its connection; then it stops
    listening and finishes what is running, for at most 10 s. A second signal ends the wait.

    Exit codes: 0, 1 (migrations are pending), 2 (also: a remote context is not as it is needed), 3 (also: one
    that is required is away).

    Example: hedgerow api --host 0.0.0.0 --port 8000
    """
    from hedgerow_host.lean_start import start_lean

    start_lean()
    import asyncio
    import signal

    from hedgerow_core.observability import configure_logging
    from hedgerow_host.api import ToldServer, create_app, serve, server_config
    from hedgerow_host.database import replica_for, required_address
    from hedgerow_host.grpc_beside import grpc_beside
    from hedgerow_host.listening import bound_socket
    from hedgerow_host.mounting import routes_of
    from hedgerow_host.readiness import Readiness
    from hedgerow_host.start import started
    from hedgerow_host.telemetry import telemetry
    from hedgerow_host.watch import Watch

    settings = _settings(host, port, contexts, grpc_port=grpc_port)
    if grpc:
        settings = _with_grpc_port(settings)
    configure_logging(settings.log_format)
    with bound_socket(settings.host, settings.port) as listening, telemetry(settings, "api"):
        address = required_address(settings)
        assembly = started(settings, address, replica=replica_for(settings, address))
        watch = Watch(assembly, settings.stale_after_s)
        readiness = Readiness(assembly, watch, settings.broker_url)
        beside = grpc_beside(settings, assembly, readiness)
        app = create_app(assembly, routes_of(assembly), readiness, settings=settings, grpc=beside)
        server = ToldServer(server_config(app, settings.trusted_proxies), readiness, settings.drains_for_s, beside)
        # uvicorn repeats the signal that it stopped for; by then everything is stopped, and in order.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(serve(server, listening, assembly, beside))


def grpc(
    host: Annotated[str | None, typer.Option(help="Address to listen on (HEDGEROW_GRPC_HOST).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on (HEDGEROW_GRPC_PORT; else 50051).")
    ] = None,
    contexts: Contexts = None,
) -> None:
    """Serve gRPC alone, in production.

    Needs a database URL and a migrated database. Ready when it logs `grpc_ready`. On SIGTERM it answers what has
    begun, for at most 10 s.

    Exit codes: as `hedgerow api`.

    Example: hedgerow grpc --host 0.0.0.0 --port 50051
    """
    from hedgerow_host.lean_start import start_lean

    start_lean()
    import asyncio

    from uvicorn.loops.auto import auto_loop_factory

    from hedgerow_core.observability import configure_logging
    from hedgerow_host.database import required_address
    from hedgerow_host.grpc_beside import grpc_server
    from hedgerow_host.readiness import Readiness
    from hedgerow_host.start import started
    from hedgerow_host.telemetry import telemetry
    from hedgerow_host.watch import Watch

    settings = _with_grpc_port(_settings(None, None, contexts, grpc_host=host, grpc_port=port))
    configure_logging(settings.log_format)
    with telemetry(settings, "grpc"):
        assembly = started(settings, required_address(settings))
        watch = Watch(assembly, settings.stale_after_s)
        server = grpc_server(settings, assembly, Readiness(assembly, watch, settings.broker_url))

        from hedgerow_host.grpc.alone import run_grpc

        with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
            runner.run(run_grpc(server, assembly, watch))


def worker(contexts: Contexts = None) -> None:
    """Work off deliveries and tasks in production.

    Needs a database URL, a broker URL and a migrated database. Ready when it logs `worker_ready`. On SIGTERM it
    finishes what is running, for at most 20 s, takes nothing more, and gives back what it holds.

    Exit codes: as `hedgerow api`.

    Example: hedgerow worker
    """
    from hedgerow_host.lean_start import start_lean

    start_lean()
    import asyncio
    from contextlib import nullcontext

    from uvicorn.loops.auto import auto_loop_factory

    from hedgerow_core.observability import configure_logging
    from hedgerow_host.database import required_address
    from hedgerow_host.exits import ExitCode, HostError
    from hedgerow_host.listening import bound_socket
    from hedgerow_host.readiness import Readiness
    from hedgerow_host.start import started
    from hedgerow_host.telemetry import telemetry
    from hedgerow_host.watch import Watch
    from hedgerow_host.worker import run_worker

    settings = _settings(None, None, contexts)
    configure_logging(settings.log_format)
    if settings.broker_url is None:
        raise HostError(
            "HEDGEROW_BROKER_URL is not set, and the worker is woken through it",
            fix="set it to redis://host:6379/0 (or amqp://…), or use `hedgerow dev`, which works without",
            code=ExitCode.MISCONFIGURED,
        )
    address = required_address(settings)
    port = settings.worker_port
    probed = nullcontext() if port is None else bound_socket(settings.host, port)
    with probed as probes, telemetry(settings, "worker"):
        assembly = started(settings, address)
        watch = Watch(assembly, settings.stale_after_s)
        readiness = Readiness(assembly, watch, settings.broker_url, needs_broker=True)
        work = run_worker(assembly, readiness, settings.broker_url, address, settings.stream_url, probes=probes)
        with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
            runner.run(work)


ROLES: Mapping[str, Callable[..., None]] = {"dev": dev, "api": api, "grpc": grpc, "worker": worker}
MARKUP: Literal["markdown"] = "markdown"
"""Paragraphs of a docstring are set anew, whatever the width of the terminal."""

app = typer.Typer(name="hedgerow", pretty_exceptions_enable=False, rich_markup_mode=MARKUP)
"""The roles alone."""
for role, serves in ROLES.items():
    app.command(role)(serves)


def _settings(
    host: str | None,
    port: int | None,
    contexts: str | None,
    *,
    grpc_host: str | None = None,
    grpc_port: int | None = None,
) -> HostSettings:
    """Settings, with what the command line says on top."""
    from hedgerow_host.exits import load_settings

    given = {"host": host, "port": port, "contexts": contexts, "grpc_host": grpc_host, "grpc_port": grpc_port}
    return load_settings(**{name: value for name, value in given.items() if value is not None})


def _with_grpc_port(settings: HostSettings) -> HostSettings:
    """Who asks for gRPC gets it, at the usual port unless another one is set."""
    return settings if settings.grpc_port is not None else settings.model_copy(update={"grpc_port": GRPC_PORT})
