"""Bounds how many requests run at once (pure ASGI): who is not let in is turned away with word when to come again.

The server's protocol may have asked before there was anything to run, which is cheaper, and says so by a `Place`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hedgerow_core.http.admission import Admission, is_exempt
from hedgerow_core.http.problems import problem_response
from hedgerow_core.http.request_identity import identify, trace_id_of
from hedgerow_core.http.security_headers import Header, security_headers

RETRY_AFTER_S = 1
PLACE = "admission.place"
"""Where the scope of a request has its `Place`."""
_TRACE_ID = "0" * 32


@final
@dataclass(slots=True)
class Place:
    """What the server's protocol has heard for a request."""

    let_in: bool
    """A place is taken for it; otherwise it is to be turned away."""
    minded: bool = False
    """Whoever sets this gives the place back. A layer further out may have answered by itself."""


@final
class LoadShedding:
    """Lets in whom `admission` lets in.

    While we wait for the caller, for its body or for it to read the answer, a request gives its place back: slow
    callers keep nobody out.
    """

    def __init__(self, app: ASGIApp, *, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry."""
        if scope["type"] != "http" or is_exempt(scope["path"]):
            await self._app(scope, receive, send)
            return
        place: Place | None = scope.get(PLACE)
        if place is None:
            place = Place(self._admission.enter() or await self._waited())
        place.minded = True
        if place.let_in:
            await self._run(scope, receive, send)
        else:
            await self._turn_away(scope, send)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        all_here, admission = False, self._admission

        async def from_caller() -> Message:
            nonlocal all_here
            if all_here:  # what comes now is the end of the connection; some watch for it while they work
                return await receive()
            admission.leave()
            try:
                message = await receive()
            finally:
                admission.come_back()
            all_here = not message.get("more_body", False)
            return message

        async def to_caller(message: Message) -> None:
            admission.leave()
            try:
                await send(message)
            finally:
                admission.come_back()

        try:
            await self._app(scope, from_caller, to_caller)
        finally:
            admission.leave()

    async def _waited(self) -> bool:
        """Whether a place came free in time; it is taken then."""
        told: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def tell(let_in: bool) -> None:
            if not told.done():
                told.set_result(let_in)
            elif let_in:  # broken off a moment ago
                self._admission.leave()

        if not self._admission.wait(tell):
            return False
        try:
            return await told
        except asyncio.CancelledError:
            if told.cancelled():
                self._admission.give_up(tell)
            elif told.result():
                self._admission.leave()
            raise

    async def _turn_away(self, scope: Scope, send: Send) -> None:
        self._admission.count_refused()
        cause = identify(scope)
        headers, body = refusal(
            request_id=cause.request_id or "", trace_id=trace_id_of(scope), scheme=scope["scheme"]
        )
        await send({"type": "http.response.start", "status": HTTPStatus.SERVICE_UNAVAILABLE, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def refusal(*, request_id: str, trace_id: str, scheme: str) -> tuple[list[Header], bytes]:
    """What somebody hears who is turned away, with the status 503. Made at start but for the two ids."""
    own = (b"x-request-id", request_id.encode())
    headers = [*_HEADERS, own, *security_headers({"scheme": scheme}, _HEADERS)]
    return headers, _BODY.replace(_TRACE_ID.encode(), trace_id.encode())


_ANSWER = problem_response(
    _TRACE_ID,
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    code="overloaded",
    detail=f"More requests have come than can be served. Try again in {RETRY_AFTER_S} s.",
    headers={"Retry-After": str(RETRY_AFTER_S)},
)
_HEADERS, _BODY = tuple(_ANSWER.raw_headers), bytes(_ANSWER.body)
