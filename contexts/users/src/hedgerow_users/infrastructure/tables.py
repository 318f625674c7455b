"""The tables of this context, as its statements see them. Constraints and indexes are in the migrations."""

from __future__ import annotations

from sqlalchemy import ARRAY, Column, Date, DateTime, Integer, LargeBinary, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("password_hash", Text),
    Column("roles", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Column("verified_at", DateTime(timezone=True)),
    Column("phone", Text),
    Column("address", Text),
    Column("birthday", Date),
    Column("photo_url", Text),
    Column("metadata", JSONB, nullable=False),
)
"""Unique by `lower(email)`: uq_accounts_email. Listed by ix_accounts_created, _name, _email."""

links = Table(
    "links",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("request_id", Uuid, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("email", Text, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)
"""The latest link of an account for a purpose: a new one replaces it. Found by its code: uq_links_hash."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    Column("end_reason", Text),
)
"""One row a login. Live ones of an account by ix_sessions_live."""

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("session_id", Uuid, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)
"""Used ones stay: a second use is how theft shows."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("private_key", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
"""Ed25519 private keys, PKCS #8 in DER."""
