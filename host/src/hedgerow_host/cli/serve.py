"""`hedgerow dev`, `hedgerow api`, `hedgerow worker`: the three roles a host can run in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hedgerow_host.settings import HostSettings

Host = Annotated[str | None, typer.Option(help="Address to listen on (HEDGEROW_HOST).")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on (HEDGEROW_PORT).")]
Contexts = Annotated[str | None, typer.Option(help="Comma-separated contexts to host (HEDGEROW_CONTEXTS).")]


def dev(host: Host = None, port: Port = None, contexts: Contexts = None) -> None:
    """Develop: API and worker in one process, reload on change, migrations applied, PostgreSQL brought along
    unless a database URL is set.

    Prints its banner once `/readyz` has answered.

    Exit codes: 0, 1, 2 (also a port that is taken), 3.

    Example: hedgerow dev --contexts users,billing
    """
    from hedgerow_host.dev import run_dev

    raise typer.Exit(run_dev(_settings(host, port, contexts)))


def api(host: Host = None, port: Port = None, contexts: Contexts = None) -> None:
    """Serve HTTP in production. Needs a database URL and a migrated database; applies no migrations.

    Exit codes: 0, 1 (migrations are pending), 2 (also: a remote context is not as it is needed), 3 (also: one
    that is required is away).

    Example: hedgerow api --host 0.0.0.0 --port 8000
    """
    import asyncio
    import signal

    from hedgerow_core.observability import configure_logging
    from hedgerow_host.api import ToldServer, create_app, serve, server_config
    from hedgerow_host.database import required_address
    from hedgerow_host.listening import bound_socket
    from hedgerow_host.mounting import routes_of
    from hedgerow_host.readiness import Readiness
    from hedgerow_host.start import started
    from hedgerow_host.telemetry import telemetry
    from hedgerow_host.watch import Watch

    settings = _settings(host, port, contexts)
    configure_logging(settings.log_format)
    with bound_socket(settings.host, settings.port) as listening, telemetry(settings, "api"):
        assembly = started(settings, required_address(settings))
        watch = Watch(assembly, settings.stale_after_s)
        readiness = Readiness(assembly, watch, settings.broker_url)
        app = create_app(assembly, routes_of(assembly), readiness, settings=settings)
        server = ToldServer(server_config(app, settings.trusted_proxies))
        # uvicorn repeats the signal that it stopped for; by then everything is stopped, and in order.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(serve(server, listening, assembly))


def worker(contexts: Contexts = None) -> None:
    """Work off deliveries and tasks in production.

    Needs a database URL, a broker URL and a migrated database. Ready when it logs `worker_ready`. On SIGTERM it
    finishes what is running, for at most 20 s.

    Exit codes: as `hedgerow api`.

    Example: hedgerow worker
    """
    import asyncio

    from uvicorn.loops.auto import auto_loop_factory

    from hedgerow_core.observability import configure_logging
    from hedgerow_host.database import required_address
    from hedgerow_host.exits import ExitCode, HostError
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
    with telemetry(settings, "worker"):
        assembly = started(settings, address)
        watch = Watch(assembly, settings.stale_after_s)
        with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
            runner.run(run_worker(assembly, watch, settings.broker_url, address, settings.stream_url))


def _settings(host: str | None, port: int | None, contexts: str | None) -> HostSettings:
    """Settings, with what the command line says on top."""
    from hedgerow_host.exits import load_settings

    given = {"host": host, "port": port, "contexts": contexts}
    return load_settings(**{name: value for name, value in given.items() if value is not None})
