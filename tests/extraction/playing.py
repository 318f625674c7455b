"""Plays the script in a placement, with faults if wanted, and says what came of it."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg

from hedgerow_core.persistence import DatabaseAddress
from tests.extraction.canonical import State, hash_of, state_of
from tests.extraction.placements import Deployment, Placement, deployed
from tests.extraction.script import Script
from tests.extraction.stammering import Stammer, stammering

SETTLED_WITHIN_S = 90.0
QUIET_S = 10.0
POLL_S = 0.2
HEARD = ("registered", "updated", "deactivated", "reactivated", "deleted")
"""What billing hears of users."""

_PUBLISHED = "SELECT count(*) FROM users.outbox WHERE type = ANY($1)"
_ARRIVED = """
    SELECT count(*), count(*) FILTER (WHERE state <> 'completed') FROM billing.deliveries WHERE publisher = 'users'
"""
_READ_AGAIN = """
    UPDATE billing.feed_cursors SET snapshot = 'rescan', target = NULL, after_id = 0 WHERE publisher = 'users'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What happens meanwhile; all dice are thrown with the seed."""

    seed: int = 0
    stammer: float = 0.0
    """The chance of each of a stammer's faults, per request between the hosts."""
    kill_every_s: tuple[float, float] | None = None
    """Between so many seconds some process is killed, and started again."""
    reread_every: int = 0
    """After so many steps billing reads the feed of users from its beginning, as after a restored database."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was answered, what is left behind, and what went wrong meanwhile."""

    transcript: list[str]
    state: State
    happened: Counter[str]

    @property
    def hashes(self) -> dict[str, str]:
        """Of the answers, and of each context."""
        return {"answers": hash_of(self.transcript), **{name: hash_of(rows) for name, rows in self.state.items()}}

    @property
    def told(self) -> dict[str, object]:
        """How often what went wrong, by names that fit into a line."""
        return {name.replace(" ", "_"): count for name, count in sorted(self.happened.items())}

    def differences(self, other: Outcome) -> list[str]:
        """What is in one and not in the other: the first of each kind."""
        ours, theirs = {"answers": self.transcript, **self.state}, {"answers": other.transcript, **other.state}
        found = []
        for name, rows in ours.items():
            for sign, extra in (
                ("-", Counter(rows) - Counter(theirs[name])),
                ("+", Counter(theirs[name]) - Counter(rows)),
            ):
                found += [f"{sign} {name}: {row}" for row in list(extra)[:1]]
        return found


def played(
    placement: Placement,
    server: DatabaseAddress,
    broker_url: str,
    folder: Path,
    *,
    rounds: int = 1,
    faults: Faults | None = None,
    **settings: str,
) -> Outcome:
    """Play it from the beginning to the end."""
    happened: Counter[str] = Counter()
    stammer = _stammer_of(faults)
    between = partial(stammering, stammer=stammer) if stammer else nullcontext
    with (
        deployed(placement, server, broker_url, folder, between=between, **settings) as deployment,
        deployment.front() as client,
    ):

        def reread(step: int) -> None:
            if faults and faults.reread_every and step % faults.reread_every == 0:
                asyncio.run(_execute(deployment.database_of("billing"), _READ_AGAIN))
                happened["reread"] += 1

        script = Script(client, deployment.database_of("users"), between_steps=reread)
        with _killing(deployment, script, faults, happened):
            script.play(rounds)
        asyncio.run(_settled(deployment))
        state = asyncio.run(state_of(deployment.database_of))
    return Outcome(script.transcript, state, happened + (stammer.happened if stammer else Counter()))


def _stammer_of(faults: Faults | None) -> Stammer | None:
    if not faults or not faults.stammer:
        return None
    chance = faults.stammer
    return Stammer(faults.seed, twice=chance, lost=chance, late=chance, refused=chance)


@contextmanager
def _killing(
    deployment: Deployment, script: Script, faults: Faults | None, happened: Counter[str]
) -> Iterator[None]:
    """Kill processes at random while the body runs; all of them are back afterwards."""
    if not faults or not faults.kill_every_s:
        yield
        return
    gap, dice, stop = faults.kill_every_s, random.Random(faults.seed), threading.Event()
    victims = [(running, role) for running in deployment.running for role in running.roles]

    def kill() -> None:
        while not stop.wait(dice.uniform(*gap)):
            running, role = dice.choice(victims)
            answers_users = role == "api" and "users" in running.host.contexts
            with script.calling_users if answers_users else nullcontext():
                running.kill(role)
            happened[f"killed {running.host.contexts[0]} {role}"] += 1

    thread = threading.Thread(target=kill, name="killing")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    for running in deployment.running:
        running.wait_until_ready()


async def _settled(deployment: Deployment) -> None:
    """Wait until billing has heard all and done it, or nothing has moved for long."""
    heard = [f"users.user_{what}" for what in HEARD]
    before, moved_at = None, time.monotonic()
    ends = moved_at + SETTLED_WITHIN_S
    while time.monotonic() < ends and time.monotonic() - moved_at < QUIET_S:
        ((published,),) = await _execute(deployment.database_of("users"), _PUBLISHED, heard)
        ((arrived, undone),) = await _execute(deployment.database_of("billing"), _ARRIVED)
        if (arrived, undone) == (published, 0):
            return
        if (arrived, undone) != before:
            before, moved_at = (arrived, undone), time.monotonic()
        await asyncio.sleep(POLL_S)


async def _execute(url: str, statement: str, *values: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()
