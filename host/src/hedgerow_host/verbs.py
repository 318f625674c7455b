"""Runs the work of a context's verb: on the composition as it is served, but without serving anything."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hedgerow_core.application import Bus, Cause, caused_by
from hedgerow_core.observability import configure_logging
from hedgerow_host.database import existing_database, told_if_away
from hedgerow_host.exits import left_out
from hedgerow_host.settings import HostSettings
from hedgerow_host.start import started
from hedgerow_host.wire.believing import heard_once

Answer = TypeVar("Answer")


def run_in_context(settings: HostSettings, name: str, work: Callable[[Any, Bus], Awaitable[Answer]]) -> Answer:
    """Run `work` with container and bus of a hosted context. No lifespan is entered.

    Raises:
        CompositionError: the contexts don't fit together.
        HostError: the database is away, or not migrated.
        DomainError: what the work raised.
    """
    configure_logging(settings.log_format)
    with existing_database(settings) as address:
        assembly = started(settings, address)
        context = next((context for context in assembly.contexts if context.name == name), None)
        if context is None:
            raise left_out(name, assembly.quarantine)

        async def run() -> Answer:
            try:
                await heard_once(assembly)
                with caused_by(Cause(actor=f"cli:{getpass.getuser()}")):
                    return await work(context.container, context.bus)
            finally:
                await context.database.close()
                await assembly.remotes.close()

        with told_if_away(address):
            return asyncio.run(run())
