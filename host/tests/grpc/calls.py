"""Calls over a real channel, and what they end with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc.aio
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RequestInfo, RetryInfo
from google.rpc.status_pb2 import Status

from hedgerow_core.grpc.methods import LONGEST_CALL_S
from hedgerow_host.assembly import Assembly
from hedgerow_host.grpc.methods import methods_of
from hedgerow_host.grpc.server import GrpcServer
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import HostSettings
from hedgerow_host.watch import Watch

AT_MOST_S = 20.0
"""For calls that shall be answered: long, on a busy machine."""
Metadata = Sequence[tuple[str, str]]


@asynccontextmanager
async def serving(
    assembly: Assembly, *, longest_call_s: float = LONGEST_CALL_S, **settings: Any
) -> AsyncIterator[GrpcServer]:
    """A server of what the assembly serves over gRPC, on a port of its own."""
    server = GrpcServer(
        assembly,
        Readiness(assembly, Watch(assembly)),
        methods_of(assembly),
        HostSettings(**{"grpc_port": 0, **settings}),
        longest_call_s=longest_call_s,
    )
    await server.bind()
    async with server.serving():
        yield server


def channel_to(server: GrpcServer) -> grpc.aio.Channel:
    """A way to it."""
    return grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")


def told(token: str) -> Metadata:
    """What says who calls."""
    return (("authorization", f"Bearer {token}"),)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a call has ended that was not answered."""

    status: grpc.StatusCode
    message: str | None
    metadata: dict[str, Any]

    def detail(self, kind: type[Any]) -> Any:
        """What it tells of this kind; empty if nothing."""
        found = kind()
        for one in Status.FromString(self.metadata["grpc-status-details-bin"]).details:
            if one.Is(kind.DESCRIPTOR):
                one.Unpack(found)
        return found

    @property
    def code(self) -> str:
        """Our own code for it."""
        info: ErrorInfo = self.detail(ErrorInfo)
        assert info.domain == "hedgerow"
        return str(info.reason)

    @property
    def field(self) -> str:
        """Which field was wrong."""
        (violation,) = self.detail(BadRequest).field_violations
        return str(violation.field)

    @property
    def retry_s(self) -> float:
        """When to try again."""
        return float(self.detail(RetryInfo).retry_delay.ToTimedelta().total_seconds())

    @property
    def trace_id(self) -> str:
        """What to quote."""
        return str(self.detail(RequestInfo).serving_data)


async def refused(call: grpc.aio.UnaryUnaryCall[Any, Any]) -> Ended:
    """How the call ends, which must not be answered."""
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await call
    error = ended.value
    return Ended(error.code(), error.details(), dict(error.trailing_metadata()))
