"""The asker's side: checks nothing, resolves nothing; what a question needs was put together at start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, final

from pydantic import BaseModel, TypeAdapter
from pydantic import ValidationError as NotAsDeclared
from pydantic_core import PydanticSerializationError, to_json

from hedgerow_core.application import current_cause
from hedgerow_core.application.questions import (
    Answer,
    InvalidParameters,
    QueryNotHere,
    QueryTooSlow,
    QuestionFailed,
    UndeclaredQuestion,
)
from hedgerow_core.domain import DomainError, UnavailableError
from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import QUESTION_SECONDS
from hedgerow_core.observability.tracing import asking
from hedgerow_core.questions.contracts import Question
from hedgerow_core.questions.replies import MOST_BYTES, Reply
from hedgerow_core.questions.transport import AskedQuery, Transport

_log = log_of(__name__)


@final
class Desk:
    """Where one context asks (port `Questions`). The host opens its lines when all contexts are built."""

    def __init__(self, asker: str) -> None:
        self._asker = asker
        self._lines: dict[tuple[str, int, type[BaseModel]], _Line] = {}

    def open(self, question: Question[Any], transport: Transport | None) -> None:
        """Have `question` asked over `transport`; None if nobody here answers it."""
        self._lines[question.query, question.version, question.as_] = _Line(self._asker, question, transport)

    async def ask(
        self, query: str, parameters: Mapping[str, object], *, as_: type[Answer], version: int = 1
    ) -> Answer:
        """Ask (see `Questions`)."""
        line = self._lines.get((query, version, as_))
        if line is None:
            raise UndeclaredQuestion(self._asker, query, version, as_)
        answer: Answer = await line.ask(parameters)
        return answer


class _Line:
    """One declared question, ready to be asked."""

    def __init__(self, asker: str, question: Question[Any], transport: Transport | None) -> None:
        self._asker = asker
        self._question = question
        self._transport = transport
        self._replies: TypeAdapter[Reply[Any]] = TypeAdapter(Reply[question.as_])  # type: ignore[name-defined]

    async def ask(self, parameters: Mapping[str, object]) -> Any:
        if self._transport is None:
            raise QueryNotHere(self._question.query)
        with _timed(self._asker, self._question.query):
            return self._read(await self._carried(self._transport, _written(self._question.query, parameters)))

    async def _carried(self, transport: Transport, parameters: bytes) -> bytes:
        question, cause = self._question, current_cause()
        with asking(question.query, cause.traceparent) as traceparent:
            asked = AskedQuery(
                query=question.query,
                version=question.version,
                asker=self._asker,
                parameters=parameters,
                deadline=question.deadline,
                actor=cause.actor,
                correlation_id=cause.correlation_id,
                causation_id=cause.causation_id,
                traceparent=traceparent,
            )
            try:
                async with asyncio.timeout(question.deadline.total_seconds()) as limit:
                    return await transport(asked)
            except TimeoutError:
                if not limit.expired():
                    raise
                _log.warning("query_too_slow", query=question.query, asker=self._asker)
                raise QueryTooSlow(question.query, question.deadline) from None

    def _read(self, written: bytes) -> Any:
        query = self._question.query
        try:
            reply = self._replies.validate_json(written)
        except NotAsDeclared as error:
            raise QuestionFailed(f"the answer to {query} is not as {self._asker} reads it: {error}") from error
        if reply.error is not None:
            raise reply.error.arrived()
        if reply.answer is None:
            raise QuestionFailed(f"{query} broke while it was answered; the log of its context says how")
        return reply.answer


def _written(query: str, parameters: Mapping[str, object]) -> bytes:
    try:
        written = to_json(dict(parameters))
    except PydanticSerializationError as error:
        raise InvalidParameters(f"{query} takes what JSON can carry: {error}") from error
    if len(written) > MOST_BYTES:
        raise InvalidParameters(f"{query} takes parameters of {MOST_BYTES} bytes at most")
    return written


@contextmanager
def _timed(asker: str, query: str) -> Iterator[None]:
    started, outcome = time.monotonic(), "failed"
    try:
        yield
        outcome = "answered"
    except QueryTooSlow:
        outcome = "late"
        raise
    except UnavailableError:  # somebody is away, or does not believe us: that is no rule
        raise
    except DomainError:
        outcome = "refused"
        raise
    finally:
        QUESTION_SECONDS.labels(asker, query, outcome).observe(time.monotonic() - started)
