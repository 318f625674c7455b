"""A request that is sent again takes effect once: whoever lost the answer gets it again.

What a command answers is recorded in the transaction of its effect, so there is never the one without the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, get_args, get_origin

from pydantic import TypeAdapter
from pydantic import ValidationError as UnreadableError

from hedgerow_core.application.messages import Command
from hedgerow_core.domain import ConflictError, ValidationError
from hedgerow_core.domain.errors import RetryableError


class IdempotencyKeyReused(ValidationError):
    """The key was sent with another request within 24 hours.

    Fix: make a new key for each request.
    """

    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key was sent with another request. Make a new key for each request, and send it "
            "again only with the same one.",
            field="Idempotency-Key",
        )


class RequestInFlight(ConflictError, RetryableError):
    """A request with this `Idempotency-Key` is being worked on.

    Fix: wait for `Retry-After`, and send it again for its answer.
    """

    code = "request_in_flight"

    def __init__(self) -> None:
        super().__init__(
            "A request with this Idempotency-Key is being worked on. Send it again shortly for its answer.",
            retry_after=timedelta(seconds=1),
        )


class AnswerUnreadable(ConflictError):
    """The request took effect before a roll-out that changed the form of its answer.

    Fix: look at what it has made.
    """

    code = "answer_unreadable"

    def __init__(self) -> None:
        super().__init__(
            "This request took effect before a roll-out, and its answer cannot be read any more. It was not done "
            "again: look at what it has made."
        )


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What a command answered, and what it was asked."""

    fingerprint: bytes
    answer: Any
    """As JSON."""


class Answers(Protocol):
    """The answers of one context, inside one transaction."""

    async def recall(self, scope: bytes) -> RecordedAnswer | None:
        """The answer that was recorded under this scope; None if there is none, and nobody is about to give one.

        Raises:
            RequestInFlight: another transaction is about to.
        """
        ...

    async def record(self, scope: bytes, answer: RecordedAnswer) -> None:
        """Keep an answer.

        Raises:
            RequestInFlight: another transaction was faster.
        """
        ...


@dataclass(slots=True)
class IdempotentRequest:
    """A request with a key, while it is worked on. Each command that it gives has a place of its own."""

    scope: bytes
    """SHA-256 over who asks, what for, and the key."""
    fingerprint: bytes
    """SHA-256 over what is asked."""
    replayed: int = 0
    """How many of its commands were not handled, but answered as before."""
    handled: int = 0

    async def once(self, command: Command[Any], handle: Callable[[], Awaitable[Any]], answers: Answers) -> Any:
        """Handle a command, or answer as before.

        Raises:
            IdempotencyKeyReused: the key stands for another request.
            RequestInFlight: the same is being handled right now.
            AnswerUnreadable: another build, whose answers have another form, has handled it.
        """
        place = (self.replayed + self.handled).to_bytes(2, "big")
        scope = hashlib.sha256(self.scope + place).digest()
        adapter = _adapter(type(command))
        known = await answers.recall(scope)
        if known is None:
            answer = await handle()
            written = adapter.dump_python(answer, mode="json")
            await answers.record(scope, RecordedAnswer(self.fingerprint, written))
            self.handled += 1
            return answer
        if known.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused
        try:
            answer = adapter.validate_python(known.answer)
        except UnreadableError as error:
            raise AnswerUnreadable from error
        self.replayed += 1
        return answer

    @property
    def is_replay(self) -> bool:
        """Whether nothing took effect this time."""
        return self.replayed > 0 and self.handled == 0


_current: ContextVar[IdempotentRequest | None] = ContextVar("hedgerow_idempotent_request", default=None)


def current_idempotent_request() -> IdempotentRequest | None:
    """The request that is worked on, if it has a key."""
    return _current.get()


@contextmanager
def working_on(request: IdempotentRequest) -> Iterator[None]:
    """Name the request for what runs inside."""
    token = _current.set(request)
    try:
        yield
    finally:
        _current.reset(token)


_adapters: dict[type, TypeAdapter[Any]] = {}


def _adapter(command: type[Command[Any]]) -> TypeAdapter[Any]:
    if command not in _adapters:
        _adapters[command] = TypeAdapter(_answer_of(command))
    return _adapters[command]


def _answer_of(command: type[Command[Any]]) -> Any:
    """`CreateInvoice(Command[InvoiceView])` is answered with an `InvoiceView`."""
    for base in getattr(command, "__orig_bases__", ()):
        if get_origin(base) is Command:
            return get_args(base)[0]
    raise TypeError(f"{command.__qualname__} does not say what it is answered with: derive it from Command[...]")
