"""One story that users and billing play in every placement, step by step, and what it was answered.

Whoever is told that something is away tries again, with the same `Idempotency-Key` where there is one: what a
script leaves behind must not depend on how often that was necessary.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from tests.extraction.canonical import Names
from tests.extraction.oracle_and_desk import KINDS

PATIENCE_S = 90.0
AGAIN_AFTER_S = 0.1
PASSWORD = "correct horse battery staple"
ROOT = "root@example.com"
DECLINED, TIMES_OUT, REFUND_TIMES_OUT = 66602, 66608, 66609
OF_THE_ORACLE = "oracle."
"""With this begin the codes of what is away because the script wants it to be."""
IN_FLIGHT = "request_in_flight"

Answer = httpx.Response


@dataclass(slots=True)
class Script:
    """Plays it. `between_steps` is called with the number of each step, before it."""

    client: httpx.Client
    database_of_users: str
    between_steps: Callable[[int], None] = lambda _step: None
    calling_users: threading.Lock = field(default_factory=threading.Lock)
    """Held while somebody talks to the host of users. A registration has no `Idempotency-Key`: who kills that host
    without this lock may leave it open whether there was one."""
    transcript: list[str] = field(default_factory=list)
    """Each step and its answer, canonical."""
    _names: Names = field(default_factory=Names)
    _tokens: dict[str, str] = field(default_factory=dict)
    _steps: int = 0

    def play(self, rounds: int = 1) -> None:
        """All of it, with new people each time."""
        self._join("root", ROOT)
        asyncio.run(self._appoint(ROOT))
        for number in range(1, rounds + 1):
            self._log_in("root", ROOT)  # many rounds last longer than a token
            self._round(number)

    def _round(self, number: int) -> None:
        people = {name: f"{name}-{number}@example.com" for name in ("ann", "bob", "cid")}
        ids = {name: self._join(name, email) for name, email in people.items()}
        self._step("PATCH", "/v1/users/me", "ann", {"name": f"Ann Changed {number}"})
        self._invoices()
        self._mistakes()
        self._questions(ids["ann"])
        self._close_and_open(ids["bob"], people["bob"])
        self._delete(ids["bob"], ids["cid"])

    def _join(self, name: str, email: str) -> str:
        body = {"email": email, "password": PASSWORD, "name": name.title()}
        self._step("POST", "/v1/users/register", None, body)
        self._log_in(name, email)
        id: str = self._step("GET", "/v1/users/me", name).json()["id"]
        return id

    def _log_in(self, name: str, email: str) -> None:
        answer = self._call("POST", "/v1/users/login", None, {"email": email, "password": PASSWORD})
        assert answer.status_code == httpx.codes.OK, answer.text
        self._tokens[name] = answer.json()["access_token"]

    async def _appoint(self, email: str) -> None:
        connection = await asyncpg.connect(self.database_of_users)
        await connection.execute("UPDATE users.accounts SET roles = '{super_admin}' WHERE email = $1", email)
        await connection.close()

    def _invoices(self) -> None:
        """Drafted, opened, paid, failed, refunded, credited, voided, written off."""
        paid, slow = self._open(2_480), self._open(TIMES_OUT)
        for invoice in (paid, slow):
            self._step("POST", f"{invoice}/request-payment", "ann")
            self._until(invoice, "ann", lambda found: found["status"] == "paid")
        declined = self._open(DECLINED)
        self._step("POST", f"{declined}/request-payment", "ann")
        self._until(declined, "ann", lambda found: found["payments"][-1]["status"] == "failed")
        self._step("POST", f"{declined}/void", "ann")
        for invoice, amount in ((paid, 480), (paid, 2_000), (slow, 1_000)):
            self._step("POST", f"{invoice}/refunds", "root", {"amount": amount, "reason": "as told"})
            self._until(invoice, "root", lambda found: found["refunds"][-1]["status"] == "succeeded")
        credited = self._open(5_000)
        self._step("POST", f"{credited}/credit-notes", "root", {"amount": 500, "reason": "as told"})
        self._step("POST", f"{credited}/write-off", "root")
        self._step("POST", f"{self._draft(700)}/void", "ann")

    def _mistakes(self) -> None:
        """What is refused is refused alike."""
        draft, mine = self._draft(100), self._open(300)
        self._step("GET", mine, "bob")
        self._step("POST", f"{mine}/void", "bob")
        self._step("GET", mine, None)
        self._step("POST", f"{draft}/request-payment", "ann")
        self._step("POST", f"{mine}/open", "ann")
        self._step("POST", f"{mine}/refunds", "ann", {"amount": 1, "reason": "wish"})
        self._step("POST", f"{mine}/refunds", "root", {"amount": 1, "reason": "unpaid"})
        self._step("POST", "/v1/billing/invoices", "ann", {"currency": "XYZ", "lines": []})
        self._step("POST", f"{draft}/open", "ann", headers={"If-Match": '"99"'})
        self._step("GET", f"/v1/billing/invoices/{UUID(int=0)}", "ann")
        self._step("GET", "/v1/billing/invoices", None, headers={"Authorization": "Bearer forged"})

    def _questions(self, ann: str) -> None:
        """One context asks another: answers, and every kind of error."""
        self._step("GET", f"/v1/desk/people/{ann}", None)
        self._step("GET", f"/v1/desk/people/{UUID(int=0)}", None)
        self._step("GET", "/v1/desk/people/nobody", None)
        self._step("GET", "/v1/desk/fates/good", None)
        for kind in KINDS:
            self._step("GET", f"/v1/desk/fates/{kind}", None, meant="query_too_slow" if kind == "slow" else None)

    def _close_and_open(self, bob: str, email: str) -> None:
        account = f"/v1/users/accounts/{bob}"
        self._open(400, "bob")
        self._draft(500, "bob")
        self._step("POST", f"{account}/deactivate", "root")
        self._until_status(401, "/v1/billing/invoices", "bob")
        self._step("POST", f"{account}/reactivate", "root")
        self._log_in("bob", email)
        self._step("GET", "/v1/billing/balance", "bob")

    def _delete(self, bob: str, cid: str) -> None:
        owed = self._call("GET", "/v1/billing/invoices", "bob").json()["items"]
        self._step("DELETE", "/v1/users/me", "bob")
        for invoice in owed:
            self._until(f"/v1/billing/invoices/{invoice['id']}", "root", lambda found: found["status"] == "void")
        self._step("DELETE", f"/v1/users/accounts/{cid}", "root")
        self._until_status(401, "/v1/billing/invoices", "cid")

    def _draft(self, total: int, who: str = "ann") -> str:
        lines = [{"description": "Hawthorn", "quantity": 1, "unit_price": total}]
        created = self._step("POST", "/v1/billing/invoices", who, {"currency": "EUR", "lines": lines})
        return f"/v1/billing/invoices/{created.json()['id']}"

    def _open(self, total: int, who: str = "ann") -> str:
        invoice = self._draft(total, who)
        self._step("POST", f"{invoice}/open", who)
        return invoice

    def _until(self, path: str, who: str, reached: Callable[[dict[str, Any]], bool]) -> None:
        for answer in self._answers(path, who):
            if answer.is_success and reached(answer.json()):
                return self._write_down("until", "GET", path, answer)
        return None

    def _until_status(self, status: int, path: str, who: str) -> None:
        for answer in self._answers(path, who):
            if answer.status_code == status:
                return self._write_down("until", "GET", path, answer)
        return None

    def _answers(self, path: str, who: str) -> Iterator[Answer]:
        ends = time.monotonic() + PATIENCE_S
        while True:
            yield (answer := self._call("GET", path, who))
            assert time.monotonic() < ends, f"{path} is still {answer.status_code}: {answer.text}"
            time.sleep(AGAIN_AFTER_S)

    def _step(self, method: str, path: str, who: str | None, body: object = None, **options: Any) -> Answer:
        self._steps += 1
        self.between_steps(self._steps)
        answer = self._call(method, path, who, body, **options)
        self._write_down(str(self._steps), method, path, answer)
        return answer

    def _call(
        self,
        method: str,
        path: str,
        who: str | None,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        meant: str | None = None,
    ) -> Answer:
        """The first answer that is no excuse. One with the code `meant` is the answer."""
        sent = {"Authorization": f"Bearer {self._tokens[who]}"} if who else {}
        if method == "POST" and path.startswith("/v1/billing"):
            sent["Idempotency-Key"] = str(uuid4())
        to_users = path.startswith("/v1/users")
        ends = time.monotonic() + PATIENCE_S
        while True:
            try:
                with self.calling_users if to_users else nullcontext():
                    answer = self.client.request(method, path, json=body, headers=sent | (headers or {}))
            except httpx.TransportError:
                pass
            else:
                if not _is_excuse(answer, meant):
                    return answer
            assert time.monotonic() < ends, f"{method} {path} had no answer in {PATIENCE_S} s"
            time.sleep(AGAIN_AFTER_S)

    def _write_down(self, step: str, method: str, path: str, answer: Answer) -> None:
        told = answer.json() if answer.content else {}
        if answer.is_error:
            told = {name: told.get(name) for name in ("code", "title", "detail", "details", "errors")}
            told["waits"] = answer.headers.get("Retry-After")
        self.transcript.append(f"{step} {self._names([method, path, answer.status_code, told])}")


def _is_excuse(answer: Answer, meant: str | None) -> bool:
    if answer.status_code not in (httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.CONFLICT):
        return False
    code: str = answer.json()["code"]
    if answer.status_code == httpx.codes.CONFLICT:
        return code == IN_FLIGHT
    return code != meant and not code.startswith(OF_THE_ORACLE)
