"""A host for broker tests: a migrated database, a broker or none, and workers as processes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import pika
import redis
from sqlalchemy import text

from hedgerow_core.persistence import Database, DatabaseAddress
from host.tests.brokers import in_process_worker
from host.tests.brokers.orchard import Apple, stored
from tests.conftest import url_of
from tests.forked_command import PROGRAM
from tests.processes import Process

POLL_S = 0.02


class BrokerServer(Protocol):
    """A broker that may be killed and started again."""

    @property
    def url(self) -> str: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Farm:
    """A database, a broker or none, and the workers that tests have asked for so far."""

    def __init__(self, address: DatabaseAddress, broker_url: str | None, folder: Path, packages: Path) -> None:
        self.address = address
        self.broker_url = broker_url
        self._folder = folder
        path = os.pathsep.join(filter(None, (str(packages), os.environ.get("PYTHONPATH"))))
        self.environment = {
            "HEDGEROW_DATABASE_URL": url_of(address),
            "HEDGEROW_BROKER_URL": broker_url or "",
            "HEDGEROW_CONTEXTS": "orchard",
            "PYTHONPATH": path,
        }
        self._started: list[Process] = []

    def workers(self, count: int) -> list[Process]:
        """So many workers at least: those that are left, and new ones if need be."""
        missing = count - len(self._running)
        new = [self._start() for _ in range(missing)]
        self._started += new
        for worker in new:
            worker.wait_for("worker_ready")
        return self._running

    def worker_that_is(self, pid: int) -> Process:
        """The one with this process id."""
        return next(worker for worker in self._started if worker.pid == pid)

    def logged(self, event: str) -> bool:
        """Whether a worker has written this."""
        return any(event in worker.output for worker in self._started)

    def end(self) -> None:
        """Stop all workers."""
        for worker in self._running:
            worker.end()

    @property
    def _running(self) -> list[Process]:
        return [worker for worker in self._started if worker.running]

    def _start(self) -> Process:
        program = PROGRAM if self.broker_url else in_process_worker.__name__
        return Process("worker", folder=self._folder, environment=self.environment, program=program)


async def until_stored(database: Database, picked: list[Apple], within_s: float) -> list[Apple]:
    """Wait until as many apples are stored as were picked; returns what there is then or after `within_s`."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if len(await stored(database, picked)) >= len(picked):
            break
        await asyncio.sleep(POLL_S)
    return await stored(database, picked)


async def until_somebody_works(database: Database, picked: Iterable[Apple], within_s: float = 15) -> int:
    """Wait until a worker has claimed one of these apples; returns its process id."""
    claimed = text("SELECT owner FROM deliveries WHERE state = 'processing' AND ordering_key = ANY(:keys)")
    keys = [str(apple.basket) for apple in picked]
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        async with database.reading() as connection:
            owner = (await connection.execute(claimed, {"keys": keys})).scalars().first()
        if owner is not None:
            return int(owner.rpartition(":")[2])
        await asyncio.sleep(POLL_S)
    raise AssertionError("nobody took them")


def throw_hints_away(url: str, queue: str) -> int:
    """Empty the broker; returns how many hints were waiting in it."""
    if url.startswith("redis"):
        with redis.Redis.from_url(url) as client:
            waiting = sum(int(client.llen(key)) for key in client.scan_iter(f"*{queue}", _type="list"))
            client.flushall()
        return waiting
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        return int(connection.channel().queue_purge(queue).method.message_count)
    finally:
        connection.close()
