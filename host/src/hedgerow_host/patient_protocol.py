"""How long and for how much we listen to a connection, and how long it may take to listen to us.

uvicorn waits for ever, for headers and for somebody to read an answer, and its parser takes headers of any size.
All that ends here: an application only learns of a request when its headers are complete, and nothing of how its
answer is read. Bodies are bounded by `RequestBoundary`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from http import HTTPStatus
from time import monotonic
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hedgerow_core.http import problem_response
from hedgerow_core.http.middleware import LINGER_S
from hedgerow_core.http.security_headers import security_headers
from hedgerow_core.observability.tracing import new_traceparent, trace_id_in
from hedgerow_host.whole_answers import WholeAnswer

HEADERS_WITHIN_S = 5.0
"""From the first byte of a request, or from connecting. No client that works needs one."""
MAX_HEADER_BYTES = 32 * 1024
"""Target and fields together: four times what most proxies pass on; a list of 500 ids as filter fits."""
MAX_HEADERS = 100
READ_WITHIN_S = 30.0
READ_AT_LEAST_BYTES = 64 * 1024
"""So much of an answer is read within so long, or all that is left. Slower readers hold our memory for nothing."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a deadline and a bound for headers, and a deadline for reading answers.

    Beyond the bound there is a 431; beyond a deadline the connection ends. uvicorn also stops a clock for each
    request that comes and winds up another with the answer, which takes 5% of a short one: here one runs on, and
    when it is over, it looks since when nothing has come.
    """

    headers_within_s: ClassVar[float] = HEADERS_WITHIN_S
    read_within_s: ClassVar[float] = READ_WITHIN_S

    _deadline: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None
    _answered_at = 0.0
    """When the last answer was given."""
    _unread = 0
    _header_bytes = 0
    _largest = 0
    """What came at once: the end of a body, or whole requests, and the beginning of this one's headers, perhaps."""
    _offered = False
    """Whether somebody has offered another protocol: they are answered in this one, and it ends the connection."""
    _in_headers = False
    _in_body = False
    _refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """A connection begins: its first headers are due."""
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection has ended."""
        self._expect_nothing()
        self._expect_no_reading()
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def data_received(self, data: bytes) -> None:
        """Bytes have come: of headers, of a body, or the rest of a body whose request is answered already."""
        if self._refused or self._offered:
            return
        self._largest = max(self._largest, len(data))
        if not self._in_body:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers or self._is_idle():  # else a request has come as a whole, as nearly all do
            self._expect_headers()
        if self._header_bytes > MAX_HEADER_BYTES and not self._in_body:
            self._refuse()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._in_headers = True

    def on_headers_complete(self) -> None:
        """The headers are here: hand the request on, unless they are too much."""
        self._expect_nothing()
        may_be_large = self._header_bytes + self._largest > MAX_HEADER_BYTES
        self._in_headers, self._in_body, self._header_bytes = False, True, 0
        if len(self.headers) > MAX_HEADERS or (may_be_large and self._size() > MAX_HEADER_BYTES):
            self._refuse()
        elif self.parser.get_http_version() == "1.1" and not self._names_one_host():
            self._refuse_with(
                HTTPStatus.BAD_REQUEST,
                code="host_missing",
                detail="HTTP/1.1 demands one Host field (RFC 9112 §3.2). Send one.",
            )
        elif self.parser.should_upgrade() and self._announces_body():
            self._refuse_with(
                HTTPStatus.BAD_REQUEST,
                code="bad_request",
                detail="A body that comes with an offer to switch protocols is not read. Send it without Upgrade.",
            )
        if not self._refused:
            before = self.cycle
            super().on_headers_complete()
            if self.cycle is not before and self.scope["method"] != "HEAD" and not self.expect_100_continue:
                self.cycle.transport = WholeAnswer(self.transport)
            if self.parser.should_upgrade():
                # The parser takes what follows for the other protocol: none of it may become a request.
                self._offered, self.cycle.keep_alive = True, False

    def on_body(self, body: bytes) -> None:
        """A part of a body."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._in_body = False
        if not self._refused:
            super().on_message_complete()

    def pause_writing(self) -> None:
        """An answer is larger than what the network takes at once: the rest waits for its reader."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """Enough was read for us to write on."""
        self._expect_no_reading()
        super().resume_writing()

    def on_response_complete(self) -> None:
        """A request is answered. Whoever sent the beginning of another one ahead has the full time from now."""
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
            else:
                self._answered_at = monotonic()
                if self.timeout_keep_alive_task is None:
                    self._wind_up_clock(self.timeout_keep_alive)
        self._expect_reading()
        if self._deadline is not None:
            self._expect_nothing()
            self._expect_headers()

    def timeout_keep_alive_handler(self) -> None:
        """An answer was given so long ago. Whoever has asked again meanwhile has not been silent.

        A request that is in work winds it up again with its answer; for what has begun to come,
        and for who was refused and may still be sending, there are others.
        """
        self.timeout_keep_alive_task = None
        if self._is_idle() and self._deadline is None and not self._refused:
            left_s = self._answered_at + self.timeout_keep_alive - monotonic()
            if left_s > 0:
                self._wind_up_clock(left_s)
            else:
                super().timeout_keep_alive_handler()

    def _wind_up_clock(self, within_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(within_s, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        """The clock runs on when something comes."""

    def _unsupported_upgrade_warning(self) -> None:
        """Who offers another protocol is answered in this one (RFC 9110 §7.8), and writes no lines into our log."""

    def _should_upgrade(self) -> bool:
        return not self._refused and super()._should_upgrade()

    def _is_idle(self) -> bool:
        """Whether no request is in work, so that all we wait for is the next."""
        return not self.pipeline and (self.cycle is None or self.cycle.response_complete)

    def _is_between_requests(self) -> bool:
        """Whether the parser holds nothing, and would see in what comes now the first byte of a request."""
        begun = self._in_headers or self._in_body or self._header_bytes
        return self._is_idle() and not (begun or self._refused or self._offered)

    def _expect_headers(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.headers_within_s, self._too_slow)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expect_reading(self) -> None:
        self._expect_no_reading()
        self._unread = self.transport.get_write_buffer_size()
        if self._unread:
            self._reading = self.loop.call_later(self.read_within_s, self._look_whether_read)

    def _expect_no_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _look_whether_read(self) -> None:
        left = self.transport.get_write_buffer_size()
        if left and self._unread - left < READ_AT_LEAST_BYTES:
            self._reset()
        else:
            self._expect_reading()

    def _reset(self) -> None:
        """Throw away what is unread, the operating system's part too, which would otherwise wait for the reader."""
        line: socket.socket = self.transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _too_slow(self) -> None:
        self._deadline = None
        if self._is_idle():
            self.transport.close()
        else:
            self._expect_headers()  # sent ahead, behind a request that is in work: not their fault

    def send_400_response(self, msg: str) -> None:
        """What can't be read as HTTP, or as its body. uvicorn would say so in plain text."""
        cycle = self.cycle
        if self._in_body and cycle is not None and not cycle.response_started and not self.pipeline:
            # The request of this body gets no other answer: for whoever works on it, its sender is gone.
            cycle.disconnected = cycle.response_complete = True
            cycle.message_event.set()
        self._refuse_with(HTTPStatus.BAD_REQUEST, code="bad_request", detail=f"{msg} Send well-formed HTTP/1.1.")

    def _size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _announces_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in self.headers
        )

    def _names_one_host(self) -> bool:
        return [name for name, _ in self.headers].count(b"host") == 1

    def _refuse(self) -> None:
        self._refuse_with(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            code="headers_too_large",
            detail=f"Target and headers may have at most {MAX_HEADER_BYTES} bytes and {MAX_HEADERS} fields.",
        )

    def _refuse_with(self, status: HTTPStatus, *, code: str, detail: str) -> None:
        if self._refused:
            return
        self._refused = True
        self._expect_nothing()
        if not self._is_idle():
            self.transport.close()  # an answer would get mixed up with the one that is on its way
            return
        answer = problem_response(
            trace_id_in(new_traceparent()),
            status=status,
            code=code,
            detail=detail,
            headers={"Connection": "close"},
        )
        headers = [*answer.raw_headers, *security_headers({"scheme": self.scheme or "http"}, answer.raw_headers)]
        fields = b"".join(b"%b: %b\r\n" % field for field in headers)
        self.transport.write(STATUS_LINE[answer.status_code] + fields + b"\r\n" + bytes(answer.body))
        self._hear_no_more()

    def _hear_no_more(self) -> None:
        """What is written was the last answer; what still comes is thrown away, so that it can be read."""
        self._refused = True
        if self.transport.can_write_eof():
            with suppress(OSError):  # they have gone in this moment, which we are about to hear
                self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)
