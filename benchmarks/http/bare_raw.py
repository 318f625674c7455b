"""The yardstick nobody is asked to beat, for orientation: bare FastAPI and asyncpg, SQL in strings."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
from fastapi import FastAPI, HTTPException, Query, Response

from benchmarks.http import payloads
from benchmarks.http.identity import User
from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_billing.interfaces.schemas import InvoiceModel, NewInvoiceModel
from hedgerow_core.http import PageModel
from hedgerow_users.interfaces.schemas import OwnAccountAnswer

POOL = 10

_ACCOUNT = """
    SELECT id, email, name, roles, created_at, version, status, updated_at, verified_at, phone, address, birthday,
        photo_url, metadata
    FROM users.accounts WHERE id = $1 AND status = 'active'
"""
_INVOICE = """
    INSERT INTO billing.invoices (id, customer_id, status, currency, total, tax, credited, lines, due_days,
        automatic, payment_method, collect_attempts, version, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
_EVENT = """
    INSERT INTO billing.outbox (event_id, type, version, aggregate_type, aggregate_id, aggregate_version, payload,
        occurred_at, actor)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_PAGE = """
    SELECT i.*, (SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]') FROM billing.payments p
        WHERE p.invoice_id = i.id) AS payments
    FROM billing.invoices i WHERE customer_id = $1 AND status = $2 {behind}
    ORDER BY created_at DESC, id DESC LIMIT $3
"""
_FIRST, _BEHIND = _PAGE.format(behind=""), _PAGE.format(behind="AND (created_at, id) < ($4, $5)")

pools: list[asyncpg.Pool] = []


@asynccontextmanager
async def _lifespan(_app: FastAPI) -> AsyncIterator[None]:
    async with asyncpg.create_pool(
        os.environ["BARE_DATABASE_URL"].replace("+asyncpg", ""), min_size=1, max_size=POOL, init=_speak_json
    ) as pool:
        pools.append(pool)
        yield


async def _speak_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


app = FastAPI(lifespan=_lifespan)


@app.get("/v1/users/me", response_model=OwnAccountAnswer)
async def me(user: User, response: Response) -> dict[str, Any]:
    row = await pools[0].fetchrow(_ACCOUNT, user.subject)
    if row is None:
        raise HTTPException(404)
    response.headers["ETag"] = f'"{row["version"]}"'
    return payloads.account(row)


@app.post("/v1/billing/invoices", status_code=201, response_model=InvoiceModel)
async def create(body: NewInvoiceModel, user: User, response: Response) -> dict[str, Any]:
    invoice, event = payloads.new_invoice(body, user.subject)
    async with pools[0].acquire() as connection, connection.transaction():
        await connection.execute(_INVOICE, *invoice.values())
        await connection.execute(_EVENT, *event.values())
    response.headers["Location"] = f"/v1/billing/invoices/{invoice['id']}"
    return payloads.invoice(invoice)


@app.get("/v1/billing/invoices", response_model=PageModel[InvoiceModel])
async def page(
    user: User,
    status: InvoiceStatus,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> dict[str, Any]:
    moment, last = payloads.place(cursor)
    wanted = (user.subject, status.value, limit + 1)
    found = await (
        pools[0].fetch(_FIRST, *wanted) if last is None else pools[0].fetch(_BEHIND, *wanted, moment, last)
    )
    return payloads.page([payloads.invoice(row, row["payments"]) for row in found], limit)
