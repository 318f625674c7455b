"""The bus of one context: finds the handler of a message and runs it inside its behaviours.

Every chain is composed once, at start; dispatching is a dictionary look-up and a call.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, cast

import structlog

from hedgerow_core.application.audit import Audited, AuditEntry
from hedgerow_core.application.causation import current_cause
from hedgerow_core.application.idempotency import current_idempotent_request
from hedgerow_core.application.messages import Command, Query
from hedgerow_core.application.refusals import RefusalBudget
from hedgerow_core.domain import DomainError
from hedgerow_core.domain.errors import RetryableError

_log = structlog.get_logger(__name__)
Result = TypeVar("Result")
Step = Callable[[Any], Awaitable[Any]]
"""Takes a message, answers with its result."""
OpenWork = Callable[[], AbstractAsyncContextManager[Any]]
"""Opens a unit of work: commits when left normally, rolls back when left by an exception."""


class Behaviour(Protocol):
    """Something that surrounds every handler of a context: logging, tracing, authorization."""

    async def __call__(self, message: object, proceed: Step) -> Any:
        """Do what must come before, `await proceed(message)`, do what must come after."""
        ...


@dataclass(frozen=True, slots=True)
class CommandHandler(Generic[Result]):
    """Declares which callable handles a command. It is given the command and the open unit of work."""

    message: type[Command[Result]]
    handle: Callable[[Any, Any], Awaitable[Result]]
    audited: Audited | None = None
    """How it is written down; None if it is not."""


@dataclass(frozen=True, slots=True)
class QueryHandler(Generic[Result]):
    """Declares which callable answers a query. No transaction is opened for it."""

    message: type[Query[Result]]
    handle: Callable[[Any], Awaitable[Result]]


class Bus:
    """Carries the commands and queries of one context."""

    def __init__(
        self,
        *,
        commands: Sequence[CommandHandler[Any]],
        queries: Sequence[QueryHandler[Any]],
        open_work: OpenWork,
        behaviours: Sequence[Behaviour] = (),
    ) -> None:
        """Compose the chains. The first behaviour is the outermost; the unit of work is always innermost.

        Raises:
            DuplicateHandlerError: two handlers claim one message; names both.
        """
        self._steps: dict[type, Step] = {}
        refusals = RefusalBudget()
        for command in commands:
            self._add(command, _in_unit_of_work(command, open_work, refusals), behaviours)
        for query in queries:
            self._add(query, query.handle, behaviours)

    async def execute(self, command: Command[Result]) -> Result:
        """Run a command in a transaction of its own; returns after the commit."""
        return cast("Result", await self._steps[type(command)](command))

    async def ask(self, query: Query[Result]) -> Result:
        """Answer a query."""
        return cast("Result", await self._steps[type(query)](query))

    @property
    def messages(self) -> Collection[type]:
        """Every message that a handler is declared for."""
        return self._steps.keys()

    def _add(
        self,
        handler: CommandHandler[Any] | QueryHandler[Any],
        innermost: Step,
        behaviours: Sequence[Behaviour],
    ) -> None:
        if handler.message in self._steps:
            raise DuplicateHandlerError(handler.message, handler.handle)
        step = innermost
        for behaviour in reversed(behaviours):
            step = _surrounded_by(behaviour, step)
        self._steps[handler.message] = step


class DuplicateHandlerError(Exception):
    """One message, two handlers."""

    def __init__(self, message: type, handle: Callable[..., object]) -> None:
        super().__init__(
            f"{message.__qualname__} already has a handler, and {place_of(handle)} claims it too. "
            "Declare one of them in the `handlers` hook and delete the other."
        )


def place_of(handle: object) -> str:
    """Where a handler lives, for people: `package.module:name`."""
    named = handle if hasattr(handle, "__qualname__") else type(handle)
    return f"{named.__module__}:{named.__qualname__}"


def _surrounded_by(behaviour: Behaviour, step: Step) -> Step:
    async def surrounded(message: Any) -> Any:
        return await behaviour(message, step)

    return surrounded


def _in_unit_of_work(handler: CommandHandler[Any], open_work: OpenWork, refusals: RefusalBudget) -> Step:
    handle, audited = _once(handler.handle), handler.audited

    async def in_one_transaction(command: Any) -> Any:
        async with open_work() as work:
            return await handle(command, work)

    async def written_down(command: Any) -> Any:
        assert audited is not None  # noqa: S101 - chosen below
        try:
            async with open_work() as work:
                answer = await handle(command, work)
                result = None if _is_replay() else audited.result(answer)
                if result is not None:
                    work.audit(audited.entry(command, answer, result))
        except RetryableError:
            raise  # nobody was refused anything: we could not
        except DomainError as error:
            if audited.refusals:
                await _write_down_refusal(audited.entry(command, None, error.code), open_work, refusals)
            raise
        return answer

    return in_one_transaction if audited is None else written_down


def _once(handle: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
    """Handles a command; if its request has a key and was answered before, answers as before."""

    async def handled(command: Any, work: Any) -> Any:
        request = current_idempotent_request()
        if request is None:
            return await handle(command, work)
        return await request.once(command, lambda: handle(command, work), work.answers)

    return handled


def _is_replay() -> bool:
    request = current_idempotent_request()
    return request is not None and request.is_replay


async def _write_down_refusal(entry: AuditEntry, open_work: OpenWork, refusals: RefusalBudget) -> None:
    """In a transaction of its own, because that of the command is rolled back."""
    cause = current_cause()
    passed_over = refusals.spend(cause.actor or cause.address or "")
    if passed_over is None:
        return
    if passed_over:
        entry = replace(entry, details={**entry.details, "passed_over": passed_over})
    try:
        async with open_work() as work:
            work.audit(entry)
    except DomainError as error:  # the caller must hear of the refusal, not of this
        _log.error("refusal_not_written_down", action=entry.action, result=entry.result, error=error.code)
