"""The health service of gRPC (grpc.health.v1), for probes: open to all, and told anew each time, like `/readyz`.

There is no Watch: a stream to anybody who asks would be open for ever. Clients that are told UNIMPLEMENTED take the
server for healthy, and go by what their calls meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, final

import grpc
import grpc.aio
from grpc_health.v1.health_pb2 import DESCRIPTOR, HealthCheckRequest, HealthCheckResponse

from hedgerow_host.assembly import Assembly
from hedgerow_host.grpc.draining import Doors
from hedgerow_host.readiness import Readiness

NAME = DESCRIPTOR.services_by_name["Health"].full_name
SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


@final
class Health:
    """Answers for the process (no name), for a context (`users`) and for a service (`users.UserService`)."""

    def __init__(
        self,
        assembly: Assembly,
        readiness: Readiness,
        context_of: Mapping[str, str],
        doors: Doors,
        within_s: float,
    ) -> None:
        """`context_of` says to which context a service belongs."""
        self._assembly = assembly
        self._readiness = readiness
        self._context_of = context_of
        self._doors = doors
        self._within_s = within_s

    @property
    def handler(self) -> grpc.GenericRpcHandler:
        """Serves Check, and nothing else of the service."""
        check = grpc.stream_unary_rpc_method_handler(
            self.check, HealthCheckRequest.FromString, HealthCheckResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler(NAME, {"Check": check})

    async def check(
        self, sent: AsyncIterator[HealthCheckRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> HealthCheckResponse:
        """Whether calls would be answered now. NOT_FOUND for what is not served here."""
        try:
            async with asyncio.timeout(self._within_s):  # or who never sends a message would keep a place
                request = await anext(sent, HealthCheckRequest())
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "nothing was asked")
        about = self._context_of.get(request.service, request.service)
        if about and about not in self._assembly.names and about not in self._assembly.quarantine:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"{request.service} is not served here")
        serving = (
            not self._doors.closed and about not in self._assembly.quarantine and await self._readiness.is_ready()
        )
        return HealthCheckResponse(status=SERVING if serving else NOT_SERVING)
