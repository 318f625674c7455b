"""A worker's part in streams: announces what its contexts publish, and passes on what it hears of others.

Nothing waits for a stream. One that is away is tried again every second, and meanwhile subscribers find everything
where they always do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress

from hedgerow_core.domain import UnavailableError
from hedgerow_core.messaging.announcements import Announcements
from hedgerow_core.observability import log_of
from hedgerow_core.persistence import Database
from hedgerow_host.assembly import Assembly
from hedgerow_host.hosted_context import process_name
from hedgerow_host.streams.streams import Stream, stream_at

POLL_S = 0.05
PAUSE_WHEN_AWAY_S = 1.0
CONFIRMED_WITHIN_S = 20.0
"""A page that takes longer counts as not confirmed, and is sent again."""

_log = log_of(__name__)


class Streaming:
    """What one process does with its stream."""

    def __init__(
        self,
        url: str,
        databases: Sequence[Database],
        listens_to: Collection[str],
        *,
        holder: str,
        heard: Callable[[str], None],
    ) -> None:
        self._url = url
        self._announcements = {each.context: Announcements(each, holder=holder) for each in databases}
        self._listens_to = sorted(listens_to)
        self._heard = heard
        self._committed = asyncio.Event()

    def nudge(self) -> None:
        """Something was just committed in this process."""
        self._committed.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Announce and listen while the body runs."""
        task = asyncio.create_task(self._run(stream_at(self._url)))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            for announcements in self._announcements.values():
                with suppress(UnavailableError):
                    await announcements.close()

    async def _run(self, stream: Stream) -> None:
        away = False
        while True:
            try:
                stream.listen_to(self._listens_to, self._heard)
                async with asyncio.timeout(CONFIRMED_WITHIN_S):
                    await stream.connect()
                _log.info("stream_connected", listens_to=self._listens_to)
                away = False
                await self._announce_on_and_on(stream)
            except Exception as error:  # of three libraries
                if not away:
                    _log.warning("stream_away", error=f"{type(error).__name__}: {error}"[:200])
                away = True
            finally:
                with suppress(Exception):
                    await stream.close()
            await asyncio.sleep(PAUSE_WHEN_AWAY_S)
            stream = stream_at(self._url)

    async def _announce_on_and_on(self, stream: Stream) -> None:
        for announcements in self._announcements.values():
            await announcements.open()
        while True:
            self._committed.clear()
            found = [await self._announce(stream, *each) for each in self._announcements.items()]
            if not any(found):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._committed.wait(), POLL_S)

    async def _announce(self, stream: Stream, context: str, announcements: Announcements) -> bool:
        announced = await announcements.next()
        if announced is None:
            return False
        async with asyncio.timeout(CONFIRMED_WITHIN_S):
            await stream.announce(context, announced.events)
        await announcements.confirmed(announced)
        return True


@asynccontextmanager
async def streaming(assembly: Assembly, url: str | None) -> AsyncIterator[None]:
    """Announce what the contexts of this process publish, and listen to those of other hosts; or do nothing."""
    if url is None:
        yield
        return
    heard = {publisher for context in assembly.contexts for publisher in context.publishers}
    process = Streaming(
        url,
        [context.database for context in assembly.contexts if context.subscriptions.publishes],
        heard & assembly.peers.keys(),
        holder=process_name(),
        heard=assembly.wakeup.announced,
    )
    assembly.wakeup.wakes(process.nudge)
    async with process.running():
        yield
