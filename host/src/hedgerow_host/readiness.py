"""Whether this process can do its work right now, and if not, what it waits for. The answer never takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi.responses import JSONResponse
from starlette.responses import Response

from hedgerow_core.domain import UnavailableError
from hedgerow_core.observability.metrics import requests_now
from hedgerow_core.persistence import Database
from hedgerow_core.persistence.moving import is_closed
from hedgerow_host.assembly import Assembly
from hedgerow_host.broker_signs import broker_answers
from hedgerow_host.problems import Problem
from hedgerow_host.watch import Watch
from hedgerow_host.wire.remote_context import Standing

ANSWER_WITHIN_S = 1.0
"""Probes give up after a second or two; an answer after that is none."""
GIVE_UP_AFTER_S = 30.0
RETRY_AFTER_S = 5
OK, SILENT, AWAY, WAITING = "ok", "database_silent", "away", "waiting"


class Readiness:
    """Checks the database per context. Broker and alarms are reported but don't count: no restart would help.

    A worker without its broker does nothing, so for that one it counts: `needs_broker`.
    """

    def __init__(
        self, assembly: Assembly, watch: Watch, broker_url: str | None = None, *, needs_broker: bool = False
    ) -> None:
        self.watch = watch
        self.draining = False
        """Whether the process was told to end, and only finishes what it has."""
        self._needs_broker = needs_broker
        self._assembly = assembly
        self._broker_url = broker_url
        self._pinging: asyncio.Task[str] | None = None
        self._standby: list[str] = []

    async def answer(self, *, detailed: bool) -> Response:
        """200 when ready; 503 with Retry-After when not. In detail: what runs here, and the alarms.

        A host whose database takes no writes of a context that is moving stands by: it does all it can.
        """
        database, broker = await asyncio.gather(self._database(), self._broker())
        remotes = self._remotes()
        works = _works(database, remotes) and (broker == OK or not self._needs_broker)
        ready = works and not self.draining
        status = ("standby" if self._standby else "ready") if ready else "not_ready"
        if self.draining:
            status = "draining"
        return JSONResponse(
            {
                "status": status,
                **({"standby": self._standby} if ready and self._standby else {}),
                # Pending migrations stop the start, so a process that runs has none.
                "checks": {"database": database, "migrations": OK, "broker": broker} | remotes,
                **(self._details() if detailed else {}),
            },
            HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Cache-Control": "no-store"} | ({} if ready else {"Retry-After": str(RETRY_AFTER_S)}),
        )

    async def is_ready(self) -> bool:
        """Whether it is, for who asks nothing else."""
        return not self.draining and _works(await self._database(), self._remotes())

    def _details(self) -> dict[str, object]:
        heard_s_ago = {
            identity.context: round(identity.heard_s_ago, 1)
            for identity in self._assembly.common.elsewhere
            if identity.is_known
        }
        return {
            "contexts": {context.name: context.loaded.manifest.version for context in self._assembly.contexts},
            "quarantined": _in_short(self._assembly.quarantine.problems),
            "broken": _in_short(self._assembly.broken),
            "alarms": self.watch.alarms(),
            "requests": requests_now(),
            "connections_in_use": {context.name: context.database.in_use for context in self._assembly.contexts},
            "remotes": {
                name: {
                    "url": remote.peer.url,
                    "standing": remote.standing,
                    "optional": remote.optional,
                    "heard_s_ago": heard_s_ago.get(name),
                }
                for name, remote in self._assembly.remotes.contexts.items()
            },
        }

    def _remotes(self) -> dict[str, str]:
        """Nothing is ready until each required remote context was found and heard. Going away later does not count.

        To take every host out of service that asks it would make many outages of one: what else they do goes on.
        """
        contexts = self._assembly.remotes.contexts.values()
        if not contexts:
            return {}
        unheard = {identity.context for identity in self._assembly.common.elsewhere if not identity.is_known}
        if any(not one.optional and (not one.was_here or one.peer.context in unheard) for one in contexts):
            return {"remotes": WAITING}
        return {"remotes": OK if all(remote.standing is Standing.HERE for remote in contexts) else AWAY}

    async def _database(self) -> str:
        """One question at a time: probes that pile up before a silent server would take all its connections."""
        if self._pinging is None or self._pinging.done():
            self._pinging = asyncio.create_task(self._ping())
        await asyncio.wait({self._pinging}, timeout=ANSWER_WITHIN_S)
        return self._pinging.result() if self._pinging.done() else SILENT

    async def _ping(self) -> str:
        try:
            async with asyncio.timeout(GIVE_UP_AFTER_S):
                self._standby = [each.name for each in self._assembly.contexts if await _stands_by(each.database)]
        except UnavailableError as error:
            return error.code
        except TimeoutError:
            return SILENT
        return OK

    async def _broker(self) -> str:
        if self._broker_url is None:
            return "not configured"
        return OK if await broker_answers(self._broker_url) else AWAY


def _works(database: str, remotes: Mapping[str, str]) -> bool:
    return database == OK and WAITING not in remotes.values()


async def _stands_by(database: Database) -> bool:
    """Whether the database answers, and takes no writes of its context right now."""
    async with database.reading() as connection:
        return await is_closed(connection, database.context)


def _in_short(problems: Mapping[str, Sequence[Problem]]) -> dict[str, list[str]]:
    return {name: [problem.in_short for problem in found] for name, found in problems.items()}
