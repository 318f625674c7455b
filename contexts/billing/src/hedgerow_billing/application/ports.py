"""What the use cases of billing need from PostgreSQL: repositories, the unit of work, readers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.domain.invoice import Invoice
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.payment import PaymentStatus
from hedgerow_core.application import Filters, Page, RowScope, UnitOfWork


class InvoiceRepository(Protocol):
    """Loads and saves invoices whole, inside the unit of work's transaction."""

    async def add(self, invoice: Invoice) -> None:
        """Save a new invoice."""
        ...

    async def of_customer(self, customer_id: UUID, invoice_id: UUID) -> Invoice:
        """The invoice, if it is this customer's.

        Raises:
            InvoiceNotFound: it is not there, or somebody else's.
        """
        ...

    async def get(self, invoice_id: UUID) -> Invoice:
        """The invoice, whoever's it is: for work that no customer steers.

        Raises:
            InvoiceNotFound: it is not there.
        """
        ...

    async def update(self, invoice: Invoice) -> None:
        """Save a changed invoice.

        Raises:
            ConflictError: `concurrent_change`, somebody else saved it since it was loaded.
            PaymentInProgress: a payment of it began at the same moment.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Billing's own copy of a user. `version` is the user's, and tells an older copy from a newer one."""

    id: UUID
    email: str
    name: str
    registered_at: datetime
    version: int


class CustomerRepository(Protocol):
    """Keeps the copies of users."""

    async def keep_latest(self, customer: Customer) -> None:
        """Save the copy unless one as new or newer is there. Safe to repeat."""
        ...


class BillingWork(UnitOfWork, Protocol):
    """One transaction of billing."""

    @property
    def invoices(self) -> InvoiceRepository:
        """The invoices, in this transaction."""
        ...

    @property
    def customers(self) -> CustomerRepository:
        """The copies of users, in this transaction."""
        ...


class InvoiceReader(Protocol):
    """Answers questions about invoices within reach: one statement each, past the domain."""

    async def find(self, rows: RowScope, invoice_id: UUID) -> InvoiceView | None:
        """The invoice if it is there and within reach, else None."""
        ...

    async def list(
        self,
        rows: RowScope,
        *,
        filters: Filters,
        sort: str,
        cursor: str | None,
        limit: int,
    ) -> Page[InvoiceView]:
        """A page of the invoices within reach, by `created_at` and `total`.

        Raises:
            ValidationError: unknown filter or sort key, or a cursor that is not valid for it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentToSettle:
    """What a task must know of a payment before it calls the gateway."""

    id: UUID
    amount: Money
    status: PaymentStatus


class PaymentReader(Protocol):
    """Looks payments up for the tasks, outside any transaction: one statement."""

    async def get(self, payment_id: UUID) -> PaymentToSettle:
        """The payment.

        Raises:
            PaymentNotFound: there is none.
        """
        ...
