"""The four tables of the ledger. Every context's schema has its own set; `search_path` picks the right one."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

PARTITIONS = 64
"""Slices of a subscription that can be drained at the same time; a key always falls into the same slice."""

ledger = MetaData()

outbox = Table(
    "outbox",
    ledger,
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

deliveries = Table(
    "deliveries",
    ledger,
    Column("event_id", Uuid, primary_key=True),
    Column("subscription", Text, primary_key=True),
    Column("publisher", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("ordering_key", Text, nullable=False),
    Column("partition", SmallInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("aggregate_type", Text),
    Column("aggregate_id", Uuid),
    Column("aggregate_version", Integer),
    Column("payload", JSONB, nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("traceparent", Text),
    Column("causation_id", Uuid),
    Column("correlation_id", Text),
    Column("actor", Text),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", DateTime(timezone=True), nullable=False),
    Column("token", BigInteger),
    Column("owner", Text),
    Column("reason", Text),
    Column("errors", JSONB, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("completed_at", DateTime(timezone=True)),
)
"""What this context must do: one row per event and subscription, or per task, with its own copy of the event."""

delivery_partitions = Table(
    "delivery_partitions",
    ledger,
    Column("subscription", Text, primary_key=True),
    Column("partition", SmallInteger, primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("owner", Text),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
"""Who may drain which slice until when. `token` grows with every new holder and fences the old one."""

feed_cursors = Table(
    "feed_cursors",
    ledger,
    Column("publisher", Text, primary_key=True),
    Column("snapshot", Text, nullable=False),
    Column("target", Text),
    Column("after_id", BigInteger, nullable=False),
    Column("system_identifier", BigInteger, nullable=False),
    Column("holder", Text),
    Column("term", BigInteger, nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
"""How far this context has read each publisher's outbox, and which relay process may read on."""
