"""What documents and exports are made of. Every question is one statement, past the domain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_core.application import Filters, Page, RowScope


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRow:
    """An invoice without what lies inside of it. Amounts are minor units of its currency."""

    id: UUID
    number: str | None
    status: InvoiceStatus
    customer_id: UUID
    customer_name: str | None
    currency: str
    net: int
    tax: int
    total: int
    credited: int
    due: int
    paid: int
    refunded: int
    """What was given back, or is on its way."""
    created_at: datetime
    opened_at: datetime | None
    due_on: date | None
    overdue_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    uncollectible_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerView:
    """What billing knows of a customer. Of who is deleted, the id is left."""

    id: UUID
    name: str | None
    email: str | None


class InvoiceRowReader(Protocol):
    """Reads many invoices, stretch by stretch."""

    async def page(
        self, rows: RowScope, *, filters: Filters, sort: str, cursor: str | None, limit: int
    ) -> Page[InvoiceRow]:
        """The next invoices within reach, by `created_at` and `total`.

        Raises:
            ValidationError: unknown filter or sort key, or a cursor that is not valid for it.
        """
        ...


class CustomerReader(Protocol):
    """Looks up billing's copies of users."""

    async def find(self, customer_id: UUID) -> CustomerView:
        """What is known: of somebody whom we never heard of, the id."""
        ...
