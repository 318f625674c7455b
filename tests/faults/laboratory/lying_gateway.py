"""A server that speaks as much of Stripe's API as our adapter does, keeps honest books, and lies about them.

What it does to whom is thrown with dice that depend on seed, key and attempt alone, so it is the same in any order.
For one test at a time, `next` says what happens to the requests that come.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from hedgerow_core.testing.servers import LOCALHOST, free_port
from tests.faults.laboratory.gateway_books import KEY, Books, Json, Refused
from tests.processes import NO_TLS

API_KEY, WEBHOOK_SECRET, METHOD = "sk_test_of_the_laboratory", "whsec_of_the_laboratory", "pm_card_visa"
SENT_AGAIN = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts to send a notice that was not taken."""


@dataclass(frozen=True, slots=True)
class Lies:
    """How often it does what, from 0 to 1."""

    silent_after: float = 0.0
    """It takes the money and doesn't answer."""
    fails: float = 0.0
    """It answers 500: half of the times before it took the money, half after."""
    declines: float = 0.0
    repeats: float = 0.0
    """A notice comes twice."""
    reorders: float = 0.0
    """A notice comes before the answer, or long after the next ones."""
    slanders: float = 0.0
    """A signed notice says that a charge failed which did not."""


HONEST = Lies()


@dataclass(slots=True)
class LyingGateway:
    """Start it, name its `url` to the adapter, and compare with its `books` afterwards."""

    seed: int = 0
    lies: Lies = HONEST
    books: Books = field(default_factory=Books)
    silence_s: float = 1.0
    """Longer than its callers wait."""
    late_s: float = 1.5
    notices_to: str | None = None
    """The address of our webhook; None: it sends no notices."""
    sent: Counter[str] = field(default_factory=Counter)
    """What it did, by name: so that an experiment can show that it did lie."""
    asked: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    """Every request: method, path, members."""
    history: list[dict[str, object]] = field(default_factory=list)
    """When which key was asked to move money, and what came of it."""
    _next: deque[str] = field(default_factory=deque)
    _tries: Counter[str] = field(default_factory=Counter)
    _port: int = field(default_factory=free_port)
    _server: ThreadingHTTPServer | None = None
    _post: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOCALHOST}:{self._port}"

    @property
    def settings(self) -> dict[str, str]:
        """How a host is told to use it."""
        return {
            "BILLING_GATEWAY": "stripe",
            "BILLING_STRIPE_API_KEY": API_KEY,
            "BILLING_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "BILLING_STRIPE_PAYMENT_METHOD": METHOD,
            "BILLING_STRIPE_API_BASE": self.url,
            "BILLING_STRIPE_TIMEOUT_S": str(self.silence_s / 2),
        }

    def __enter__(self) -> LyingGateway:
        self._server = _Server((LOCALHOST, self._port), _handler_of(self))
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_failure: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._post.shutdown(wait=False, cancel_futures=True)

    def next(self, *behaviours: str) -> None:
        """What happens to the next requests that create something, one each.

        `silent_after`, `silent_before`, `hangs_up`, `fails_before`, `fails_after`, `declines:<decline code>`,
        `becomes:<status>`, `says:<status>`, `garbage`; or `honest`.
        """
        self._next.extend(behaviours)

    # Answering

    def answer(self, method: str, path: str, members: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """What it says to a request, after it did what was asked; or didn't."""
        self.asked.append((method, path, members))
        if headers.get("authorization") != f"Bearer {API_KEY}":
            raise Refused(401, "invalid_request_error")
        match method, path.split("/")[2:]:
            case "POST", ["payment_intents" | "refunds" as what]:
                return self._create(what, members, headers.get("idempotency-key"))
            case "GET", ["payment_intents", "search"]:
                found = self.books.search(members["query"])
                return Reply(200, {"object": "search_result", "data": found, "has_more": False, "url": path})
            case "GET", ["payment_intents", id]:
                return Reply(200, self.books.intent(id))
            case "POST", ["payment_intents", id, "cancel"]:
                return Reply(200, self.books.cancel(id))
            case "GET", ["refunds"]:
                found = self.books.refunds_of(members["payment_intent"])
                return Reply(200, {"object": "list", "data": found, "has_more": False, "url": path})
        raise Refused(404, "invalid_request_error", "url_invalid")

    def _create(self, what: str, members: Mapping[str, str], key: str | None) -> Reply:
        behaviour = self._behaviour(key)
        name, _, detail = behaviour.partition(":")
        self.sent[name] += 1
        self.history.append({"at": time.time(), "key": key, "did": behaviour})
        if name == "says":
            raise Refused(int(detail), "api_error")
        if name == "silent_before":
            return Reply(0, {}, silent=True)
        known = self.books.begin(key, members)
        if known is not None:
            return Reply(known.status, known.body)
        if name == "fails_before":
            return self._kept(key, members, Reply(500, _ERROR))
        try:
            done = self._do(what, members, name, detail)
        except Refused:
            self.books.drop(key)
            raise
        reply = _told(done)
        if name == "fails_after":
            reply = Reply(500, _ERROR)
        self._kept(key, members, reply)
        self._tell(done, key or "")
        reply.silent, reply.hangs_up, reply.garbage = (
            name == "silent_after",
            name == "hangs_up",
            name == "garbage",
        )
        return reply

    def _do(self, what: str, members: Mapping[str, str], name: str, detail: str) -> Json:
        if what == "refunds":
            return self.books.create_refund(members, detail if name == "becomes" else "succeeded")
        if name == "declines":
            return self.books.create_intent(members, "requires_payment_method", detail or "insufficient_funds")
        return self.books.create_intent(members, detail if name == "becomes" else "succeeded", None)

    def _kept(self, key: str | None, members: Mapping[str, str], reply: Reply) -> Reply:
        self.books.keep(key, members, reply.status, reply.body)
        return reply

    def _behaviour(self, key: str | None) -> str:
        with self.books.lock:
            if self._next:
                return self._next.popleft()
            self._tries[key or ""] += 1
            attempt = self._tries[key or ""]
        dice, lies = self._dice(f"{key} {attempt}"), self.lies
        chances = {
            "silent_after": lies.silent_after,
            "fails_before": lies.fails / 2,
            "fails_after": lies.fails / 2,
        }
        thrown = dice.random()
        for behaviour, chance in chances.items():
            if thrown < chance:
                return behaviour
            thrown -= chance
        # Decided by the key alone: no attempt makes a bad card good.
        return "declines" if self._dice(f"{key} card").random() < lies.declines else "honest"

    def _dice(self, about: str) -> random.Random:
        return random.Random(f"{self.seed} {about}")

    # Notices

    def _tell(self, done: Json, key: str) -> None:
        kinds = {
            "succeeded": "payment_intent.succeeded",
            "requires_payment_method": "payment_intent.payment_failed",
        }
        kind = kinds.get(done["status"]) if done["object"] == "payment_intent" else "refund.updated"
        if self.notices_to is None or kind is None:
            return
        dice = self._dice(f"{key} notice")
        notice = self.notice(kind, done)
        waits = [0.05]
        if dice.random() < self.lies.reorders:
            waits = [dice.choice([0.0, self.late_s])]
            self.sent["reordered notice"] += 1
        if dice.random() < self.lies.repeats:
            waits.append(dice.choice([0.0, self.late_s]))
            self.sent["repeated notice"] += 1
        for wait in waits:
            self._send(notice, wait)
        if dice.random() < self.lies.slanders:
            self.sent["slander"] += 1
            self._send(self.notice("payment_intent.payment_failed", {**done, "status": "canceled"}), 0.0)

    def notice(self, kind: str, about: Json) -> bytes:
        """The body of a notice, with an id of its own."""
        told = {"id": f"evt_{random.getrandbits(64):016x}", "object": "event", "type": kind}
        return json.dumps({**told, "data": {"object": about}}).encode()

    def _send(self, body: bytes, wait_s: float) -> None:
        if wait_s == 0 and self._is_taken(body):  # before the answer
            return
        self._post.submit(self._deliver, body, wait_s)

    def _deliver(self, body: bytes, wait_s: float) -> None:
        for pause_s in (wait_s, *SENT_AGAIN):
            time.sleep(pause_s)
            if self._is_taken(body):
                return
        self.sent["notice never taken"] += 1

    def _is_taken(self, body: bytes) -> bool:
        headers = {"stripe-signature": signature_of(body), "content-type": "application/json"}
        with suppress(httpx.TransportError):
            url = self.notices_to or ""
            if httpx.post(url, content=body, headers=headers, timeout=5, verify=NO_TLS).is_success:
                self.sent["notice taken"] += 1
                return True
        return False


@dataclass(slots=True)
class Reply:
    """An answer, and whether it arrives."""

    status: int
    body: Json
    silent: bool = False
    hangs_up: bool = False
    garbage: bool = False


_ERROR: Json = {"error": {"type": "api_error", "message": "An unknown error occurred"}}


def _told(done: Json) -> Reply:
    """A declined charge is an error that carries its PaymentIntent."""
    if done["status"] != "requires_payment_method":
        return Reply(200, done)
    return Reply(402, {"error": {**done["last_payment_error"], "message": "declined", "payment_intent": done}})


def signature_of(body: bytes, *, secret: str = WEBHOOK_SECRET, at: float | None = None) -> str:
    """The header `Stripe-Signature`, written down from Stripe's description and not with its library."""
    moment = int(time.time() if at is None else at)
    signed = hmac.digest(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hex()
    return f"t={moment},v1={signed}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Callers that are killed leave broken connections behind."""


def _handler_of(gateway: LyingGateway) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(dict(parse_qsl(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
            self._reply(dict(parse_qsl(text)))

        def _reply(self, members: dict[str, str]) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                reply = gateway.answer(self.command, urlsplit(self.path).path, members, headers)
            except Refused as refused:
                reply = Reply(refused.status, refused.body)
            if reply.silent:
                time.sleep(gateway.silence_s)
            if reply.silent or reply.hangs_up:
                self.close_connection = True
                return
            body = b"<html>" if reply.garbage else json.dumps(reply.body).encode()
            with suppress(OSError):
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *_: Any) -> None:
            """Silent: the books tell."""

    return Handler


__all__ = ["API_KEY", "HONEST", "KEY", "METHOD", "WEBHOOK_SECRET", "Lies", "LyingGateway", "signature_of"]
