"""The table of loyalty, as statements see it. The migration creates it, with its constraints."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Uuid

metadata = MetaData()

rewards = Table(
    "rewards",
    metadata,
    Column("invoice_id", Uuid, primary_key=True),
    Column("customer_id", Uuid, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("given_back", BigInteger, nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
)
"""One row an invoice. Amounts are minor units. A customer's, by ix_rewards_customer."""
