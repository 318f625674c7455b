"""Finds who answers a call: a method of a context that is in, or a refusal for one that is out or elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, final

import grpc
import grpc.aio

from hedgerow_core.grpc.statuses import Refusal, refusal, refusal_of
from hedgerow_host.assembly import Assembly
from hedgerow_host.grpc.draining import Doors, shutting_down
from hedgerow_host.mounting import out_of_service


@final
class Dispatch(grpc.GenericRpcHandler):
    """Asked by gRPC for every call, by the name that the caller gives. What it does not know is UNIMPLEMENTED."""

    def __init__(
        self, assembly: Assembly, handlers: Mapping[str, grpc.RpcMethodHandler[bytes, bytes]], doors: Doors
    ) -> None:
        """`handlers` are those of the contexts that are in, by path."""
        self._assembly = assembly
        self._doors = doors
        self._handlers = handlers

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The handler of a call."""
        path: str = handler_call_details.method
        context = path.removeprefix("/").partition(".")[0]
        if context in self._assembly.quarantine:
            return _refusing(refusal_of(out_of_service(context)))
        if context in self._assembly.remotes.contexts and context not in self._assembly.names:
            return _refusing(_elsewhere(context))
        found = self._handlers.get(path)
        return _refusing(refusal_of(shutting_down())) if found is not None and self._doors.closed else found


def _refusing(told: Refusal) -> grpc.RpcMethodHandler[bytes, bytes]:
    async def refuse(_sent: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        await context.abort(told.status, told.message, told.metadata)

    return grpc.stream_unary_rpc_method_handler(refuse)  # waits for no message


def _elsewhere(context: str) -> Refusal:
    """Asked again here, the answer is the same: so nobody is told to try again."""
    message = f"{context} lives at another host by now. Send this there: your way to it is out of date."
    return refusal(grpc.StatusCode.UNIMPLEMENTED, code="context_elsewhere", message=message)
