"""The books of the lying gateway: what it took and gave back, in Stripe's words. They are the truth.

Stripe's rules that our adapter builds on are kept here: one answer per idempotency key, errors of the server
included; keys are forgotten one day; a search finds a moment later what was written.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
KEY = "hedgerow_key"


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the statement: money that moved."""

    key: str
    reference: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What a request with a key was answered."""

    asked: Mapping[str, str]
    status: int
    body: Json
    at: float


class Refused(Exception):
    """An answer that is an error in Stripe's form."""

    def __init__(self, status: int, type: str, code: str | None = None, **more: object) -> None:
        super().__init__(code or type)
        self.status = status
        self.body: Json = {"error": {"type": type, "code": code, "message": f"{type} {code}", **more}}


@dataclass(slots=True)
class Books:
    """Guarded by one lock: requests come in threads."""

    search_lag_s: float = 0.0
    keys_kept_s: float = 1e9
    """A day at Stripe; less where a test has no day."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _ids: Any = field(default_factory=lambda: itertools.count(1))
    _intents: dict[str, Json] = field(default_factory=dict)
    _refunds: dict[str, Json] = field(default_factory=dict)
    _answers: dict[str, Stored | None] = field(default_factory=dict)
    """By idempotency key; None while the first request runs."""

    # What the tests read

    def charges(self) -> list[Entry]:
        """Everything that was taken, in order."""
        return self._moved(self._intents)

    def refunds(self) -> list[Entry]:
        """Everything that was given back, in order."""
        return self._moved(self._refunds)

    def intents(self) -> list[Json]:
        """Every PaymentIntent, paid or not."""
        with self.lock:
            return list(self._intents.values())

    def forget_keys(self) -> None:
        """A day goes by."""
        with self.lock:
            self._answers.clear()

    def _moved(self, things: Mapping[str, Json]) -> list[Entry]:
        with self.lock:
            return [
                Entry(thing["metadata"].get(KEY, ""), thing["id"], thing["amount"], thing["currency"])
                for thing in things.values()
                if thing["status"] == "succeeded"
            ]

    # Idempotency

    def begin(self, key: str | None, asked: Mapping[str, str]) -> Stored | None:
        """The answer of before, if there is one; else the request has the key to itself."""
        if key is None:
            return None
        with self.lock:
            if key not in self._answers or self._is_forgotten(self._answers[key]):
                self._answers[key] = None
                return None
            known = self._answers[key]
            if known is None:
                raise Refused(409, "idempotency_error", "idempotency_key_in_use")
            if known.asked != asked:
                raise Refused(400, "idempotency_error")
            return known

    def keep(self, key: str | None, asked: Mapping[str, str], status: int, body: Json) -> None:
        """Store the answer before anybody hears it."""
        if key is not None:
            with self.lock:
                self._answers[key] = Stored(asked, status, body, time.monotonic())

    def drop(self, key: str | None) -> None:
        """The request was refused before anything was done: the key is as good as new."""
        if key is not None:
            with self.lock:
                self._answers.pop(key, None)

    def _is_forgotten(self, known: Stored | None) -> bool:
        return known is not None and time.monotonic() - known.at > self.keys_kept_s

    # PaymentIntents and Refunds

    def create_intent(self, asked: Mapping[str, str], becomes: str, decline: str | None) -> Json:
        """Write a PaymentIntent of this status."""
        _demand(asked.get("confirm") == "true" and asked.get("off_session") == "true", "confirm")
        _demand(asked.get("payment_method", "").startswith("pm_card"), "payment_method", code="resource_missing")
        _demand(asked.get("automatic_payment_methods[allow_redirects]") == "never", "return_url")
        intent = self._new("pi", "payment_intent", asked, becomes)
        if decline is not None:
            intent["last_payment_error"] = {"type": "card_error", "code": "card_declined", "decline_code": decline}
        with self.lock:
            self._intents[intent["id"]] = intent
        return dict(intent)

    def intent(self, id: str) -> Json:
        """Read one, as it is now."""
        with self.lock:
            if id not in self._intents:
                raise Refused(404, "invalid_request_error", "resource_missing")
            return dict(self._intents[id])

    def search(self, query: str) -> list[Json]:
        """By metadata; what was just written isn't there yet."""
        field, _, value = query.partition(":")
        _demand(field == f"metadata['{KEY}']", "query")
        with self.lock:
            return [
                dict(intent)
                for intent in self._intents.values()
                if intent["metadata"].get(KEY) == value.strip("'")
                and time.time() - intent["written_at"] >= self.search_lag_s
            ]

    def become(self, id: str, status: str) -> Json:
        """Time or somebody's decision changes a PaymentIntent."""
        with self.lock:
            self._intents[id]["status"] = status
            return dict(self._intents[id])

    def cancel(self, id: str) -> Json:
        """Withdraw one that still waits."""
        with self.lock:
            if not self.intent(id)["status"].startswith("requires_"):
                raise Refused(400, "invalid_request_error", "payment_intent_unexpected_state")
            return self.become(id, "canceled")

    def create_refund(self, asked: Mapping[str, str], becomes: str) -> Json:
        """Write a Refund; never of more than was taken."""
        with self.lock:
            intent = self.intent(asked.get("payment_intent", ""))
            given = sum(refund["amount"] for refund in self.refunds_of(intent["id"]))
            asked = {**asked, "currency": intent["currency"]}
            if given + int(asked["amount"]) > intent["amount"]:
                raise Refused(400, "invalid_request_error", "charge_already_refunded")
            refund = self._new("re", "refund", asked, becomes) | {"payment_intent": intent["id"]}
            self._refunds[refund["id"]] = refund
            return dict(refund)

    def refunds_of(self, intent: str) -> list[Json]:
        """The newest first."""
        with self.lock:
            ours = [refund for refund in self._refunds.values() if refund["payment_intent"] == intent]
            return [dict(refund) for refund in reversed(ours) if refund["status"] != "failed"]

    def _new(self, prefix: str, object: str, asked: Mapping[str, str], status: str) -> Json:
        _demand(asked.get("amount", "").isdigit() and int(asked["amount"]) > 0, "amount")
        currency = asked.get("currency", "")
        _demand(currency.islower(), "currency")
        return {
            "id": f"{prefix}_{next(self._ids):024}",
            "object": object,
            "amount": int(asked["amount"]),
            "currency": currency,
            "status": status,
            "metadata": dict(_metadata_in(asked.items())),
            "last_payment_error": None,
            "written_at": time.time(),
        }


def _metadata_in(members: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return (
        (name.removeprefix("metadata[").removesuffix("]"), value)
        for name, value in members
        if name.startswith("metadata[")
    )


def _demand(holds: bool, parameter: str, *, code: str = "parameter_invalid") -> None:
    if not holds:
        raise Refused(400, "invalid_request_error", code, param=parameter)
