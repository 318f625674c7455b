"""Puts the contexts' routes behind the gate and into the application, after holding them against the rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hedgerow_core.application.bus import place_of
from hedgerow_core.domain import UnavailableError
from hedgerow_core.http import Access, ContextRouter, PipelineRoute, access_of, idempotency
from hedgerow_core.http.idempotency import is_idempotent
from hedgerow_core.http.own_writes import OwnWrites
from hedgerow_core.security import scope_of_route
from hedgerow_host.access_rules import unguarded
from hedgerow_host.admin import routes as admin
from hedgerow_host.admin.hosted import Hosted
from hedgerow_host.assembly import Assembly
from hedgerow_host.problems import Problem

WELL_KNOWN = "/.well-known/"
"""RFC 8615: the one place outside `/v1/{context}` where a context may answer."""
BACK_IN = timedelta(minutes=1)
"""When to ask again for what somebody has to mend first."""
_PARAMETER_NAME = re.compile(r"\?P<\w+>")


@dataclass(frozen=True, slots=True, kw_only=True)
class MountedRoute:
    """A route, the context (or `host`) that it belongs to, and who may call it."""

    context: str
    method: str
    path: str
    access: Access
    operation: str
    place: str
    """`module:function` of the endpoint."""
    route: PipelineRoute


def routes_of(assembly: Assembly) -> list[MountedRoute]:
    """Every route of every context, and the host's own. An optional context whose routes break a rule is left out.

    Raises:
        CompositionError: lists every route that breaks a rule.
    """
    while True:
        found, problems = _judged(assembly)
        if not problems:
            return found
        assembly.leave_out(problems)


def _judged(assembly: Assembly) -> tuple[list[MountedRoute], list[Problem]]:
    problems: list[Problem] = []
    found: list[MountedRoute] = []
    for owner, prefix, router in _routers_of(assembly):
        for route in router.routes:
            if isinstance(route, PipelineRoute):
                wrong = list(_problems_of(route, owner, prefix, assembly))
                problems += [replace(problem, contexts=(owner,)) for problem in wrong]
                if not wrong:
                    found += _rows(route, owner)
            else:
                problems.append(_foreign_kind(route, owner))
    return found, [*problems, *_collisions(found)]


def mount(app: FastAPI, assembly: Assembly, routes: Sequence[MountedRoute]) -> None:
    """Guard the routes and add them to the application as they are, so that a request meets no extra layer."""
    guarded: set[int] = set()
    own_writes = OwnWrites(assembly.replica) if assembly.replica is not None else None
    for mounted in routes:
        if id(mounted.route) in guarded:
            continue
        guarded.add(id(mounted.route))
        scope = scope_of_route(mounted.context, mounted.route.methods or ())
        mounted.route.stages = assembly.gate.stages_for(mounted.access, mounted.route.endpoint, scope=scope)
        mounted.route.own_writes = own_writes
        if mounted.access.needs_principal:
            mounted.route.openapi_extra = {"security": [{"bearer": []}], **(mounted.route.openapi_extra or {})}
        if is_idempotent(mounted.route.endpoint):
            mounted.route.openapi_extra = {**idempotency.OPENAPI, **(mounted.route.openapi_extra or {})}
        app.router.routes.append(mounted.route)
    for name in assembly.quarantine.problems:
        close(app, name, routes)
    assembly.when_leaving.append(lambda name: close(app, name, routes))


def close(app: FastAPI, context: str, routes: Iterable[MountedRoute]) -> None:
    """Have everything below a context's prefix answered with 503, and nothing else of it answered at all."""
    theirs = {id(mounted.route) for mounted in routes if mounted.context == context}
    app.router.routes[:] = [route for route in app.router.routes if id(route) not in theirs]
    for path in (f"/v1/{context}", f"/v1/{context}/{{rest:path}}"):
        app.router.routes.append(Route(path, OutOfService(context), include_in_schema=False))


@dataclass(frozen=True, slots=True)
class OutOfService:
    """Answers for a context in quarantine. Why it is there is for operators, and not for callers."""

    context: str

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Refuse.

        Raises:
            UnavailableError: always.
        """
        raise out_of_service(self.context)


def out_of_service(context: str) -> UnavailableError:
    """What is said for a context in quarantine."""
    return UnavailableError(
        f"{context} is out of service on this host. Ask again later.",
        code="context_quarantined",
        retry_after=BACK_IN,
    )


def _routers_of(assembly: Assembly) -> Iterator[tuple[str, str, ContextRouter]]:
    """Every router, who it belongs to, and where its routes must lie. The host's own come first."""
    yield admin.NAME, admin.PREFIX, _own_router(assembly)
    for context in assembly.contexts:
        for router in context.routers:
            yield context.name, f"/v1/{context.name}", router


def _own_router(assembly: Assembly) -> ContextRouter:
    about = tuple(assembly.names)
    if about not in assembly.own_routers:
        hosted = Hosted({context.name: context for context in assembly.contexts}, assembly.clock)
        assembly.own_routers[about] = admin.admin_router(hosted)
    return assembly.own_routers[about]


def _rows(route: PipelineRoute, context: str) -> Iterator[MountedRoute]:
    access = access_of(route.endpoint)
    assert access is not None  # noqa: S101 - held against the rules above
    for method in sorted(route.methods or ()):
        yield MountedRoute(
            context=context,
            method=method,
            path=route.path,
            access=access,
            operation=route.unique_id,
            place=place_of(route.endpoint),
            route=route,
        )


def _problems_of(route: PipelineRoute, context: str, prefix: str, assembly: Assembly) -> Iterator[Problem]:
    subject = f"{'/'.join(sorted(route.methods or ()))} {route.path}"
    source = (place_of(route.endpoint),)
    if not route.path.startswith((f"{prefix}/", WELL_KNOWN)) and route.path != prefix:
        yield Problem(
            subject=subject,
            what=f"lies outside {prefix}",
            sources=source,
            fix=f'build its router as ContextRouter("{context}")',
        )
    yield from unguarded(route.endpoint, subject, context, assembly)
    access = access_of(route.endpoint)
    if access is not None and is_idempotent(route.endpoint) and not access.needs_principal:
        yield Problem(
            subject=subject,
            what="takes an Idempotency-Key from strangers, whose keys nothing keeps apart",
            sources=source,
            fix="drop @idempotent, or ask for a principal",
        )


def _foreign_kind(route: object, context: str) -> Problem:
    return Problem(
        subject=str(getattr(route, "path", route)),
        what=f"is a {type(route).__name__}, which no stage can guard",
        sources=(f"routes of {context}",),
        fix="define it on a ContextRouter, without including other routers or mounting applications",
        contexts=(context,),
    )


def _collisions(routes: Iterable[MountedRoute]) -> Iterator[Problem]:
    """Routes of which the second would never be reached. What its parameters are called makes no other path."""
    first: dict[tuple[str, str], MountedRoute] = {}
    for mounted in routes:
        shape = _PARAMETER_NAME.sub("", mounted.route.path_regex.pattern)
        other = first.setdefault((mounted.method, shape), mounted)
        if other is not mounted:
            yield Problem(
                subject=f"{mounted.method} {mounted.path}",
                what="is defined twice",
                sources=(other.place, mounted.place),
                fix="delete one of them, or give it another path",
                contexts=tuple(dict.fromkeys((other.context, mounted.context))),
            )
