"""Admission where the connection is: who has to wait, or is turned away, costs no task and none of the application.

In the application a refusal costs some 0.3 ms, a tenth of serving somebody: at five times the capacity that is half
of all there is. Here it costs what it takes to read the request and to write prepared bytes.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from hedgerow_core.http.admission import Admission, Waiting, is_exempt
from hedgerow_core.http.shedding import PLACE, Place, refusal
from hedgerow_host.draining import CLOSE
from hedgerow_host.patient_protocol import PatientProtocol

ADMISSION = "admission"
"""In the state of an application: who lets its requests in. Without one, all run."""
OTHER_ORIGINS = "other_origins"
"""There, too: whether pages of other origins may call."""


class AdmittingProtocol(PatientProtocol):
    """Starts a request when it has a place.

    Where pages of other origins may call, the application turns them away, which knows how to tell a browser.
    """

    _waiting: Waiting | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        app = self.config.app
        self._admission: Admission | None = (
            getattr(app.state, ADMISSION, None) if isinstance(app, FastAPI) else None
        )
        self._answers_browsers = isinstance(app, FastAPI) and getattr(app.state, OTHER_ORIGINS, False)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection has ended: nobody waits there any more."""
        if self._waiting is not None and self._admission is not None:
            self._admission.give_up(self._waiting)
            self._waiting = None
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        admission = self._admission
        if admission is None or is_exempt(cycle.scope["path"]):
            super()._start_asgi_task(cycle, app)
        elif admission.enter():
            self._start(cycle, app, let_in=True)
        else:
            self._wait(admission, cycle, app)

    def _wait(self, admission: Admission, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        def tell(let_in: bool) -> None:
            self._waiting = None
            if cycle.disconnected or cycle.response_complete:  # its body could not be read, and it knows
                if let_in:
                    admission.leave()
            elif let_in or self._is_of_a_page(cycle):
                self._start(cycle, app, let_in=let_in)
            else:
                admission.count_refused()
                self._turn_away(cycle)

        if admission.wait(tell):
            self._waiting = tell
        else:
            self.loop.call_soon(tell, False)  # when all is read that has come with it

    def _start(self, cycle: RequestResponseCycle, app: ASGI3Application, *, let_in: bool) -> None:
        admission, place = self._admission, Place(let_in)

        async def placed(scope: Any, receive: Any, send: Any) -> None:
            scope[PLACE] = place
            try:
                await app(scope, receive, send)
            finally:
                if admission is not None and place.let_in and not place.minded:
                    admission.leave()

        super()._start_asgi_task(cycle, placed)

    def _is_of_a_page(self, cycle: RequestResponseCycle) -> bool:
        return self._answers_browsers and any(name == b"origin" for name, _ in cycle.scope["headers"])

    def _as_seen_by_caller(self, cycle: RequestResponseCycle) -> Scope:
        """Whether it came by https, a proxy says; believed for the one answer to who says so."""
        scope: Scope = {**cycle.scope}
        if self.config.proxy_headers and (b"x-forwarded-proto", b"https") in scope["headers"]:
            scope["scheme"] = "https"
        return scope

    def _turn_away(self, cycle: RequestResponseCycle) -> None:
        headers, body = refusal(self._as_seen_by_caller(cycle))
        default = self.server_state.default_headers
        stays = cycle.keep_alive and not cycle.more_body and CLOSE not in default
        if not stays and CLOSE not in default:
            headers.append(CLOSE)
        fields = b"".join([b"%b: %b\r\n" % field for field in (*default, *headers)])
        content = b"" if cycle.scope["method"] == "HEAD" else body
        self.transport.write(b"".join((STATUS_LINE[HTTPStatus.SERVICE_UNAVAILABLE], fields, b"\r\n", content)))
        cycle.response_started = cycle.response_complete = True
        if cycle.more_body:
            self._hear_no_more()
        elif not stays:
            self.transport.close()
        self.on_response_complete()
