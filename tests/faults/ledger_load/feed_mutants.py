"""A publisher of another host in the test's own process, and outlets as one writes them before one has measured.

A reader takes the end of a window for what it is told, so each of these hides its own kind of cursor in there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

from hedgerow_core.messaging import Outlet, RemoteRelay, Subscription
from hedgerow_core.messaging.feed_pages import PageRequest
from hedgerow_core.messaging.outlet import page_statement
from hedgerow_core.persistence import Database

_CURSOR = "pg_snapshot_xmin(CAST(CAST(:snapshot AS text) AS pg_snapshot))"


def reading_from(outlet: Outlet) -> Callable[..., RemoteRelay]:
    """How a worker of the stage makes its relay: what it asks for and gets is bytes."""

    async def ask(request: bytes, _within: timedelta) -> bytes:
        return await outlet.page(PageRequest.model_validate_json(request), asker="sink")

    def relay(
        database: Database, publisher: str, subscriptions: Sequence[Subscription], *, holder: str
    ) -> RemoteRelay:
        return RemoteRelay(database, publisher, subscriptions, ask=ask, holder=holder)

    return relay


class NaiveOutlet(Outlet):
    """Reads by a number that stands at both ends of the window."""

    async def _look(self, asked: PageRequest, snapshot: str) -> Any:
        found = await super()._look(asked, snapshot)
        end = self._end(found, snapshot)
        return SimpleNamespace(**dict(found._mapping) | {"window": f"{end}:{end}:"})

    def _end(self, found: Any, snapshot: str) -> int:
        raise NotImplementedError


class ByIdAlone(NaiveOutlet):
    """`id > cursor`: what commits after a higher id is lost."""

    new: ClassVar = page_statement(f"o.id > CAST({_CURSOR}::text AS bigint)")

    def _end(self, found: Any, snapshot: str) -> int:
        return int(found.last or snapshot.partition(":")[0])


class ByOldestRunning(NaiveOutlet):
    """Windows between the oldest running transactions, by id: a key's later event may lie in an earlier window."""

    new: ClassVar = page_statement(f"o.xid >= {_CURSOR} AND o.xid < pg_snapshot_xmin(pg_current_snapshot())")

    def _end(self, found: Any, snapshot: str) -> int:
        return int(found.window.partition(":")[0])
