"""Builds of the host that are broken on purpose where too much comes at once, or somebody leaves; see `mutants`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

KEPT: list[Any] = []
"""What a mutant has not given back: without a reference, the collector would."""

HELD_S = 0.005
"""What a mutant awaits while it has a connection, besides the database."""


def waits_for_connections() -> None:
    """Whoever finds no connection of the database free waits for one, and for long."""
    from hedgerow_core.persistence import Database

    defaults = Database.__init__.__kwdefaults__
    assert "pool_wait_s" in defaults, "the mutant must follow the product"
    defaults["pool_wait_s"] = 5.0


def breaks_off_and_keeps() -> None:
    """Whoever vanishes has its request broken off, and what is broken off gives no connection back."""
    from hedgerow_core.persistence import database
    from hedgerow_host.patient_protocol import PatientProtocol

    @asynccontextmanager
    async def opened(engine: Any, queue: Any = None) -> AsyncIterator[Any]:
        connection = await engine.connect().start()
        KEPT.append(connection)
        yield connection
        await asyncio.sleep(HELD_S)
        await connection.close()

    start, lost = PatientProtocol._start_asgi_task, PatientProtocol.connection_lost
    running: dict[PatientProtocol, asyncio.Task[None]] = {}

    def start_task(self: PatientProtocol, cycle: Any, app: Any) -> None:
        before = set(self.tasks)
        start(self, cycle, app)
        running[self] = (self.tasks - before).pop()

    def break_off(self: PatientProtocol, error: Exception | None) -> None:
        lost(self, error)
        if self in running:
            running.pop(self).cancel()

    database.opened = opened
    PatientProtocol._start_asgi_task = start_task  # type: ignore[method-assign]
    PatientProtocol.connection_lost = break_off  # type: ignore[method-assign]


def reads_leniently() -> None:
    """The parser takes what might be meant."""
    from hedgerow_host.patient_protocol import PatientProtocol

    sound = PatientProtocol.__init__

    def init(self: PatientProtocol, *arguments: Any, **options: Any) -> None:
        sound(self, *arguments, **options)
        self.parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_chunked_length=True,
            lenient_transfer_encoding=True,
            lenient_optional_lf_after_cr=True,
            lenient_optional_cr_before_lf=True,
            lenient_optional_crlf_after_chunk=True,
            lenient_spaces_after_chunk_size=True,
        )

    PatientProtocol.__init__ = init  # type: ignore[method-assign]


def leaves_at_once() -> None:
    """Told to end, an API closes its listener, and says nothing before."""
    import uvicorn

    from hedgerow_host.draining import DrainingServer

    DrainingServer.handle_exit = uvicorn.Server.handle_exit  # type: ignore[method-assign]


def drops_what_it_holds() -> None:
    """Told to end, a worker ends."""
    from hedgerow_host import worker

    worker.SHUTDOWN_GRACE_S = 0.0


def takes_every_request() -> None:
    """Whatever comes runs at once."""
    from hedgerow_core.http.admission import Admission

    Admission.is_full = property(lambda _: False)  # type: ignore[method-assign, assignment]


def take_for(seconds: float) -> None:
    """No mutant: every request but probes takes so much longer, and no processor time."""
    from hedgerow_core.http.middleware import RequestBoundary, is_routine

    sound = RequestBoundary.__call__

    async def call(self: RequestBoundary, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not is_routine(scope):
            await asyncio.sleep(seconds)
        await sound(self, scope, receive, send)

    RequestBoundary.__call__ = call  # type: ignore[method-assign]


OVERLOAD_MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant
    for mutant in (
        waits_for_connections,
        breaks_off_and_keeps,
        reads_leniently,
        leaves_at_once,
        drops_what_it_holds,
        takes_every_request,
    )
}
