"""The yardstick that counts: bare FastAPI, SQLAlchemy Core; statements built once, single reads in autocommit."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, HTTPException, Query, Response
from sqlalchemy import JSON, bindparam, func, insert, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.http import payloads
from benchmarks.http.identity import User
from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_billing.infrastructure.tables import invoices, payments
from hedgerow_billing.interfaces.schemas import InvoiceModel, NewInvoiceModel
from hedgerow_core.http import PageModel
from hedgerow_core.messaging.tables import outbox
from hedgerow_users.infrastructure.tables import accounts
from hedgerow_users.interfaces.schemas import OwnAccountAnswer

POOL = 10
"""As many as a context has."""

engine = create_async_engine(
    os.environ["BARE_DATABASE_URL"],
    pool_size=POOL,
    max_overflow=0,
    connect_args={"server_settings": {"search_path": "billing,users"}},
)
reading = engine.execution_options(isolation_level="AUTOCOMMIT")
app = FastAPI()

_ACCOUNT = select(*(each for each in accounts.c if each.name != "password_hash")).where(
    accounts.c.id == bindparam("id"), accounts.c.status == "active"
)
_INVOICE, _EVENT = insert(invoices), insert(outbox)
_payments = (
    select(func.coalesce(func.jsonb_agg(func.to_jsonb(payments.table_valued())), literal_column("'[]'::jsonb")))
    .select_from(payments)
    .where(payments.c.invoice_id == invoices.c.id)
    .scalar_subquery()
)
_first = (
    select(invoices, func.coalesce(_payments, type_=JSON).label("payments"))
    .where(invoices.c.customer_id == bindparam("customer"), invoices.c.status == bindparam("status"))
    .order_by(invoices.c.created_at.desc(), invoices.c.id.desc())
    .limit(bindparam("rows"))
)
_behind = _first.where(
    tuple_(invoices.c.created_at, invoices.c.id)
    < tuple_(bindparam("moment", type_=invoices.c.created_at.type), bindparam("last", type_=invoices.c.id.type))
)


@app.get("/v1/users/me", response_model=OwnAccountAnswer)
async def me(user: User, response: Response) -> dict[str, Any]:
    async with reading.connect() as connection:
        row = (await connection.execute(_ACCOUNT, {"id": user.subject})).one_or_none()
    if row is None:
        raise HTTPException(404)
    response.headers["ETag"] = f'"{row.version}"'
    return payloads.account(row._mapping)


@app.post("/v1/billing/invoices", status_code=201, response_model=InvoiceModel)
async def create(body: NewInvoiceModel, user: User, response: Response) -> dict[str, Any]:
    invoice, event = payloads.new_invoice(body, user.subject)
    async with engine.begin() as connection:
        await connection.execute(_INVOICE, invoice)
        await connection.execute(_EVENT, event)
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
    wanted: dict[str, datetime | UUID | str | int | None] = {
        "customer": user.subject,
        "status": status.value,
        "rows": limit + 1,
    }
    if last is not None:
        wanted |= {"moment": moment, "last": last}
    async with reading.connect() as connection:
        rows = (await connection.execute(_first if last is None else _behind, wanted)).all()
    return payloads.page([payloads.invoice(row._mapping, row.payments) for row in rows], limit)
