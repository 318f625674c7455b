"""e. Events a second through the feed of another host: HTTP on loopback, filled outbox to committed deliveries.

The publisher is a `hedgerow api` of its own; the subscriber's relay runs here, and reads through the product's way
to other hosts, tokens and all. The yardstick is the relay of one database over the same events.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import text

from benchmarks.contexts import press
from benchmarks.effects import fill
from benchmarks.ground import Ground
from benchmarks.measure import Result, alternating
from benchmarks.relay_rate import expect, relayed
from hedgerow_core.messaging import RemoteRelay
from hedgerow_core.messaging.cursors import BEGINNING
from hedgerow_core.persistence import Database
from hedgerow_core.testing.servers import free_port
from hedgerow_host.settings import HostSettings, Remote
from hedgerow_host.wire import remotes_of
from hedgerow_host.wire.feed_asking import asking
from tests.processes import Process, running, wait_until_ready

FLOOR = 5_000.0
SECRET = "for benchmarks alone, and so it is no secret"

# One transaction has filled the outbox, so one window holds it all.
_ALL_READ = text(f"SELECT target IS NULL AND snapshot <> '{BEGINNING}' FROM feed_cursors")


async def feed_rate(ground: Ground, *, events: int, rounds: int) -> list[Result]:
    """Carry `events` events, `rounds` times."""
    await ground.run("TRUNCATE orchard.outbox")
    async with ground.admin() as connection:
        await fill(connection, events)
    with _hosts(ground) as urls:

        async def remote() -> float:
            return await _pulled(ground, urls, events)

        async def local() -> float:
            return await relayed(ground, events)

        measured = await alternating({"remote": remote, "local": local}, rounds)
    await ground.run("TRUNCATE orchard.outbox, press.deliveries")
    return [
        Result(
            name="e. feed of another host",
            subject=measured["remote"],
            yardstick=measured["local"],
            unit="events/s",
            figure=measured["remote"].median,
            at_least=FLOOR,
        )
    ]


async def _pulled(ground: Ground, urls: Mapping[str, str], events: int) -> float:
    await ground.run("TRUNCATE press.deliveries", "DELETE FROM press.feed_cursors")
    settings = HostSettings.model_construct(
        remotes={"orchard": Remote(url=urls["orchard"])},
        host_secret=SecretStr(SECRET),
        data_dir=Path(ground.folder),
    )
    remotes = remotes_of(settings)
    database, arrived = Database(ground.address, press.NAME), asyncio.Event()
    ask = asking(remotes.peers["orchard"], press.NAME)
    wanted = press.subscriptions().subscribes
    relay = RemoteRelay(database, "orchard", wanted, ask=ask, holder="benchmark", arrived=arrived.set)
    await relay.open()
    all_read, started = False, time.perf_counter()
    await relay.step()
    while not all_read:
        await arrived.wait()
        arrived.clear()
        while await relay.step():
            pass
        async with database.reading() as connection:
            all_read = (await connection.execute(_ALL_READ)).scalar_one()
    took = time.perf_counter() - started
    await relay.close()
    await remotes.close()
    await database.close()
    await expect(ground, "press.deliveries", events)
    return events / took


@contextmanager
def _hosts(ground: Ground) -> Iterator[Mapping[str, str]]:
    """The publisher's host, and that of the subscriber, which vouches for the relay that runs here."""
    urls = {name: f"http://127.0.0.1:{free_port()}" for name in ("orchard", "press")}
    with ExitStack() as stack:
        started = {name: stack.enter_context(_api(ground, name, urls)) for name in urls}
        for name, process in started.items():
            wait_until_ready(urls[name], process)
        yield urls


def _api(ground: Ground, name: str, urls: Mapping[str, str]) -> AbstractContextManager[Process]:
    other = next(each for each in urls if each != name)
    remote = {f"HEDGEROW_REMOTES__{other.upper()}__URL": urls[other]}
    environment = ground.environment | remote | {"HEDGEROW_CONTEXTS": name, "HEDGEROW_HOST_SECRET": SECRET}
    (folder := ground.folder / name).mkdir(exist_ok=True)
    return running("api", "--port", urls[name].rpartition(":")[2], folder=folder, environment=environment)
