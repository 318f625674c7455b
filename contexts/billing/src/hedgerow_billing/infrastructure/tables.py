"""The tables of billing, as statements see them. The migrations create them, with their constraints."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from hedgerow_billing.domain.errors import (
    DocumentNumberTaken,
    InvoiceNotFound,
    PaymentInProgress,
    RefundExceedsPayment,
)
from hedgerow_core.persistence.failures import Constraints

metadata = MetaData()

invoices = Table(
    "invoices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("credited", BigInteger, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("series", Text),
    Column("place", Integer),
    Column("due_days", Integer, nullable=False),
    Column("due_on", Date),
    Column("automatic", Boolean, nullable=False),
    Column("payment_method", Text),
    Column("collect_at", DateTime(timezone=True)),
    Column("collect_attempts", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("opened_at", DateTime(timezone=True)),
    Column("paid_at", DateTime(timezone=True)),
    Column("voided_at", DateTime(timezone=True)),
    Column("uncollectible_at", DateTime(timezone=True)),
    Column("overdue_at", DateTime(timezone=True)),
)
"""One row an invoice. `lines` never change after the insert and are never searched, so they lie in the row:
`[{description, quantity, unit_price, tax_rate}]`, the rate in thousandths of a percent. `total` and `tax` are
worked out from them, and `credited` is the sum of the credit notes."""

payments = Table(
    "payments",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("invoice_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    Column("gateway_reference", Text),
    Column("failure", Text),
    Column("method", Text),
    Column("automatic", Boolean, nullable=False),
    Column("refunded", BigInteger, nullable=False),
)
"""One row an attempt to pay. `uq_payments_in_progress` allows one unsettled row an invoice, and
`ck_payments_refunded` no refunds above the amount."""

refunds = Table(
    "refunds",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("invoice_id", Uuid, nullable=False),
    Column("payment_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    Column("gateway_reference", Text),
    Column("failure", Text),
)

credit_notes = Table(
    "credit_notes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("invoice_id", Uuid, nullable=False),
    Column("refund_id", Uuid),
    Column("series", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("tax", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
)

postings = Table(
    "postings",
    metadata,
    Column("id", BigInteger, nullable=False),
    Column("kind", Text, primary_key=True),
    Column("source", Uuid, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("invoice_id", Uuid, nullable=False),
    Column("customer_id", Uuid, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""The books, append-only. What has one kind and source is an entry: a trigger sees to it that it sums up to zero,
and the primary key to it that it is made once. `id` grows in the order of booking."""

customers = Table(
    "customers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text),
    Column("email_version", Integer, nullable=False),
    Column("name", Text),
    Column("name_version", Integer, nullable=False),
    Column("standing", Text, nullable=False),
    Column("standing_version", Integer, nullable=False),
    Column("registered_at", DateTime(timezone=True)),
    Column("version", Integer, nullable=False),
)
"""Billing's copies of users. Beside each fact that changes stands the version of the user as of which it was told:
0 where nobody has. `version` is the highest of all. Of who is deleted, the id is left."""

CONSTRAINTS: Constraints = {
    "uq_payments_in_progress": PaymentInProgress,
    "ck_payments_refunded": RefundExceedsPayment,
    "uq_invoices_number": DocumentNumberTaken,
    "uq_credit_notes_number": DocumentNumberTaken,
    "fk_payments_invoice": InvoiceNotFound,
}
"""Which rule stands behind a constraint: a lost race is a conflict, not a crash."""
