"""What customers owe, and how it came to that: their own, and anybody's for who looks after all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field

from hedgerow_billing.application.book_ports import StatementLine
from hedgerow_billing.application.queries.customer_balance import CustomerBalance
from hedgerow_billing.application.queries.list_statement import ListStatement
from hedgerow_billing.application.views import MoneyView
from hedgerow_billing.domain.bookkeeping import EntryKind
from hedgerow_billing.interfaces.schemas import MoneyModel
from hedgerow_core.application import DEFAULT_LIMIT, Bus, Page
from hedgerow_core.http import Caller, ContextRouter, HttpModel, Limit, NextPage, PageModel, permitted

READ, READ_ANY = "billing:statement:read", "billing:statement:read_any"
_LONGEST_CODE = 16
"""Longer than any, so that a wrong one is told what is right."""

OfCurrency = Annotated[
    str, Query(min_length=1, max_length=_LONGEST_CODE, description="ISO 4217, in capitals.", examples=["EUR"])
]


class StatementLineModel(HttpModel):
    """One step of what is owed."""

    model_config = ConfigDict(from_attributes=True, frozen=True)

    at: datetime
    kind: EntryKind = Field(description="What happened.")
    invoice_id: UUID
    document: str = Field(description="Number of the invoice or of the credit note.", examples=["INV-000042"])
    amount: MoneyModel = Field(description="Owed if positive, owed no longer if negative.")
    balance: MoneyModel = Field(description="What is owed after this step.")


class BalanceModel(HttpModel):
    """What is owed."""

    balances: Sequence[MoneyModel] = Field(
        description="One for each currency that something was ever booked in, by its code."
    )


def statements_router(bus: Bus) -> ContextRouter:
    """The router; `bus` carries the messages of billing."""
    router = ContextRouter("billing")

    @router.get("/statement", response_model=PageModel[StatementLineModel])
    @permitted(READ)
    async def my_statement(
        caller: Caller, currency: OfCurrency, limit: Limit = DEFAULT_LIMIT, cursor: NextPage = None
    ) -> Page[StatementLine]:
        """List what you were billed, paid and got back in a currency, the oldest first."""
        asked = ListStatement(customer_id=caller.subject, currency=currency, limit=limit, cursor=cursor)
        return await bus.ask(asked)

    @router.get("/balance", response_model=BalanceModel)
    @permitted(READ)
    async def my_balance(caller: Caller) -> dict[str, Sequence[MoneyView]]:
        """Say what you owe. Drafts are not owed, and what is written off is not counted."""
        return {"balances": await bus.ask(CustomerBalance(customer_id=caller.subject))}

    @router.get("/customers/{customer_id}/statement", response_model=PageModel[StatementLineModel])
    @permitted(READ_ANY)
    async def statement_of_customer(
        customer_id: UUID, currency: OfCurrency, limit: Limit = DEFAULT_LIMIT, cursor: NextPage = None
    ) -> Page[StatementLine]:
        """List what a customer was billed, paid and got back in a currency, the oldest first."""
        asked = ListStatement(customer_id=customer_id, currency=currency, limit=limit, cursor=cursor)
        return await bus.ask(asked)

    return router
