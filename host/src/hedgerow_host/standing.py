"""How the contexts of this process stand, asked at every scrape: their connections, and whether they are whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from prometheus_client import Gauge

from hedgerow_core.observability.metrics import BROKEN, POOL_IN_USE, POOL_SIZE, POOL_WAITING, QUARANTINED
from hedgerow_core.persistence import Database
from hedgerow_core.persistence.database import POOL_SIZE as MOST_CONNECTIONS
from hedgerow_host.assembly import Assembly


@contextmanager
def telling_of_contexts(assembly: Assembly) -> Iterator[None]:
    """Tell while the body runs. Prometheus asks from a thread of its own, so nothing here waits or connects."""
    told: list[tuple[Gauge, str]] = []
    for context in assembly.contexts:
        database = context.database
        POOL_SIZE.labels(context.name).set(MOST_CONNECTIONS)
        POOL_IN_USE.labels(context.name).set_function(partial(_in_use, database))
        POOL_WAITING.labels(context.name).set_function(partial(_waiting, database))
        told += [(gauge, context.name) for gauge in (POOL_SIZE, POOL_IN_USE, POOL_WAITING)]
    for name in {*assembly.names, *assembly.quarantine.problems}:
        QUARANTINED.labels(name).set_function(partial(_is_quarantined, assembly, name))
        BROKEN.labels(name).set_function(partial(_is_broken, assembly, name))
        told += [(QUARANTINED, name), (BROKEN, name)]
    try:
        yield
    finally:
        for gauge, name in told:
            gauge.remove(name)


def _in_use(database: Database) -> float:
    return database.in_use


def _waiting(database: Database) -> float:
    return database.queue.waiting


def _is_quarantined(assembly: Assembly, name: str) -> float:
    return float(name in assembly.quarantine)


def _is_broken(assembly: Assembly, name: str) -> float:
    return float(name in assembly.broken)
