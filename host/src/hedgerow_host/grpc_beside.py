"""Whether and how this process serves gRPC, without importing anything of it where nobody asks for it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from hedgerow_host.assembly import Assembly
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import HostSettings

if TYPE_CHECKING:
    from hedgerow_host.grpc.server import GrpcServer


def grpc_beside(settings: HostSettings, assembly: Assembly, readiness: Readiness) -> GrpcServer | None:
    """The server that the settings ask for beside another one; None if they don't."""
    return None if settings.grpc_port is None else grpc_server(settings, assembly, readiness)


def grpc_server(settings: HostSettings, assembly: Assembly, readiness: Readiness) -> GrpcServer:
    """The server of what the contexts declare. An optional context whose services break a rule is left out.

    Raises:
        CompositionError: lists every method that breaks a rule.
        HostError: the extra `grpc` is not installed.
    """
    try:
        from hedgerow_host.grpc.methods import methods_of
        from hedgerow_host.grpc.server import GrpcServer
    except ImportError as error:
        raise HostError(
            f"gRPC shall be served, but {error.name} is not installed",
            fix="install hedgerow-host[grpc], or unset HEDGEROW_GRPC_PORT",
            code=ExitCode.MISCONFIGURED,
        ) from error
    return GrpcServer(assembly, readiness, methods_of(assembly), settings)


def look_at_services(assembly: Assembly) -> None:
    """Hold what contexts declare against the rules, for who only looks, unless the extra is missing.

    Raises:
        CompositionError: lists every method that breaks a rule.
    """
    if find_spec("grpc") is not None:
        from hedgerow_host.grpc.methods import methods_of

        methods_of(assembly)
