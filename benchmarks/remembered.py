"""What a remembered balance spares: `python -m benchmarks.remembered` exits 1 if it costs more than adding it up.

One read after the other, in one process: the books added up by PostgreSQL, and the same answer remembered in Redis
and in the process; for customers with few and with many entries in the books.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

from sqlalchemy import text

from benchmarks.measure import Result, alternating, ratio_of, table
from hedgerow_billing import plugin
from hedgerow_billing.application.queries.customer_balance import BALANCES
from hedgerow_billing.application.views import MoneyView
from hedgerow_billing.infrastructure.statements import PostgresStatementReader
from hedgerow_core.caching import StoredCache, in_process_store, redis_store
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.persistence.embedded import embedded_postgres
from hedgerow_core.persistence.owner import owner_connection
from hedgerow_core.testing import MigratedDatabases
from hedgerow_core.testing.administration import administration_of
from hedgerow_core.testing.servers import running_redis

ENTRIES = (10, 1_000, 100_000)
READS, ROUNDS = 300, 5
HIT_BY = 1_000
"""From so many entries on, to remember must be cheaper than to add up."""

# Past the rules of the books, which would make the preparation the longest part.
_BOOKED = text(
    """
    INSERT INTO postings (kind, source, account, invoice_id, customer_id, currency, amount, at)
    SELECT 'opened', gen_random_uuid(), 'receivable', gen_random_uuid(), :customer, 'EUR', 1 + n % 1000, now()
    FROM generate_series(1, :entries) n
    """
)

Read = Callable[[], Awaitable[object]]


def main() -> int:
    """Measure, print; returns the exit code."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.remembered", description=__doc__)
    options.add_argument("--reads", type=int, default=READS, help="in a round; fewer give a rough figure")
    options.add_argument("--forgetful", action="store_true", help="to see that the verdict goes red")
    chosen = options.parse_args()
    with _servers() as (address, redis_url):
        results = asyncio.run(_measured(address, redis_url, chosen.reads, chosen.forgetful))
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}\n\n{table(results)}")
    return 0 if all(result.kept for result in results) else 1


async def _measured(address: DatabaseAddress, redis_url: str, reads: int, forgetful: bool) -> list[Result]:
    database = Database(address, "billing")
    reader = PostgresStatementReader(database)
    results = []
    for entries in ENTRIES:
        customer = await _customer_with(address, entries)
        results += await _compared(reader, redis_url, customer, entries, reads, forgetful)
    await database.close()
    return results


async def _compared(
    reader: PostgresStatementReader, redis_url: str, customer: UUID, entries: int, reads: int, forgetful: bool
) -> list[Result]:
    stores = {"Redis": redis_store(redis_url, namespace="bench"), "process": in_process_store()}
    add_up = partial(reader.balances, customer)
    sides: dict[str, Read] = {"books": add_up} | {
        place: partial(_remembered, StoredCache(store, "billing"), str(customer), add_up, forgetful)
        for place, store in stores.items()
    }
    measured = await alternating({name: partial(_pace, read, reads) for name, read in sides.items()}, ROUNDS)
    for store in stores.values():
        await store.close()
    return [
        Result(
            name=f"balance of {entries:,} entries, from {place}",
            subject=measured[place],
            yardstick=measured["books"],
            unit="µs",
            figure=ratio_of(measured["books"], measured[place]),
            at_least=1 if entries >= HIT_BY else None,
        )
        for place in stores
    ]


async def _remembered(
    cache: StoredCache, customer: str, add_up: Callable[[], Awaitable[Sequence[MoneyView]]], forgetful: bool
) -> object:
    if forgetful:
        await cache.release([(BALANCES.name, customer)])
    return await cache.remembered(BALANCES, customer, add_up)


async def _pace(read: Read, count: int) -> float:
    """The median of so many reads, in microseconds."""
    took = []
    for _ in range(count):
        started = time.perf_counter()
        await read()
        took.append(time.perf_counter() - started)
    return median(took) * 1_000_000


async def _customer_with(address: DatabaseAddress, entries: int) -> UUID:
    customer = uuid4()
    settings = {"search_path": "billing", "session_replication_role": "replica"}
    async with owner_connection(address, autocommit=True, **settings) as connection:
        await connection.execute(_BOOKED, {"customer": customer, "entries": entries})
        await connection.execute(text("VACUUM (ANALYZE) postings"))
    return customer


@contextmanager
def _servers() -> Iterator[tuple[DatabaseAddress, str]]:
    with tempfile.TemporaryDirectory(prefix="hedgerow-bench-") as name, ExitStack() as stack:
        redis = stack.enter_context(running_redis(Path(name)))
        server = stack.enter_context(embedded_postgres(Path(name) / "data"))
        stack.callback(administration_of(server.address).close)
        databases = MigratedDatabases(server.address)
        yield stack.enter_context(databases.copy(billing=(plugin.migrations(),))), redis.url


if __name__ == "__main__":
    sys.exit(main())
