"""One attempt at a delivery as operators see it: its span, its duration, and one line in the log if it fails.

Neither span nor line carries content. An error's message may quote what is in a row or payload, so only its type
and its place leave the ledger; the message stays with the delivery (`hedgerow deliveries show`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta

from structlog.contextvars import bind_contextvars, reset_contextvars

from hedgerow_core.application import Cause, caused_by
from hedgerow_core.domain import DomainError
from hedgerow_core.messaging.deliveries import Delivery
from hedgerow_core.messaging.telling import place_of
from hedgerow_core.observability import log_of, tracing
from hedgerow_core.observability.metrics import ATTEMPTS_FAILED, HANDLER_SECONDS

_log = log_of(__name__)


class Attempts:
    """What all attempts of a batch share: looked up once, and not per delivery."""

    def __init__(self, context: str, subscription: str) -> None:
        self.context = context
        self.subscription = subscription
        self.is_tracing = tracing.is_tracing()
        self.durations = HANDLER_SECONDS.labels(context, subscription)

    def at(self, delivery: Delivery) -> Attempt:
        """A try of `delivery`, which begins now."""
        return Attempt(self, delivery)


class Attempt:
    """One try of one delivery in this process."""

    __slots__ = ("_delivery", "_shared", "_started", "_took_s")

    def __init__(self, shared: Attempts, delivery: Delivery) -> None:
        self._shared = shared
        self._delivery = delivery
        self._started = time.perf_counter()
        self._took_s: float | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Name the delivery in the log, in the trace, and as the cause of what its handler records."""
        id, envelope = self._delivery.id, self._delivery.envelope
        with self._span() as traceparent:
            trace_id = self._trace_id(traceparent)
            named = bind_contextvars(event_id=str(id), trace_id=trace_id)
            cause = Cause(correlation_id=trace_id, causation_id=id, actor=envelope.actor, traceparent=traceparent)
            try:
                with caused_by(cause):
                    yield
            finally:
                reset_contextvars(**named)
                self._shared.durations.observe(self.over())

    def over(self) -> float:
        """The handler came to an end, good or bad; returns after how many seconds. Later calls say the same."""
        if self._took_s is None:
            self._took_s = time.perf_counter() - self._started
        return self._took_s

    def _span(self) -> AbstractContextManager[str]:
        traceparent = self._delivery.traceparent
        if not self._shared.is_tracing:
            return nullcontext(traceparent or tracing.new_traceparent())
        id, attempt = self._delivery.id, self._delivery.envelope.attempt
        return tracing.handling(self._shared.subscription, traceparent, message_id=id, attempt=attempt)

    def _trace_id(self, traceparent: str | None) -> str | None:
        known = self._delivery.envelope.correlation_id
        return known or (None if traceparent is None else tracing.trace_id_in(traceparent))

    def failed(self, error: Exception, *, retry_in: timedelta | None) -> None:
        """The failure was written down; `retry_in` is None if the delivery is dead now."""
        tracing.failed(error)
        ATTEMPTS_FAILED.labels(self._shared.context, self._shared.subscription).inc()
        envelope = self._delivery.envelope
        facts = {
            "subscription": self._shared.subscription,
            "publisher": envelope.publisher,
            "type": envelope.type,
            "event_id": str(self._delivery.id),
            "aggregate_id": str(envelope.aggregate_id) if envelope.aggregate_id else None,
            "attempt": envelope.attempt,
            "error": type(error).__qualname__,
            "code": error.code if isinstance(error, DomainError) else None,
            "place": place_of(error),
            "duration_ms": round(self.over() * 1000, 1),
            "trace_id": self._trace_id(self._delivery.traceparent),
        }
        known = {name: value for name, value in facts.items() if value is not None}
        if retry_in is None:
            _log.error("delivery_dead", **known)
        else:
            _log.warning("delivery_failed", retry_in_s=round(retry_in.total_seconds(), 1), **known)
