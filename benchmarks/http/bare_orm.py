"""The yardstick most applications look like: bare FastAPI and the SQLAlchemy ORM, a session for each request."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Response
from sqlalchemy import ForeignKey, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import registry, relationship, selectinload

from benchmarks.http import payloads
from benchmarks.http.identity import User
from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_billing.infrastructure.tables import invoices, metadata, payments
from hedgerow_billing.interfaces.schemas import InvoiceModel, NewInvoiceModel
from hedgerow_core.http import PageModel
from hedgerow_core.messaging.tables import outbox
from hedgerow_users.infrastructure.tables import accounts
from hedgerow_users.interfaces.schemas import OwnAccountAnswer

POOL = 10

engine = create_async_engine(
    os.environ["BARE_DATABASE_URL"],
    pool_size=POOL,
    max_overflow=0,
    connect_args={"server_settings": {"search_path": "billing,users"}},
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()

_mapped = registry(metadata=metadata)
payments.c.invoice_id.append_foreign_key(ForeignKey(invoices.c.id))


class Account:
    """A row of `accounts`."""


class Payment:
    """A row of `payments`."""


class Invoice:
    """A row of `invoices`."""


class Event:
    """A row of `outbox`."""


_mapped.map_imperatively(Account, accounts)
_mapped.map_imperatively(Payment, payments)
_mapped.map_imperatively(Invoice, invoices, properties={"payments": relationship(Payment)})
_mapped.map_imperatively(Event, outbox)


async def _session() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(_session)]


@app.get("/v1/users/me", response_model=OwnAccountAnswer)
async def me(user: User, session: Session, response: Response) -> dict[str, Any]:
    account: Any = await session.get(Account, user.subject)
    if account is None or account.status != "active":
        raise HTTPException(404)
    response.headers["ETag"] = f'"{account.version}"'
    return payloads.account(vars(account))


@app.post("/v1/billing/invoices", status_code=201, response_model=InvoiceModel)
async def create(body: NewInvoiceModel, user: User, session: Session, response: Response) -> dict[str, Any]:
    row, event = payloads.new_invoice(body, user.subject)
    session.add_all([Invoice(**row), Event(**event)])
    await session.commit()
    response.headers["Location"] = f"/v1/billing/invoices/{row['id']}"
    return payloads.invoice(row)


@app.get("/v1/billing/invoices", response_model=PageModel[InvoiceModel])
async def page(
    user: User,
    session: Session,
    status: InvoiceStatus,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> dict[str, Any]:
    at = payloads.place(cursor)
    one: Any = Invoice
    wanted = select(one).where(one.customer_id == user.subject, one.status == status.value)
    if at[1] is not None:
        wanted = wanted.where(tuple_(one.created_at, one.id) < at)
    wanted = wanted.order_by(one.created_at.desc(), one.id.desc()).limit(limit + 1)
    found: Any = (await session.scalars(wanted.options(selectinload(one.payments)))).all()
    shown = [payloads.invoice(vars(each), [vars(payment) for payment in each.payments]) for each in found]
    return payloads.page(shown, limit)
