"""The stages that every request passes before its body is read: authenticate, permit, throttle.

Refusing comes first, so that a stranger can neither make us parse a body nor learn which bodies are valid.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractContextManager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from hedgerow_core.application import ALL_ROWS, RowScope
from hedgerow_core.domain import AuthorizationError
from hedgerow_core.http.access import Access
from hedgerow_core.http.authentication import Authentication, demand_confirmed
from hedgerow_core.http.direct import Answer, direct_answer
from hedgerow_core.http.etags import not_modified
from hedgerow_core.http.idempotency import answered_once, is_idempotent
from hedgerow_core.http.json_bodies import JsonRequest
from hedgerow_core.http.origins import CookieMode, OriginCheck
from hedgerow_core.http.own_writes import OwnWrites
from hedgerow_core.http.problems import ERRORS, FORESEEN, problem_of
from hedgerow_core.http.throttling import Throttle
from hedgerow_core.security import KeyAuthority, PermissionTable, Principal, TokenIssuer, TokenVerifier
from hedgerow_core.security.permissions import scope_missing
from hedgerow_core.unseen import unseen

SPANS = "fastapi.telemetry"
"""Is in the scope where FastAPI records spans."""

Stage = Callable[[Request], Awaitable[None]]
"""Lets a request pass, or raises a domain error."""


def building_routes() -> AbstractContextManager[None]:
    """Around FastAPI's building: it looks whether a field is a model of Pydantic 1, and imports all of that.

    It refuses such models. One that somebody has imported before is seen as ever.
    """
    return unseen("pydantic.v1")


class PipelineRoute(APIRoute):
    """A route whose stages the host fits in at start. A route that no host has fitted refuses every request."""

    stages: tuple[Stage, ...] | None = None
    own_writes: OwnWrites | None = None
    """Fitted in where there is a replica."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As a decorator of a router builds it."""
        with building_routes():
            super().__init__(*args, **kwargs)
        answer = direct_answer(self)
        self.is_direct = answer is not None
        """Whether it answers by itself, without what FastAPI puts around a route."""
        if answer is not None:
            self.app = _directly(self._behind_stages(answer), otherwise=self.app)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, behind the stages."""
        return self._behind_stages(super().get_route_handler())

    def _behind_stages(self, answer: Answer) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        repeatable = is_idempotent(self.endpoint)
        takes_body = self.body_field is not None or repeatable

        async def handle(request: Request) -> Response:
            if self.stages is None:
                raise RuntimeError(f"{self.path} was not mounted by a host, so nobody guards it")
            for stage in self.stages:
                await stage(request)
            if takes_body:
                request = JsonRequest(request.scope, request.receive)

            def answered() -> Awaitable[Response]:
                return answered_once(request, self.unique_id, answer) if repeatable else answer(request)

            response = await (self.own_writes.around(request, answered) if self.own_writes else answered())
            return not_modified(request, response) or response

        return handle


def _directly(answer: Answer, *, otherwise: ASGIApp) -> ASGIApp:
    """What answers by itself unless FastAPI is recording spans of what it does."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if SPANS in scope:
            await otherwise(scope, receive, send)
        else:
            request = Request(scope, receive, send)
            try:
                response = await answer(request)
            except FORESEEN as error:
                response = await problem_of(request, error)
            await response(scope, receive, send)

    return app


class ContextRouter(APIRouter):
    """The router of one context: its routes live under `/v1/{context}`, or under `/.well-known`.

    An operation's id is `{context}_{function}`; its tag is the context.
    """

    def __init__(self, context: str, *, prefix: str | None = None) -> None:
        super().__init__(
            prefix=f"/v1/{context}" if prefix is None else prefix,
            tags=[context],
            route_class=PipelineRoute,
            responses=ERRORS,
            generate_unique_id_function=lambda route: f"{context}_{route.name}",
        )


class Gate:
    """Builds the stages of a route out of its access decision and its quotas."""

    def __init__(
        self,
        verifier: TokenVerifier,
        permissions: PermissionTable,
        throttle: Throttle | None = None,
        *,
        keys: Sequence[KeyAuthority] = (),
        cookies: Sequence[CookieMode] = (),
        origins: OriginCheck | None = None,
    ) -> None:
        self._authenticate = Authentication(verifier, keys, cookies=cookies, origins=origins)
        self._permissions = permissions
        self._throttle = throttle

    def believe(
        self,
        issuers: Sequence[TokenIssuer],
        keys: Sequence[KeyAuthority],
        cookies: Sequence[CookieMode],
        *,
        complete: bool = True,
    ) -> None:
        """Let those pass whom these vouch for, and nobody else.

        Not `complete`: somebody on another host has not said yet for whom it vouches, so it is not known of
        everybody that they may not pass.
        """
        self._authenticate.believe(issuers, keys, cookies, complete=complete)

    def stages_for(
        self, access: Access, endpoint: Callable[..., object] | None = None, *, scope: str | None = None
    ) -> tuple[Stage, ...]:
        """The stages, in the order in which a request passes them. `endpoint` may state quotas of its own.

        `scope` is what a key needs where no permission is asked for; without one, no key passes there.
        """
        stages: list[Stage] = []
        if access.needs_principal:
            stages.append(self._authenticate)
        if access.permission is not None:
            stages.append(self._permit(access.permission))
        elif access.needs_login or (access.needs_principal and scope is None):
            stages.append(_demand_login)
        elif access.needs_principal and scope is not None:
            stages.append(_demand_scope(scope))
        if access.all_rows is not None:
            stages.append(self._widen(access.all_rows))
        if self._throttle is not None and endpoint is not None:
            stages.append(self._throttle.stage_for(endpoint))
        return tuple(stages)

    def _permit(self, permission: str) -> Stage:
        async def permit(request: Request) -> None:
            self._permissions.demand(request.state.principal, permission)
            if self._permissions.is_administrative(permission):
                demand_confirmed(request)

        return permit

    def _widen(self, permission: str) -> Stage:
        async def widen(request: Request) -> None:
            if self._permissions.permits(request.state.principal, permission):
                if self._permissions.is_administrative(permission):
                    demand_confirmed(request)
                request.state.rows = ALL_ROWS

        return widen


def _demand_scope(scope: str) -> Stage:
    async def demand(request: Request) -> None:
        scopes = request.state.principal.scopes
        if scopes is not None and scope not in scopes:
            raise scope_missing(scope)

    return demand


async def _demand_login(request: Request) -> None:
    if not request.state.principal.has_logged_in:
        raise AuthorizationError(
            "No key opens this, because it guards the account. Log in, and send the access token.",
            code="login_required",
        )


async def _caller(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


Caller = Annotated[Principal, Depends(_caller)]
"""The principal of a request, for endpoints that are not public."""


async def _rows(request: Request) -> RowScope:
    widened: RowScope | None = getattr(request.state, "rows", None)
    return widened or RowScope(request.state.principal.subject)


Rows = Annotated[RowScope, Depends(_rows)]
"""Whose rows the caller reaches: its own, unless it holds what the access decision names as `all_rows`."""
