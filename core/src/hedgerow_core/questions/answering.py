"""The publisher's side: from JSON to the context's own query, through its bus, and back to JSON."""

from __future__ import annotations

from typing import final

from pydantic import ValidationError as NotAsDeclared

from hedgerow_core.application import Bus, Cause, caused_by
from hedgerow_core.application.questions import InvalidParameters
from hedgerow_core.domain import DomainError
from hedgerow_core.observability import log_of
from hedgerow_core.observability.tracing import answering, failed
from hedgerow_core.persistence.readers import reading_for
from hedgerow_core.questions.contracts import PublishedQuery, QueryContract
from hedgerow_core.questions.replies import FAILED, reply_with, reply_with_error
from hedgerow_core.questions.transport import AskedQuery

_log = log_of(__name__)


@final
class Answering:
    """Answers one published query (port `Transport`, where both sides live in one process)."""

    def __init__(self, published: PublishedQuery, bus: Bus) -> None:
        self._published = published
        self._bus = bus

    async def __call__(self, asked: AskedQuery, /) -> bytes:
        """Answer it. The handler runs under the asker's cause, but without what belongs to its request."""
        with (
            answering(asked.query, asked.traceparent, asker=asked.asker) as traceparent,
            reading_for(None),  # who asks may have heard of an event that a replica has not replayed
            caused_by(
                Cause(
                    actor=asked.actor,
                    correlation_id=asked.correlation_id,
                    causation_id=asked.causation_id,
                    traceparent=traceparent,
                )
            ),
        ):
            try:
                question = _read(self._published.contract, asked.parameters)
                found = await self._bus.ask(self._published.ask(question))
                return reply_with(self._published.answer(found))
            except DomainError as error:
                return reply_with_error(error)
            except Exception as error:
                failed(error)
                _log.exception("query_failed", query=asked.query, asker=asked.asker)
                return FAILED


def _read(contract: type[QueryContract], parameters: bytes) -> QueryContract:
    try:
        return contract.model_validate_json(parameters)
    except NotAsDeclared as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or None
        raise InvalidParameters(
            f"{contract.query_name} does not take these parameters: {field or 'all of them'}: {first['msg']}",
            field=field,
        ) from None
