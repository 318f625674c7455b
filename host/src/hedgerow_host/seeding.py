"""`hedgerow seed`: the contexts' demo data, one context after the other, with the worker in this very process."""

from __future__ import annotations

import asyncio
import getpass
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import final

from hedgerow_core.application import Cause, caused_by
from hedgerow_core.application.seeding import SETTLES_WITHIN, Seed, Seeded
from hedgerow_core.messaging.quiet import is_quiet
from hedgerow_core.observability import configure_logging
from hedgerow_host.assembly import Assembly
from hedgerow_host.database import existing_database, told_if_away
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.settings import Environment, HostSettings
from hedgerow_host.start import started
from hedgerow_host.working_in_process import working_in_process

LOOK_EVERY_S = 0.05

Sown = Sequence[tuple[str, Seeded]]
"""What came of it, with the context that made it."""


def demand_dev(settings: HostSettings, *, yes: bool) -> None:
    """Let demo data be made where it belongs, or where somebody has said that it shall be made all the same.

    Raises:
        HostError: this is not `dev`.
    """
    if settings.env is Environment.DEV or yes:
        return
    raise HostError(
        f"this is {settings.env}, and demo data among real data can't be told apart or taken back",
        fix="set HEDGEROW_ENV=dev if this is a database to play with, or say --yes",
        code=ExitCode.MISCONFIGURED,
    )


def run_seeds(settings: HostSettings, tell: Callable[[str], None]) -> Sown:
    """Have every hosted context make its demo data; `tell` hears whose turn it is.

    Raises:
        CompositionError: the contexts don't fit together.
        HostError: the database is away or not migrated, or deliveries don't come to an end.
        DomainError: what a seed raised.
    """
    configure_logging(settings.log_format, level="WARNING")
    with existing_database(settings) as address:
        assembly = started(settings, address)
        with told_if_away(address):
            return asyncio.run(sow(assembly, tell))


async def sow(assembly: Assembly, tell: Callable[[str], None]) -> Sown:
    """Run the seeds of an assembly in the order of its contexts, and deliver what they publish."""
    ground = Ground(assembly)
    seeds: list[tuple[str, Seed]] = [
        (context.name, context.loaded.call("seed", container=context.container, bus=context.bus))
        for context in assembly.contexts
        if context.loaded.implements("seed")
    ]
    sown: list[tuple[str, Seeded]] = []
    failure: Exception | None = None
    async with assembly.running(), working_in_process(assembly):
        try:
            with caused_by(Cause(actor=f"cli:{getpass.getuser()}")):
                for name, seed in seeds:
                    if name in assembly.quarantine:
                        continue
                    await ground.settle()
                    tell(name)
                    sown += [(name, seeded) for seeded in await seed(ground)]
                await ground.settle()
        except Exception as error:  # the worker's task group would wrap it into a group
            failure = error
    if failure is not None:
        raise failure
    return sown


@final
@dataclass(frozen=True, slots=True)
class Ground:
    """What seeds are given (port `Seeding`)."""

    assembly: Assembly

    @property
    def environment(self) -> str:
        """dev, test or prod."""
        return str(self.assembly.environment)

    async def settle(self, *, within: timedelta = SETTLES_WITHIN) -> None:
        """Wait until nobody has anything to do, twice in a row: who was quiet may have been given work meanwhile.

        Raises:
            HostError: it took longer.
        """
        ends_at, quiet = time.monotonic() + within.total_seconds(), 0
        while quiet < 2:
            quiet = quiet + 1 if await self._is_quiet() else 0
            if time.monotonic() > ends_at:
                raise HostError(
                    f"events or tasks are still being worked off after {within.total_seconds():g} s",
                    fix="look at `hedgerow deliveries list` and `tasks list`, and ask again: it goes on from here",
                    code=ExitCode.PARTLY_FAILED,
                )
            await asyncio.sleep(0 if quiet else LOOK_EVERY_S)

    async def _is_quiet(self) -> bool:
        for context in self.assembly.contexts:
            publishers = {
                one.name: one.publisher
                for one in context.subscriptions.subscribes
                if one.publisher not in self.assembly.peers  # what other hosts do is not ours to wait for
            }
            async with context.database.reading() as connection:
                if not await is_quiet(connection, context.consumers, publishers):
                    return False
        return True
