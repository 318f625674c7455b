"""Traces that outlive a request: W3C Trace Context, carried through the ledger, with spans where an SDK is set up.

Without an SDK nothing here makes a span: trace ids flow through columns and logs all the same. Span attributes
follow OpenTelemetry's semantic conventions for messaging and carry names and ids, never content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import getrandbits
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    ProxyTracerProvider,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)
from opentelemetry.util.types import AttributeValue

SYSTEM = "hedgerow"
"""`messaging.system` of our spans."""
_INVALID_TRACE, _INVALID_SPAN = "0" * 32, "0" * 16
_TRACEPARENT = re.compile(r"00-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})")
_NO_PARENT = Context()

_tracer = trace.get_tracer("hedgerow")


def new_traceparent() -> str:
    """A trace that begins here. Nobody has recorded it, so it is not marked as sampled."""
    drawn = f"{getrandbits(192):048x}"  # ids are no secrets: nobody needs to ask the system for them
    return f"00-{drawn[:32]}-{drawn[32:]}-00"


def well_formed(traceparent: str) -> bool:
    """Whether it may be taken over from outside (W3C Trace Context §3.2: all zeros are invalid)."""
    found = _TRACEPARENT.fullmatch(traceparent)
    return found is not None and found["trace"] != _INVALID_TRACE and found["span"] != _INVALID_SPAN


def trace_id_in(traceparent: str) -> str:
    """The trace that a well-formed traceparent names."""
    return traceparent[3:35]


def is_tracing() -> bool:
    """Whether somebody set up an SDK in this process."""
    return not isinstance(trace.get_tracer_provider(), ProxyTracerProvider)


def current_traceparent() -> str | None:
    """The span that is open right now; None if there is none."""
    span = trace.get_current_span().get_span_context()
    return _written(span) if span.is_valid else None


@contextmanager
def handling(destination: str, traceparent: str | None, *, message_id: UUID, attempt: int) -> Iterator[str]:
    """Surround the handling of one message with a span, in the trace that the message belongs to, if to any.

    Yields what the handler's own messages carry on.
    """
    batch = trace.get_current_span().get_span_context()
    span = _tracer.start_span(
        f"process {destination}",
        context=_parent(traceparent),
        kind=SpanKind.CONSUMER,
        attributes=_about(destination) | {"messaging.message.id": str(message_id), "hedgerow.attempt": attempt},
        links=[Link(batch)] if batch.is_valid else [],
    )
    with _open(span):
        yield _written(span.get_span_context())


@contextmanager
def handling_together(destination: str, traceparents: Sequence[str | None]) -> Iterator[None]:
    """Surround a batch that succeeds or fails as a whole with a span of its own, linked to all its messages."""
    if not is_tracing():
        yield
        return
    span = _tracer.start_span(
        f"process batch {destination}",
        context=_NO_PARENT,
        kind=SpanKind.CONSUMER,
        attributes=_about(destination) | {"messaging.batch.message_count": len(traceparents)},
        links=[Link(context) for context in map(_context_in, traceparents) if context is not None],
    )
    with _open(span):
        yield


@contextmanager
def calling(destination: str) -> Iterator[None]:
    """Surround a call to the world outside with a span, inside that of the task. Nothing of it goes along."""
    if not is_tracing():
        yield
        return
    about = {"messaging.destination.name": destination}
    with _open(_tracer.start_span(f"call {destination}", kind=SpanKind.CLIENT, attributes=about)):
        yield


@contextmanager
def scheduling(schedule: str) -> Iterator[str]:
    """Surround a tick of a schedule with a span: a trace begins here. Yields what the tick's task carries on."""
    if not is_tracing():
        yield new_traceparent()
        return
    about = {"messaging.system": SYSTEM, "messaging.destination.name": schedule}
    span = _tracer.start_span(f"tick {schedule}", context=_NO_PARENT, kind=SpanKind.PRODUCER, attributes=about)
    with _open(span):
        yield _written(span.get_span_context())


@contextmanager
def asking(query: str, traceparent: str | None) -> Iterator[str | None]:
    """Surround a question to another context with a span. Yields what goes along with it."""
    with _one_side(f"ask {query}", query, traceparent, SpanKind.CLIENT, {}) as onward:
        yield onward


@contextmanager
def answering(query: str, traceparent: str | None, *, asker: str) -> Iterator[str | None]:
    """Surround the answering of a question with a span, in the trace of the asker."""
    with _one_side(f"answer {query}", query, traceparent, SpanKind.SERVER, {"hedgerow.asker": asker}) as onward:
        yield onward


@contextmanager
def called(service: str, method: str, traceparent: str | None) -> Iterator[None]:
    """Surround the answering of a gRPC call with a span, in the trace of who calls."""
    about: dict[str, AttributeValue] = {"rpc.system": "grpc", "rpc.service": service}
    with _one_side(f"{service}/{method}", method, traceparent, SpanKind.SERVER, about):
        yield


def call_ended(status: int) -> None:
    """Note on the open span how its call has ended."""
    trace.get_current_span().set_attribute("rpc.grpc.status_code", status)


@contextmanager
def _one_side(
    name: str, query: str, traceparent: str | None, kind: SpanKind, more: Mapping[str, AttributeValue]
) -> Iterator[str | None]:
    about = {"rpc.system": SYSTEM, "rpc.method": query, **more}
    span = _tracer.start_span(name, context=_parent(traceparent), kind=kind, attributes=about)
    with _open(span):
        context = span.get_span_context()
        yield _written(context) if context.is_valid else None


def failed(error: BaseException) -> None:
    """Mark the open span as failed, by the error's type alone."""
    span = trace.get_current_span()
    span.set_attribute("error.type", type(error).__qualname__)
    span.set_status(Status(StatusCode.ERROR))


@contextmanager
def _open(span: Span) -> Iterator[None]:
    # The SDK would record an error with its message, and that may quote what is in a row.
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield
        except Exception as error:
            failed(error)
            raise


def _about(destination: str) -> dict[str, AttributeValue]:
    return {
        "messaging.system": SYSTEM,
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": destination,
    }


def _parent(traceparent: str | None) -> Context:
    context = _context_in(traceparent)
    return _NO_PARENT if context is None else trace.set_span_in_context(NonRecordingSpan(context), _NO_PARENT)


def _context_in(traceparent: str | None) -> SpanContext | None:
    found = _TRACEPARENT.fullmatch(traceparent or "")
    if found is None:
        return None
    flags = TraceFlags(int(found["flags"], 16))
    return SpanContext(int(found["trace"], 16), int(found["span"], 16), is_remote=True, trace_flags=flags)


def _written(span: SpanContext) -> str:
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
