"""The worker of `hedgerow dev` as a process of its own, without the API and the reloading around it."""

from __future__ import annotations

import asyncio
import signal

from hedgerow_core.observability import configure_logging, log_of
from hedgerow_host.assembly import Assembly
from hedgerow_host.database import required_address
from hedgerow_host.settings import HostSettings
from hedgerow_host.start import started
from hedgerow_host.working_in_process import working_in_process


async def work(assembly: Assembly) -> None:
    """Work until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with assembly.running(), working_in_process(assembly):
        log_of(__name__).info("worker_ready")
        await stop.wait()


def main() -> None:
    """Work for the database of the environment."""
    settings = HostSettings()
    configure_logging(settings.log_format)
    asyncio.run(work(started(settings, required_address(settings))))
