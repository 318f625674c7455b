"""The health service of gRPC (grpc.health.v1), for probes: open to all, and told anew each time, like `/readyz`.

There is no Watch: a stream to anybody who asks would be open for ever. Clients that are told UNIMPLEMENTED take the
server for healthy, and go by what their calls meet.
"""

from __future__ import annotations

from collections.abc import Mapping
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
        self, assembly: Assembly, readiness: Readiness, context_of: Mapping[str, str], doors: Doors
    ) -> None:
        """`context_of` says to which context a service belongs."""
        self._assembly = assembly
        self._readiness = readiness
        self._context_of = context_of
        self._doors = doors

    @property
    def handler(self) -> grpc.GenericRpcHandler:
        """Serves Check, and nothing else of the service."""
        check = grpc.unary_unary_rpc_method_handler(
            self.check, HealthCheckRequest.FromString, HealthCheckResponse.SerializeToString
        )
        return grpc.method_handlers_generic_handler(NAME, {"Check": check})

    async def check(
        self, request: HealthCheckRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> HealthCheckResponse:
        """Whether calls would be answered now. NOT_FOUND for what is not served here."""
        about = self._context_of.get(request.service, request.service)
        if about and about not in self._assembly.names and about not in self._assembly.quarantine:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"{request.service} is not served here")
        serving = (
            not self._doors.closed and about not in self._assembly.quarantine and await self._readiness.is_ready()
        )
        return HealthCheckResponse(status=SERVING if serving else NOT_SERVING)
