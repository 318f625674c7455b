"""The life of an idempotency key, on routes that move money (experiment 22)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Row, text

from contexts.billing.tests.interfaces.conftest import DRAFT, JSON
from hedgerow_billing.infrastructure.repositories import PostgresInvoices
from hedgerow_core.domain import new_id
from hedgerow_core.messaging import Housekeeping
from hedgerow_core.messaging.answers import RecordedAnswers
from hedgerow_core.persistence import Database

Rows = Callable[[str], Awaitable[Sequence[Row[Any]]]]
AT_ONCE = 10
"""As many as there are connections: who waits for one too long is told 503, which says nothing about keys."""
KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


async def invoices(rows: Rows) -> int:
    return int((await rows("SELECT count(*) FROM invoices"))[0][0])


async def test_what_is_sent_again_gets_the_same_answer_and_takes_effect_once(
    http: httpx.AsyncClient, rows: Rows
) -> None:
    first, again = [await http.post("/invoices", json=DRAFT, headers=KEY) for _ in range(2)]

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    for header in ("location", "etag"):
        assert first.headers[header] == again.headers[header]
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert await invoices(rows) == 1


async def test_the_answer_is_of_then_and_not_of_now(http: httpx.AsyncClient) -> None:
    invoice = (await http.post("/invoices", json=DRAFT)).json()["id"]
    opened = await http.post(f"/invoices/{invoice}/open", headers=KEY)
    await http.post(f"/invoices/{invoice}/void")
    again = await http.post(f"/invoices/{invoice}/open", headers=KEY)
    assert (again.status_code, again.content) == (200, opened.content)
    assert (await http.get(f"/invoices/{invoice}")).json()["status"] == "void"


async def test_an_answer_of_another_build_is_named_and_the_request_is_not_done_again(
    http: httpx.AsyncClient, rows: Rows, database: Database
) -> None:
    await http.post("/invoices", json=DRAFT, headers=KEY)
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE idempotency_keys SET answer = answer - 'total'"))

    again = await http.post("/invoices", json=DRAFT, headers=KEY)

    assert (again.status_code, again.json()["code"]) == (409, "answer_unreadable")
    assert await invoices(rows) == 1


async def test_without_a_key_a_request_is_a_new_one(http: httpx.AsyncClient, rows: Rows) -> None:
    for _ in range(2):
        assert "idempotency-replayed" not in (await http.post("/invoices", json=DRAFT)).headers
    assert await invoices(rows) == 2


async def test_the_order_of_members_and_blanks_make_no_other_request(http: httpx.AsyncClient, rows: Rows) -> None:
    await http.post("/invoices", json=DRAFT, headers=KEY)
    turned = json.dumps({name: DRAFT[name] for name in reversed(DRAFT)}, indent=3)
    again = await http.post("/invoices", content=turned, headers={**KEY, **JSON})
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert await invoices(rows) == 1


async def test_a_key_that_comes_with_another_request_is_refused(http: httpx.AsyncClient, rows: Rows) -> None:
    await http.post("/invoices", json=DRAFT, headers=KEY)
    other = await http.post("/invoices", json={**DRAFT, "currency": "USD"}, headers=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    first, second = [(await http.post("/invoices", json=DRAFT)).json()["id"] for _ in range(2)]
    assert (await http.post(f"/invoices/{first}/open", headers=KEY)).status_code == 200
    elsewhere = await http.post(f"/invoices/{second}/open", headers=KEY)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "idempotency_key_reused")
    assert await invoices(rows) == 3


async def test_a_key_belongs_to_one_caller_and_one_route(http: httpx.AsyncClient, rows: Rows) -> None:
    mine = await http.post("/invoices", json=DRAFT, headers=KEY)
    theirs = await http.post("/invoices", json=DRAFT, headers={**KEY, "x-subject": str(new_id())})
    assert mine.json()["id"] != theirs.json()["id"]
    opened = await http.post(f"/invoices/{mine.json()['id']}/open", headers=KEY)
    assert (opened.status_code, opened.json()["status"]) == (200, "open")


@pytest.mark.parametrize("key", ["k", "k" * 256, '"8e03978e-40d5"', "!#$%&~"])
async def test_any_visible_signs_make_a_key(http: httpx.AsyncClient, rows: Rows, key: str) -> None:
    for _ in range(2):
        assert (await http.post("/invoices", json=DRAFT, headers={"Idempotency-Key": key})).status_code == 201
    assert await invoices(rows) == 1


@pytest.mark.parametrize("key", ["", "k" * 257, "two words", 'a"b', "é".encode()])
async def test_what_is_no_key_is_refused(http: httpx.AsyncClient, rows: Rows, key: str | bytes) -> None:
    answer = await http.post("/invoices", json=DRAFT, headers=[(b"Idempotency-Key", key)])
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_idempotency_key")
    assert await invoices(rows) == 0


async def test_two_keys_are_none(http: httpx.AsyncClient) -> None:
    answer = await http.post("/invoices", json=DRAFT, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    assert answer.json()["code"] == "invalid_idempotency_key"


async def test_a_refused_request_uses_no_key_up(http: httpx.AsyncClient) -> None:
    for refused in ({**DRAFT, "currency": "???"}, {**DRAFT, "lines": []}, "no json"):
        assert (await http.post("/invoices", json=refused, headers=KEY)).status_code == 422
    assert (await http.post("/invoices", json=DRAFT, headers=KEY)).status_code == 201


async def test_a_crash_after_the_effect_leaves_neither_effect_nor_answer(
    http: httpx.AsyncClient, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(Exception):
        pass

    for room, step in ((PostgresInvoices, "add"), (RecordedAnswers, "record")):
        with monkeypatch.context() as broken:
            sound = getattr(room, step)

            async def then_crash(self: Any, *arguments: Any, sound: Any = sound) -> None:
                await sound(self, *arguments)
                raise Crash

            broken.setattr(room, step, then_crash)
            with pytest.raises(Crash):
                await http.post("/invoices", json=DRAFT, headers=KEY)
        assert await invoices(rows) == 0
        assert await rows("SELECT * FROM idempotency_keys") == []
    assert (await http.post("/invoices", json=DRAFT, headers=KEY)).status_code == 201


async def test_of_many_at_once_one_takes_effect_and_the_others_hear_of_it(
    http: httpx.AsyncClient, rows: Rows
) -> None:
    answers = await asyncio.gather(*(http.post("/invoices", json=DRAFT, headers=KEY) for _ in range(AT_ONCE)))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert (answer.json()["code"], answer.headers["retry-after"]) == ("request_in_flight", "1")
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert await invoices(rows) == 1


async def test_without_the_record_there_would_be_two(
    http: httpx.AsyncClient, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_arguments: object) -> None:
        return None

    for step in ("recall", "record"):
        monkeypatch.setattr(RecordedAnswers, step, nothing)
    for _ in range(2):
        assert (await http.post("/invoices", json=DRAFT, headers=KEY)).status_code == 201
    assert await invoices(rows) == 2


async def test_a_key_is_kept_for_a_day(http: httpx.AsyncClient, rows: Rows, database: Database) -> None:
    await http.post("/invoices", json=DRAFT, headers=KEY)
    housekeeping = Housekeeping(database, {}, keep_events=timedelta(days=7))

    async def later(hours: int) -> None:
        async with database.transaction() as connection:
            where = {"hours": hours}
            older = "UPDATE idempotency_keys SET recorded_at = clock_timestamp() - make_interval(hours => :hours)"
            await connection.execute(text(older), where)

    await later(23)
    await housekeeping.forget_answers()
    assert (await http.post("/invoices", json=DRAFT, headers=KEY)).headers["idempotency-replayed"] == "true"
    await later(24)
    assert "idempotency-replayed" not in (await http.post("/invoices", json=DRAFT, headers=KEY)).headers
    assert await invoices(rows) == 2
    await later(24)
    await housekeeping.forget_answers()
    assert await rows("SELECT * FROM idempotency_keys") == []
