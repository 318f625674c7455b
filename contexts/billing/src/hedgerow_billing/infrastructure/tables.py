"""The tables of billing, as statements see them. The migrations create them, with their constraints."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from hedgerow_billing.domain.errors import InvoiceNotFound, PaymentInProgress
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
    Column("lines", JSONB, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("opened_at", DateTime(timezone=True)),
    Column("paid_at", DateTime(timezone=True)),
    Column("voided_at", DateTime(timezone=True)),
)
"""One row an invoice. `lines` never change after the insert and are never searched, so they lie in the row:
`[{description, quantity, unit_price}]`. `total` is their sum, kept for sorting."""

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
)
"""One row an attempt to pay. `uq_payments_in_progress` allows one unsettled row an invoice."""

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
    "fk_payments_invoice": InvoiceNotFound,
}
"""Which rule stands behind a constraint: a lost race is a conflict, not a crash."""
