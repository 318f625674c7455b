"""A proxy between two hosts that knows what a request is: it says some twice, loses or delays replies, hangs up.

The laboratory's other proxy passes bytes on and can only break what it carries. This one repeats, too.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from hedgerow_core.testing.servers import LOCALHOST

LATE_S = 3.0
"""Longer than a question waits."""
GIVE_UP_S = 60.0
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass(slots=True)
class Stammer:
    """How often what goes wrong, as chances per request, and how often it went."""

    seed: int
    twice: float = 0.0
    """The request arrives twice; the second reply is the one that comes back."""
    lost: float = 0.0
    """The request arrives, and its reply never comes."""
    late: float = 0.0
    """The reply comes when nobody waits for it any more."""
    refused: float = 0.0
    """The request does not arrive."""
    happened: Counter[str] = field(default_factory=Counter)
    _dice: random.Random = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)

    def throw(self) -> str:
        """What goes wrong with this request; empty if nothing does."""
        with self._lock:
            number = self._dice.random()
            for fault in ("twice", "lost", "late", "refused"):
                number -= getattr(self, fault)
                if number < 0:
                    self.happened[fault] += 1
                    return fault
            return ""


@contextmanager
def stammering(port: int, stammer: Stammer) -> Iterator[int]:
    """A proxy in front of this port; yields its own."""
    with httpx.Client(base_url=f"http://{LOCALHOST}:{port}", timeout=GIVE_UP_S) as client:
        server = _Server((LOCALHOST, 0), _handler(client, stammer))
        thread = threading.Thread(target=server.serve_forever, name="stammering")
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked was killed, which is none of our errors; any other is told as ever."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _handler(client: httpx.Client, stammer: Stammer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def _pass_on(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault = stammer.throw()
            try:
                answer = None if fault == "refused" else self._asked(content, times=1 + (fault == "twice"))
            except httpx.TransportError:
                answer = None  # its host is dead
            if answer is None or fault == "lost":
                self.close_connection = True
                return
            if fault == "late":
                time.sleep(LATE_S)
            self._answer(answer)

        def _asked(self, content: bytes, *, times: int) -> httpx.Response:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            for _ in range(times):
                answer = client.request(self.command, self.path, content=content, headers=headers)
            return answer

        def _answer(self, answer: httpx.Response) -> None:
            content = answer.content
            try:
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name not in _HOP_BY_HOP | {"content-encoding", "date", "server"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # who asked has given up

        def log_message(self, format: str, *arguments: object) -> None:
            """Nobody reads it."""

    return Handler
