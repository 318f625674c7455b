"""One method of a service, as a host serves it: named, behind its stages, bounded in time, and told of in the log.

The message is received only after the stages have let the call pass: a stranger can neither make us parse one, nor
learn which are valid, nor keep a place by never sending it. gRPC waits for it before it asks the handler of a unary
method, so ours are written as if callers streamed. On the wire both are the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, final

import grpc.aio
import structlog
from fastapi import Request
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from starlette.types import Scope

from hedgerow_core.application import set_cause
from hedgerow_core.domain import DomainError, ValidationError
from hedgerow_core.grpc.descriptors import counts_as, path_of
from hedgerow_core.grpc.requests import scope_of, traceparent_in
from hedgerow_core.grpc.services import Call, Endpoint
from hedgerow_core.grpc.statuses import CallName, Refusal, refusal_of, too_slow, unforeseen
from hedgerow_core.http.callers import caller_in
from hedgerow_core.http.pipeline import Stage
from hedgerow_core.http.request_identity import identify, trace_id_of
from hedgerow_core.http.throttling import rate_limit_headers
from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import GRPC_SECONDS
from hedgerow_core.observability.tracing import call_ended, called, failed

LONGEST_CALL_S = 60.0
"""As long as a question between two hosts may take. Who sets a deadline of its own is not waited for beyond it."""

Locate = Callable[[Scope], Awaitable[None]]
"""Puts the caller's own address in the place of a proxy's."""

_log = log_of(__name__)


@final
class GuardedMethod:
    """Answers the calls of one method. Messages come and go as they are written on the wire."""

    def __init__(
        self,
        method: MethodDescriptor,
        endpoint: Endpoint,
        stages: Sequence[Stage],
        *,
        locate: Locate | None = None,
        longest_call_s: float = LONGEST_CALL_S,
    ) -> None:
        self._service, self._name = method.containing_service.full_name, method.name
        self._path = path_of(method)
        self._counts_as = counts_as(method)
        self._endpoint = endpoint
        self._stages = tuple(stages)
        self._takes, self._takes_name = GetMessageClass(method.input_type), method.input_type.full_name
        self._locate = locate
        self._longest_call_s = longest_call_s

    async def answer(self, sent: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        """Answer one call, or end it with a status."""
        scope = scope_of(context, self._path, self._counts_as)
        if self._locate is not None:
            await self._locate(scope)
        with called(self._service, self._name, traceparent_in(scope)):
            cause = identify(scope)
            call = CallName(cause.request_id or "", trace_id_of(scope))
            structlog.contextvars.clear_contextvars()
            structlog.contextvars.bind_contextvars(request_id=call.request_id, trace_id=call.trace_id)
            set_cause(cause)
            answered = await self._told_of(scope, self._in_time(sent, scope, context, call))
        told = [("x-request-id", call.request_id), *_as_metadata(rate_limit_headers(scope))]
        if isinstance(answered, Refusal):
            await context.abort(answered.status, answered.message, (*told, *answered.metadata))
        context.set_trailing_metadata(tuple(told))
        return answered

    async def _told_of(self, scope: Scope, answering: Awaitable[bytes | Refusal]) -> bytes | Refusal:
        started, status = time.perf_counter(), grpc.StatusCode.CANCELLED
        try:
            answered = await answering
            status = answered.status if isinstance(answered, Refusal) else grpc.StatusCode.OK
            return answered
        finally:
            took_s = time.perf_counter() - started
            call_ended(status.value[0])
            GRPC_SECONDS.of(self._path, status.name).observe(took_s)
            _log.info(
                "call",
                method=self._path,
                status=status.name,
                duration_ms=round(took_s * 1000, 1),
                **caller_in(scope),
            )

    async def _in_time(
        self, sent: AsyncIterator[bytes], scope: Scope, context: grpc.aio.ServicerContext[Any, Any], call: CallName
    ) -> bytes | Refusal:
        """The answer, unless our patience ends before the caller's does. That one cancels us from outside."""
        left_s = context.time_remaining()
        patient = left_s is not None and left_s <= self._longest_call_s
        try:
            async with asyncio.timeout(None if patient else self._longest_call_s) as limit:
                return await self._answered(sent, scope)
        except DomainError as error:
            return refusal_of(error, call)
        except Exception as error:
            if limit.expired():
                return too_slow(self._longest_call_s, call)
            failed(error)
            _log.exception("call_failed", method=self._path)
            return unforeseen(call)

    async def _answered(self, sent: AsyncIterator[bytes], scope: Scope) -> bytes:
        request = Request(scope)
        for stage in self._stages:
            await stage(request)
        message = self._read(await anext(sent, None))
        answer: bytes = (await self._endpoint(message, Call(scope["state"]))).SerializeToString()
        return answer

    def _read(self, written: bytes | None) -> Any:
        try:
            if written is None:  # none was sent, or it was cut off because it is too large
                raise DecodeError
            return self._takes.FromString(written)
        except DecodeError:
            raise ValidationError(
                f"What came is no {self._takes_name}. Generate your client from the .proto that is served here.",
                code="message_unreadable",
            ) from None


def _as_metadata(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in headers]
