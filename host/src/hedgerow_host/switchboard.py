"""Finds the route of a request without trying all of them, and hands it over without detours.

A host has a hundred routes and more, and looking through them took as long as a tenth of a request; the more
contexts, the longer. Whatever is not one of the contexts' plain routes goes FastAPI's way.
"""

from __future__ import annotations

from functools import lru_cache
from typing import final

from fastapi.routing import APIRouter
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hedgerow_core.http.pipeline import SPANS, PipelineRoute

_PREFIX = 3
"""Of `/v1/billing/…`, the part that tells one context's routes from another's."""
_KEPT = 512


@final
class Switchboard:
    """Stands before a router (pure ASGI). What is `otherwise` ends in the same router, and knows everything."""

    def __init__(self, router: APIRouter, otherwise: ASGIApp) -> None:
        self._router = router
        self._otherwise = otherwise
        self._near = lru_cache(maxsize=_KEPT)(self._routes_near)
        self._written_out: dict[tuple[str, str], PipelineRoute] = {}
        """Routes without parameters that were asked for: a look-up finds them. As many as there are routes."""
        self._looked_at: tuple[int, BaseRoute | None] = (0, None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] == "http" and SPANS not in scope and not scope.get("root_path"):
            route = self._route_of(scope)
            if route is not None:
                await route.app(scope, receive, send)
                return
        await self._otherwise(scope, receive, send)

    def _route_of(self, scope: Scope) -> PipelineRoute | None:
        """The route, if it answers by itself; the scope then says what it has found."""
        self._forget_if_changed()
        path: str = scope["path"]
        known = self._written_out.get((scope["method"], path))
        if known is not None:
            scope["path_params"], scope["endpoint"], scope["route"] = {}, known.endpoint, known
            return known
        for route in self._near(path.count("/"), "/".join(path.split("/", _PREFIX)[:_PREFIX])):
            match, found = route.matches(scope)
            if match is Match.FULL:
                if not (isinstance(route, PipelineRoute) and route.is_direct):
                    return None
                scope.update(found)
                if route.path == path:
                    self._written_out[scope["method"], path] = route
                return route
        return None

    def _forget_if_changed(self) -> None:
        """A context that leaves takes its routes along, and one that says so comes last."""
        routes = self._router.routes
        known, last = self._looked_at
        if known != len(routes) or (routes and routes[-1] is not last):
            self._looked_at = (len(routes), routes[-1] if routes else None)
            self._near.cache_clear()
            self._written_out.clear()

    def _routes_near(self, slashes: int, prefix: str) -> tuple[BaseRoute, ...]:
        """The routes that a path with so many slashes and this beginning may mean, in their order."""
        return tuple(route for route in self._router.routes if _may_mean(route, slashes, prefix))


def _may_mean(route: BaseRoute, slashes: int, prefix: str) -> bool:
    if not isinstance(route, Route) or ":path}" in route.path:
        return True
    if route.path.count("/") != slashes:
        return False
    parts = zip(prefix.split("/"), route.path.split("/"), strict=False)
    return all(wanted == part or "{" in part for wanted, part in parts)
