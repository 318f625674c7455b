"""Admission where the connection is: who has to wait, or is turned away, costs no task and none of the application.

In the application a refusal costs some 0.3 ms, a tenth of serving somebody: at five times the capacity that is half
of all there is. Here whoever comes when no place is free stays unread until there is one: a refusal costs a look at
the fields and the writing of prepared bytes. What comes in pieces, or with others, waits as a parsed head.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import copy_context
from typing import Any

from fastapi import FastAPI
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from hedgerow_core.http.admission import Admission, Waiting, is_exempt
from hedgerow_core.http.security_headers import Header
from hedgerow_core.http.shedding import PLACE, Place
from hedgerow_host.draining import CLOSE
from hedgerow_host.patient_protocol import MAX_HEADER_BYTES, PatientProtocol
from hedgerow_host.refusals import refusal_to
from hedgerow_host.unread_request import WholeRequest, may_be_whole, path_in, whole_request

ADMISSION = "admission"
"""In the state of an application: who lets its requests in. Without one, all run."""
OTHER_ORIGINS = "other_origins"
"""There, too: whether pages of other origins may call."""


class AdmittingProtocol(PatientProtocol):
    """Starts a request when it has a place.

    Where pages of other origins may call, the application turns them away, which knows how to tell a browser.
    """

    _waiting: Waiting | None = None
    _put_off: bytes | None = None
    """What waits without having been read."""
    _let_in: bool | None = None
    """What the request has heard that is being read after it has waited."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Whoever gives a place back lets others in: what they began would inherit that request's variables.
        self._context = copy_context()
        app = self.config.app
        self._admission: Admission | None = (
            getattr(app.state, ADMISSION, None) if isinstance(app, FastAPI) else None
        )
        self._answers_browsers = isinstance(app, FastAPI) and getattr(app.state, OTHER_ORIGINS, False)

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection has ended: nobody waits there any more."""
        self._leave_line()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come. What can't be served yet is left unread; if more follows, all is read."""
        if self._put_off is not None:
            super().data_received(self._leave_line() + data)
        elif not self._puts_off(data):
            super().data_received(data)

    def shutdown(self) -> None:
        """The server ends when all requests are answered, one that nobody has read, too."""
        if self._put_off is not None:
            super().data_received(self._leave_line())
        super().shutdown()

    def _is_idle(self) -> bool:
        return self._put_off is None and super()._is_idle()

    def _puts_off(self, data: bytes) -> bool:
        """Have these bytes wait, or be turned away, as they are; False if they must be read."""
        admission = self._admission
        if admission is None or not admission.is_full or not self._is_between_requests():
            return False
        if len(data) > MAX_HEADER_BYTES or not may_be_whole(data) or is_exempt(path_in(data)):
            return False
        self._expect_nothing()
        self._put_off = data
        if admission.wait(self._tell_put_off):
            self._waiting = self._tell_put_off
        else:
            self._tell_put_off(False)
        return True

    def _tell_put_off(self, let_in: bool) -> None:
        data, self._put_off, self._waiting = self._put_off, None, None
        if data is None or self._admission is None:
            return
        request = None if let_in else whole_request(data)
        if request is not None and not self._is_of_a_page(request.headers):
            self._turn_away_unread(self._admission, request)
            return
        self._let_in = let_in
        super().data_received(data)
        if self._let_in is not None:  # not started: the protocol has answered what it could not read
            self._let_in = None
            if let_in:
                self._admission.leave()

    def _leave_line(self) -> bytes:
        """Wait no longer, and return what was left unread."""
        if self._waiting is not None and self._admission is not None:
            self._admission.give_up(self._waiting)
        data, self._put_off, self._waiting = self._put_off, None, None
        return data or b""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        admission, let_in = self._admission, self._let_in
        if admission is None or is_exempt(cycle.scope["path"]):
            self._begin(cycle, app)
            return
        self._let_in = None
        if let_in or (let_in is None and admission.enter()):
            self._start(cycle, app, let_in=True)
        else:
            self._wait(admission, cycle, app, in_line=let_in is None)

    def _wait(
        self, admission: Admission, cycle: RequestResponseCycle, app: ASGI3Application, *, in_line: bool
    ) -> None:
        def tell(let_in: bool) -> None:
            self._waiting = None
            if cycle.disconnected or cycle.response_complete:  # its body could not be read, and it knows
                if let_in:
                    admission.leave()
            elif let_in or self._is_of_a_page(cycle.scope["headers"]):
                self._start(cycle, app, let_in=let_in)
            else:
                self._turn_away(admission, cycle)

        if in_line and admission.wait(tell):
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

        self._begin(cycle, placed)

    def _begin(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._context.run(super()._start_asgi_task, cycle, app)

    def _is_of_a_page(self, headers: Iterable[Header]) -> bool:
        return self._answers_browsers and any(name == b"origin" for name, _ in headers)

    @property
    def _ends(self) -> bool:
        """Whether the server drains: every connection ends with its answer."""
        return CLOSE in self.server_state.default_headers

    def _turn_away_unread(self, admission: Admission, request: WholeRequest) -> None:
        if not self._shed(admission, request.headers, request.method, request.stays):
            self.transport.close()
        self.on_response_complete()

    def _turn_away(self, admission: Admission, cycle: RequestResponseCycle) -> None:
        may_stay = cycle.keep_alive and not cycle.more_body
        stays = self._shed(admission, cycle.scope["headers"], cycle.scope["method"], may_stay)
        cycle.response_started = cycle.response_complete = True
        if cycle.more_body:
            self._hear_no_more()
        elif not stays:
            self.transport.close()
        self.on_response_complete()

    def _shed(self, admission: Admission, headers: Iterable[Header], method: str, may_stay: bool) -> bool:
        """Count and write a refusal; returns whether the connection outlives it, which it says."""
        admission.count_refused()
        stays = may_stay and not self._ends
        if self.flow.write_paused:  # who asks on and on and reads nothing: there is nobody who could wait for it
            self._reset()
        else:
            # Whether it came by https, a proxy says; believed for the one answer to who says so.
            by_https = self.config.proxy_headers and (b"x-forwarded-proto", b"https") in headers
            answer = refusal_to(
                headers,
                servers=self.server_state.default_headers,
                scheme="https" if by_https else self.scheme or "http",
                has_body=method != "HEAD",
                closes=not stays and not self._ends,
            )
            self.transport.write(answer)
        return stays
