"""Runs deliveries and tasks without a broker, in a process that does something else, too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hedgerow_core.messaging import InProcessHints
from hedgerow_host.assembly import Assembly
from hedgerow_host.dispatching import running_dispatchers


@asynccontextmanager
async def working_in_process(assembly: Assembly) -> AsyncIterator[None]:
    """Work while the body runs, without a broker."""
    hints = InProcessHints(assembly.drain)
    try:
        async with running_dispatchers(assembly.dispatchers(hints)):
            yield
    finally:
        await hints.finish()
