"""The outbox as SQLAlchemy writes it. The ledger's other tables are moved by the SQL in `deliveries` and `relay`;
all of them are made by the ledger's migrations, one set in every context's schema.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Table, Text, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB

PARTITIONS = 64
"""Slices of a subscription that can be drained at the same time; a key always falls into the same slice."""

audit_entries = Table(
    "audit_entries",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
    Column("action", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("actor", Text),
    Column("subject_kind", Text),
    Column("subject_id", Text),
    Column("reason", Text),
    Column("affected", Integer),
    Column("details", JSONB, nullable=False),
    Column("address", Text),
    Column("user_agent", Text),
    Column("request_id", Text),
    Column("trace_id", Text),
)
"""The trail: who did what to whom. Append-only, by trigger and by grant."""

outbox = Table(
    "outbox",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    # xid xid8: filled by PostgreSQL with the writing transaction's id; the relay orders by its visibility.
    Column("event_id", Uuid, nullable=False),
    Column("type", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("aggregate_type", Text, nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("aggregate_version", Integer, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("traceparent", Text),
    Column("causation_id", Uuid),
    Column("correlation_id", Text),
    Column("actor", Text),
)
"""What this context published. Append-only; the only table that other contexts may read."""
