"""Looks whether what lives elsewhere is there, believes us, and keeps the contracts that contexts here rely on.

At start for as long as an operator would wait, because hosts start together: each listens before it looks for the
others. Later every few seconds, so that an optional one is picked up when it comes, and operators see who is away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import final

from hedgerow_core.domain import UnavailableError
from hedgerow_core.observability import log_of
from hedgerow_core.wire import PeerAnswer, PeerRefused
from hedgerow_host.assembly import Assembly
from hedgerow_host.contract_breaks import breaks
from hedgerow_host.contracts import ContextContract, from_json
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.problems import CompositionError, Problem, said_by
from hedgerow_host.wire.contexts import CONTEXT_PATH
from hedgerow_host.wire.hosted import NOT_HERE
from hedgerow_host.wire.remote_context import RemoteContext, Standing
from hedgerow_host.wire.unsound_remotes import variable_of_remote

ARRIVES_WITHIN_S = 7.0
"""Whoever starts a host hears within 10 s what is missing; some of that it takes to come up."""
LOOK_AGAIN_S = 0.25
LOOK_EVERY_S = 5.0
ANSWER_WITHIN = timedelta(seconds=2)

_log = log_of(__name__)


class NotThere(Exception):
    """A remote context is not as it is needed: where it stands with it, and the problem that it makes."""

    def __init__(self, standing: Standing, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.standing = standing
        self.problems = problems


@final
class Arrivals:
    """Of all remote contexts of an assembly."""

    def __init__(self, assembly: Assembly, *, within_s: float = ARRIVES_WITHIN_S) -> None:
        self._assembly = assembly
        self._within_s = within_s

    async def arrive(self) -> None:
        """Wait until every required remote context is there. Optional ones are looked at once.

        Raises:
            HostError: one can't be reached.
            CompositionError: one is there, and is not what is needed.
        """
        remotes = self._assembly.remotes.contexts.values()
        ends = time.monotonic() + self._within_s
        await asyncio.gather(*(self._look_at(remote) for remote in remotes if remote.optional))
        missing = await asyncio.gather(*(self._awaited(one, ends) for one in remotes if not one.optional))
        problems = [problem for one in missing if one for problem in one.problems]
        if breaking := [problem for problem in problems if problem.contexts]:
            self._assembly.leave_out(breaking)
            await self.arrive()  # without those that could not read what is there
            return
        if problems and all(one.standing is Standing.AWAY for one in missing if one):
            first, *others = problems
            told = "".join(f"\n{other}" for other in others)
            raise HostError(f"{first.subject}: {first.what}", fix=f"{first.fix}{told}", code=ExitCode.UNREACHABLE)
        if problems:
            raise CompositionError(problems)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look at all of them every few seconds while the body runs."""
        looking = [asyncio.create_task(self._watch(one)) for one in self._assembly.remotes.contexts.values()]
        try:
            yield
        finally:
            for task in looking:
                task.cancel()
            await asyncio.gather(*looking, return_exceptions=True)

    async def _watch(self, remote: RemoteContext) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self._look_at(remote)
            except Exception:
                _log.exception("remote_watch_failed", context=remote.peer.context)

    async def _awaited(self, remote: RemoteContext, ends: float) -> NotThere | None:
        """None as soon as it is there; what is missing when the time is over, or when waiting is of no use."""
        while True:
            missing = await self._look_at(remote)
            if missing is None or missing.standing is Standing.UNFIT or time.monotonic() >= ends:
                return missing
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _look_at(self, remote: RemoteContext) -> NotThere | None:
        try:
            remote.contract = await self._fitting_contract(remote)
        except NotThere as found:
            missing = found
        except (ValueError, LookupError, ArithmeticError, TypeError, AttributeError, RecursionError) as error:
            missing = _unfit(remote, f"what it answers is no contract: {said_by(error)}", "see who answers there")
        else:
            self._note(remote, Standing.HERE)
            return None
        self._note(remote, missing.standing, missing)
        return missing

    def _note(self, remote: RemoteContext, standing: Standing, missing: NotThere | None = None) -> None:
        if standing is remote.standing:
            return
        remote.standing = standing
        context, url = remote.peer.context, remote.peer.url
        if missing is None:
            _log.info("remote_found", context=context, url=url)
        else:
            problems = [problem.in_short for problem in missing.problems]
            _log.warning("remote_missing", context=context, url=url, problems=problems)

    async def _fitting_contract(self, remote: RemoteContext) -> ContextContract:
        """What its host says, to each context of ours that relies on it, if they can read it.

        Raises:
            NotThere: it is away, refuses us, or says something else.
        """
        askers = remote.relying or self._assembly.names[:1] or [remote.peer.context]
        answers = [await self._asked(remote, asker) for asker in askers]
        contract = from_json(answers[0].content.decode())
        if contract.context != remote.peer.context:
            raise _unfit(remote, f"it says that it is {contract.context}", "correct the URL")
        ours = [context.contract for context in self._assembly.contexts]
        if broken := list(breaks({contract.context: contract}, ours)):
            raise NotThere(Standing.UNFIT, broken)
        return contract

    async def _asked(self, remote: RemoteContext, asker: str) -> PeerAnswer:
        path = CONTEXT_PATH.format(context=remote.peer.context)
        try:
            answer = await remote.peer.send("GET", path, asker=asker, within=ANSWER_WITHIN)
        except PeerRefused:
            raise _missing(
                remote,
                Standing.REFUSING,
                f"it does not believe that {asker} asks",
                f"there, set {variable_of_remote(asker)} to the URL of this host; here, give HEDGEROW_HOST_SECRET "
                "the same value in every process",
            ) from None
        except UnavailableError:
            raise _missing(
                remote,
                Standing.AWAY,
                "nobody answers there",
                f"start the host of {remote.peer.context}, correct the URL, or set "
                f"{variable_of_remote(remote.peer.context).removesuffix('URL')}OPTIONAL=true",
            ) from None
        if answer.status == HTTPStatus.OK:
            return answer
        if answer.status == HTTPStatus.NOT_FOUND:
            raise _nobody_there(remote, asker, answer)
        raise _missing(
            remote,
            Standing.AWAY,
            f"it answers {asker} with status {answer.status}",
            f"look into its log; it may not reach this host at its {variable_of_remote(asker)}",
        )


def _nobody_there(remote: RemoteContext, asker: str, answer: PeerAnswer) -> NotThere:
    if NOT_HERE.encode() in answer.content:
        return _unfit(remote, f"{remote.peer.context} is not hosted there", "correct the URL, or host it there")
    return _unfit(
        remote,
        "that host speaks to no other one",
        f"there, set {variable_of_remote(asker)} to the URL of this host, and restart it; or correct the URL",
    )


def _unfit(remote: RemoteContext, what: str, fix: str) -> NotThere:
    return _missing(remote, Standing.UNFIT, what, fix)


def _missing(remote: RemoteContext, standing: Standing, what: str, fix: str) -> NotThere:
    variable = variable_of_remote(remote.peer.context)
    problem = Problem(subject=variable, what=f"leads to {remote.peer.url}, and {what}", fix=fix)
    return NotThere(standing, [problem])
