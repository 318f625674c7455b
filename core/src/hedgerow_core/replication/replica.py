"""What is known of a replica: up to which moment it has replayed everything, by the clock of the primary.

A process samples the primary (its clock, then how far its log is written) and then the replica (how far it has
replayed). What was committed before the newest sample that the replica has passed is surely there. No clock of a
process takes part: moments are told by the primary's, extrapolated, and always too late rather than too early.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, final

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hedgerow_core.domain import UnavailableError
from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import REPLICA_LAG, REPLICA_READS, REPLICA_USABLE
from hedgerow_core.persistence.address import DatabaseAddress
from hedgerow_core.persistence.database import CONNECT_TIMEOUT_S, opened
from hedgerow_core.persistence.failures import speaking_plainly

SAMPLE_EVERY_S = 0.2
"""So much later, at most, a replica that has caught up is used again after a write."""
SAMPLE_WITHIN_S = 2.0
MOST_BEHIND_S = 5.0
"""A replica that is further behind answers nobody. After so long, nobody's own writes are to be remembered."""
CLOCKS_APART_S = 1.0
"""How far the clock of this process may be behind the primary's, as long as that was not asked."""
MARGIN_S = 0.1
"""Added to every moment of a write, for clocks that are set right meanwhile."""

_WRITTEN = text(
    "SELECT extract(epoch FROM clock_timestamp())::float8 AS at, pg_current_wal_flush_lsn()::text AS lsn, "
    "(SELECT system_identifier FROM pg_control_system()) AS cluster"
)  # from left to right: what was committed before `at` lies before `lsn`
_REPLAYED = text(
    "SELECT pg_is_in_recovery() AS is_replica, pg_last_wal_replay_lsn()::text AS lsn, "
    "(SELECT system_identifier FROM pg_control_system()) AS cluster"
)

_log = log_of(__name__)


class NoReplica(Exception):
    """What is called a replica has been promoted, or was never one of this primary."""


@final
class Replica:
    """A streaming replica of the primary. Belongs to one event loop; knows nothing until it is `watched`."""

    def __init__(
        self,
        primary: DatabaseAddress,
        address: DatabaseAddress,
        *,
        sample_every_s: float = SAMPLE_EVERY_S,
        most_behind_s: float = MOST_BEHIND_S,
    ) -> None:
        self.address = address
        self._primary, self._replica = _engine(primary), _engine(address)
        self._every_s = sample_every_s
        self._most_behind_s = most_behind_s
        self._samples: deque[tuple[float, int]] = deque(maxlen=int(most_behind_s / sample_every_s) + 1)
        self._ahead_s: float | None = None
        """What to add to the monotonic clock of this process to have the primary's, or a little more."""
        self._covered_until: float | None = None
        self._usable: bool | None = None
        """As it was last told; None before."""
        self._failing = False

    def has(self, wrote_at: float | None) -> bool:
        """Whether whatever was committed until this moment is there, and not much is missing of what came later."""
        until = self._covered_until
        if until is None or self.primary_now() - until > self._most_behind_s:
            return False
        return wrote_at is None or wrote_at + MARGIN_S <= until

    def primary_now(self) -> float:
        """The time of the primary's clock, or a little later."""
        if self._ahead_s is None:
            return time.time() + CLOCKS_APART_S
        return time.monotonic() + self._ahead_s

    def failed(self) -> None:
        """It did not answer: nobody asks it until it was sampled again."""
        self._covered_until = None

    def count(self, context: str, outcome: str) -> None:
        """Note who has answered a read of the context: replica, primary, or failed (then the primary)."""
        REPLICA_READS.labels(context, outcome).inc()

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Sample it, again and again, while the body runs."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await self._primary.dispose()
            await self._replica.dispose()

    async def sample(self) -> None:
        """Look once.

        Raises:
            UnavailableError: one of the two is away.
            NoReplica: they have nothing to do with each other.
        """
        before = time.monotonic()
        written = await _asked(self._primary, _WRITTEN)
        self._ahead_s = written.at - before  # it was that late at the primary, or a little earlier
        self._samples.append((written.at, _place(written.lsn)))
        found = await _asked(self._replica, _REPLAYED)
        if not found.is_replica or found.cluster != written.cluster:
            raise NoReplica
        replayed = _place(found.lsn)
        passed = [at for at, lsn in self._samples if lsn <= replayed]
        self._covered_until = max(passed, default=None)
        if passed:
            REPLICA_LAG.set(written.at - passed[-1])

    async def _watch(self) -> None:
        began_at = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(SAMPLE_WITHIN_S):
                    await self.sample()
            except (UnavailableError, TimeoutError, NoReplica) as error:
                self.failed()
                self._tell(False, type(error).__name__)
            except Exception:
                self.failed()
                if not self._failing:  # a server that does not know our questions will not learn them
                    _log.exception("replica_failed")
                self._failing = True
                self._tell(False, "it can't be looked at")
            else:
                self._failing = False
                if self.has(None):
                    self._tell(True)
                elif self._usable or time.monotonic() - began_at > self._most_behind_s:
                    self._tell(False, f"more than {self._most_behind_s:g} s behind")
            await asyncio.sleep(self._every_s)

    def _tell(self, usable: bool, why: str = "") -> None:
        if usable is self._usable:
            return
        if usable:
            _log.info("replica_used", replica=str(self.address))
        else:
            _log.warning("replica_left_out", replica=str(self.address), why=why)
        self._usable = usable
        REPLICA_USABLE.set(usable)


def _engine(address: DatabaseAddress) -> AsyncEngine:
    engine = create_async_engine(
        address.url,
        pool_size=1,
        max_overflow=0,
        connect_args={
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": SAMPLE_WITHIN_S,
            "server_settings": {"application_name": "hedgerow/replica"},
        },
    )
    return engine.execution_options(isolation_level="AUTOCOMMIT")


async def _asked(engine: AsyncEngine, statement: TextClause) -> Row[Any]:
    with speaking_plainly({}):
        async with opened(engine) as connection:
            return (await connection.execute(statement)).one()


def _place(lsn: str) -> int:
    """`16/B374D848` as a number."""
    high, low = lsn.split("/")
    return int(high, 16) << 32 | int(low, 16)
