"""The methods that contexts serve over gRPC, held against the rules before anything listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import iscoroutinefunction

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from hedgerow_core.application.bus import place_of
from hedgerow_core.grpc import GrpcService
from hedgerow_core.grpc.descriptors import path_of
from hedgerow_core.grpc.services import Endpoint
from hedgerow_core.http import Access, access_of
from hedgerow_core.http.idempotency import is_idempotent
from hedgerow_host.access_rules import unguarded
from hedgerow_host.assembly import Assembly
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.problems import CompositionError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedMethod:
    """A method, the context that it belongs to, and who may call it."""

    context: str
    path: str
    """As callers name it: `/users.UserService/GetUser`."""
    access: Access
    descriptor: MethodDescriptor
    endpoint: Endpoint

    @property
    def service(self) -> ServiceDescriptor:
        """The service that it is a method of."""
        return self.descriptor.containing_service


def methods_of(assembly: Assembly) -> list[ServedMethod]:
    """Every method of every context. An optional context whose services break a rule is left out.

    Raises:
        CompositionError: lists every method that breaks a rule, and every hook that did.
    """
    found: list[ServedMethod] = []
    problems: list[Problem] = []
    for context in assembly.contexts:
        try:
            services = _services_of(context)
            look = partial(_wrong_in, services, context.name, assembly)
            wrong = context.loaded.judged("its gRPC services can't be used", look)
        except CompositionError as error:
            problems += error.problems
        else:
            problems += [replace(problem, contexts=(context.name,)) for problem in wrong]
            found += _rows(services, context.name) if not wrong else []
    if problems:
        assembly.leave_out(problems)
    return [method for method in found if method.context in assembly.names]


def _services_of(context: HostedContext) -> Sequence[GrpcService]:
    found: Sequence[GrpcService] | None = context.loaded.call(
        "grpc_services", container=context.container, bus=context.bus
    )
    return found or ()


def _rows(services: Sequence[GrpcService], context: str) -> Iterator[ServedMethod]:
    for service in services:
        for method in service.descriptor.methods:
            endpoint = service.endpoints[method.name]
            access = access_of(endpoint)
            assert access is not None  # noqa: S101 - held against the rules above
            yield ServedMethod(
                context=context, path=path_of(method), access=access, descriptor=method, endpoint=endpoint
            )


def _wrong_in(services: Sequence[GrpcService], context: str, assembly: Assembly) -> list[Problem]:
    return [*_wrong_services(services, context), *_wrong_methods(services, context, assembly)]


def _wrong_services(services: Sequence[GrpcService], context: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for service in services:
        name = service.descriptor.full_name
        source = (service.descriptor.file.name,)
        if not name.startswith(f"{context}."):
            what, fix = f"lies outside of the package {context}", f"write `package {context};` into its .proto"
            yield Problem(subject=name, what=what, sources=source, fix=fix)
        if name in seen:
            fix = "return it once from the hook `grpc_services`"
            yield Problem(subject=name, what="is served twice", sources=source, fix=fix)
        seen.add(name)
        for unknown in sorted(service.endpoints.keys() - service.descriptor.methods_by_name.keys()):
            yield Problem(
                subject=f"{name}/{unknown}",
                what="has an endpoint, and the .proto has no such method",
                sources=(place_of(service.endpoints[unknown]), *source),
                fix="correct its name, or write it into the .proto and generate anew",
            )


def _wrong_methods(services: Sequence[GrpcService], context: str, assembly: Assembly) -> Iterator[Problem]:
    for service in services:
        for method in service.descriptor.methods:
            yield from _wrong_with(method, service, context, assembly)


def _wrong_with(
    method: MethodDescriptor, service: GrpcService, context: str, assembly: Assembly
) -> Iterator[Problem]:
    subject, source = path_of(method).removeprefix("/"), (service.descriptor.file.name,)
    endpoint: Callable[..., object] | None = service.endpoints.get(method.name)
    if method.client_streaming or method.server_streaming:
        fix = "let it take one message and answer with one, such as a page of what there is"
        yield Problem(subject=subject, what="streams, and nobody bounds a stream", sources=source, fix=fix)
    if endpoint is None:
        fix = f"give `endpoints` of its GrpcService a function for {method.name}, or take it out of the .proto"
        yield Problem(subject=subject, what="is in the .proto, and nothing answers it", sources=source, fix=fix)
        return
    if not iscoroutinefunction(endpoint):
        what, fix = "is answered by a function that is not async", "write it with `async def`"
        yield Problem(subject=subject, what=what, sources=(place_of(endpoint),), fix=fix)
    if is_idempotent(endpoint):
        what, fix = "is marked @idempotent, and gRPC has no Idempotency-Key", "take the mark away"
        yield Problem(subject=subject, what=what, sources=(place_of(endpoint),), fix=fix)
    yield from unguarded(endpoint, subject, context, assembly)
