"""A real receiver on this machine: it keeps what it is sent, and answers as it is told."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True, slots=True)
class Received:
    """One request, as it came."""

    headers: dict[str, str]
    """By name in lower case."""
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


def status(code: int, text: bytes = b"", **headers: str) -> Answer:
    """Answer this, at once."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in {"content-length": str(len(text)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(text)

    return answer


def endless(*, head: bool, chunk: bytes = b"x", pause_s: float = 0.05) -> Answer:
    """Write a little again and again, of the body or of the head, and never come to an end."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        if not head:
            request.send_response(200)
            request.end_headers()
        else:
            request.wfile.write(b"HTTP/1.1 200 OK\r\n")
        try:
            while True:
                request.wfile.write(b"x-more: x\r\n" if head else chunk)
                request.wfile.flush()
                time.sleep(pause_s)
        except OSError:
            return  # the sender has had enough

    return answer


def silent_until(event: threading.Event) -> Answer:
    """Say nothing before the event; then that all is well."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        event.wait(60)
        try:
            status(200)(request)
        except OSError:
            return  # the sender is gone

    return answer


def cut_off(request: BaseHTTPRequestHandler) -> None:
    """Close the connection amid the head."""
    request.wfile.write(b"HTTP/1.1 200")
    request.wfile.flush()
    request.connection.shutdown(socket.SHUT_RDWR)


class Receiver:
    """Starts when entered. `answers` are used up one by one; the last one stays."""

    def __init__(self, *answers: Answer, certificate: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.answers = list(answers) or [status(204)]
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                receiver.received.append(Received({k.lower(): v for k, v in self.headers.items()}, body))
                answers = receiver.answers
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                answer(self)

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign] # a sender that goes is no error
        if certificate is not None:
            self._server.socket = certificate.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def now_answers(self, *answers: Answer) -> None:
        """From now on."""
        self.answers[:] = answers

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_args: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
