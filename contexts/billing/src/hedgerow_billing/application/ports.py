"""What the use cases of billing need from PostgreSQL: repositories, the unit of work, readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from hedgerow_billing.application.gateway import ChargeRequest, RefundRequest
from hedgerow_billing.application.views import InvoiceView
from hedgerow_billing.domain.documents import DocumentNumber
from hedgerow_billing.domain.invoice import Invoice
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

    async def locked(self, invoice_id: UUID, *, owner_id: UUID | None = None) -> Invoice:
        """The invoice; until the transaction ends, all others who want it so wait. With None, whoever's it is.

        Raises:
            InvoiceNotFound: it is not there, or not this owner's.
        """
        ...

    async def unpaid_of(self, customer_id: UUID, *, limit: int) -> Sequence[Invoice]:
        """Some of the customer's drafts and open invoices of which no payment is in progress, the oldest first."""
        ...

    async def is_paying(self, customer_id: UUID) -> bool:
        """Whether a payment of one of the customer's invoices is in progress."""
        ...

    async def lock_overdue(self, *, on: date, limit: int) -> Sequence[Invoice]:
        """Some open invoices that were due before that day and are not marked, the longest overdue first.

        Until the transaction ends, all others who want them wait. What somebody else holds is passed by.
        """
        ...

    async def lock_collectable(self, *, at: datetime, limit: int) -> Sequence[Invoice]:
        """Some invoices of which an attempt to collect is planned by then, the one that waits longest first.

        None of which a payment is in progress, and none of deleted customers. Until the transaction ends, all
        others who want them wait. What somebody else holds is passed by.
        """
        ...

    async def update(self, invoice: Invoice) -> None:
        """Save a changed invoice.

        Raises:
            ConflictError: `concurrent_change`, somebody else saved it since it was loaded.
            PaymentInProgress: a payment of it began at the same moment.
        """
        ...


class Standing(StrEnum):
    """Whether a customer's account is open. Of who is `deleted`, nothing personal is kept."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerNews:
    """What an event tells of a customer; None is what it doesn't. `version` is the user's, after the event."""

    id: UUID
    version: int
    email: str | None = None
    name: str | None = None
    standing: Standing | None = None
    registered_at: datetime | None = None


class CustomerRepository(Protocol):
    """Billing's own copies of users. Events may come repeatedly and in any order: the result is the same."""

    async def learn(self, news: CustomerNews) -> None:
        """Take over what is told as of a later version than what is known, fact by fact."""
        ...

    async def forget(self, customer_id: UUID, version: int) -> None:
        """Keep nothing but the id of somebody who was deleted, whatever else is still told of them."""
        ...


class DocumentNumbers(Protocol):
    """Draws the numbers of invoices and credit notes."""

    async def draw(self, series: str) -> DocumentNumber:
        """The next number of the series. It must be given to a document in this transaction.

        Until that ends, whoever wants the next one waits: draw late, so that nobody waits long.
        """
        ...


class BillingWork(UnitOfWork, Protocol):
    """One transaction of billing."""

    @property
    def numbers(self) -> DocumentNumbers:
        """The numbers of documents, in this transaction."""
        ...

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
class OutstandingCharge:
    """A payment of which the outcome is not known."""

    request: ChargeRequest
    invoice_id: UUID
    requested_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OutstandingRefund:
    """A refund of which the outcome is not known."""

    request: RefundRequest
    invoice_id: UUID
    requested_at: datetime


class TransferReader(Protocol):
    """Looks up what tasks must know before they ask the gateway, outside any transaction: one statement each."""

    async def charge(self, payment_id: UUID) -> OutstandingCharge | None:
        """The payment; None once it is settled.

        Raises:
            PaymentNotFound: there is none.
        """
        ...

    async def refund(self, refund_id: UUID) -> OutstandingRefund | None:
        """The refund; None once it is settled.

        Raises:
            RefundNotFound: there is none.
        """
        ...
