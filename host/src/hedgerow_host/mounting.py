"""Puts the contexts' routes behind the gate and into the application, after holding them against the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi import FastAPI

from hedgerow_core.application.bus import place_of
from hedgerow_core.http import Access, ContextRouter, PipelineRoute, access_of, idempotency
from hedgerow_core.http.idempotency import is_idempotent
from hedgerow_core.security import scope_of_route
from hedgerow_host.admin import routes as admin
from hedgerow_host.admin.hosted import Hosted
from hedgerow_host.assembly import Assembly
from hedgerow_host.problems import CompositionError, Problem

WELL_KNOWN = "/.well-known/"
"""RFC 8615: the one place outside `/v1/{context}` where a context may answer."""


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
    """Every route of every context, and the host's own.

    Raises:
        CompositionError: lists every route that breaks a rule.
    """
    problems: list[Problem] = []
    found: list[MountedRoute] = []
    for owner, prefix, router in _routers_of(assembly):
        for route in router.routes:
            if isinstance(route, PipelineRoute):
                wrong = list(_problems_of(route, owner, prefix, assembly))
                problems += wrong
                if not wrong:
                    found += _rows(route, owner)
            else:
                problems.append(_foreign_kind(route, owner))
    problems += _collisions(found)
    if problems:
        raise CompositionError(problems)
    return found


def mount(app: FastAPI, assembly: Assembly, routes: Iterable[MountedRoute]) -> None:
    """Guard the routes and add them to the application as they are, so that a request meets no extra layer."""
    guarded: set[int] = set()
    for mounted in routes:
        if id(mounted.route) in guarded:
            continue
        guarded.add(id(mounted.route))
        scope = scope_of_route(mounted.context, mounted.route.methods or ())
        mounted.route.stages = assembly.gate.stages_for(mounted.access, mounted.route.endpoint, scope=scope)
        if mounted.access.needs_principal:
            mounted.route.openapi_extra = {"security": [{"bearer": []}], **(mounted.route.openapi_extra or {})}
        if is_idempotent(mounted.route.endpoint):
            mounted.route.openapi_extra = {**idempotency.OPENAPI, **(mounted.route.openapi_extra or {})}
        app.router.routes.append(mounted.route)


def _routers_of(assembly: Assembly) -> Iterator[tuple[str, str, ContextRouter]]:
    """Every router, who it belongs to, and where its routes must lie. The host's own come first."""
    hosted = Hosted({context.name: context for context in assembly.contexts}, assembly.clock)
    yield admin.NAME, admin.PREFIX, admin.admin_router(hosted)
    for context in assembly.contexts:
        for router in context.routers:
            yield context.name, f"/v1/{context.name}", router


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
    access = access_of(route.endpoint)
    if access is None:
        yield Problem(
            subject=subject,
            what="does not say who may call it",
            sources=source,
            fix="mark its endpoint @public, @authenticated, @logged_in or @permitted(...)",
        )
        return
    if is_idempotent(route.endpoint) and not access.needs_principal:
        yield Problem(
            subject=subject,
            what="takes an Idempotency-Key from strangers, whose keys nothing keeps apart",
            sources=source,
            fix="drop @idempotent, or ask for a principal",
        )
    for permission in (access.permission, access.all_rows):
        if permission is not None and permission not in assembly.permissions:
            yield Problem(
                subject=subject,
                what=f"demands the permission {permission}, which no context declares",
                sources=source,
                fix=f"declare it in the manifest of {context}, or correct its name",
            )


def _foreign_kind(route: object, context: str) -> Problem:
    return Problem(
        subject=str(getattr(route, "path", route)),
        what=f"is a {type(route).__name__}, which no stage can guard",
        sources=(f"routes of {context}",),
        fix="define it on a ContextRouter, without including other routers or mounting applications",
    )


def _collisions(routes: Iterable[MountedRoute]) -> Iterator[Problem]:
    first: dict[tuple[str, str], MountedRoute] = {}
    for mounted in routes:
        other = first.setdefault((mounted.method, mounted.path), mounted)
        if other is not mounted:
            yield Problem(
                subject=f"{mounted.method} {mounted.path}",
                what="is defined twice",
                sources=(other.place, mounted.place),
                fix="delete one of them, or give it another path",
            )
