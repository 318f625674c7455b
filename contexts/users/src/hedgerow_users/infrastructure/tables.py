"""The tables of this context, as its statements see them. Constraints and indexes are in the migrations."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Date,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    func,
)
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
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("address", Text, nullable=False),
)
"""One row a login. Live ones of an account by ix_sessions_live. Pruned by `tasks/prune_sessions`."""

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("session_id", Uuid, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
    Column("used_by", LargeBinary),
)
"""Used ones stay until they would have expired: a second use is how theft shows."""

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("sealed_private_key", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("retired_at", DateTime(timezone=True)),
)
"""Ed25519 private keys, encrypted (`key_seal`)."""

revocations = Table(
    "revocations",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("subject", Uuid, nullable=False),
    Column("not_before", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
)
"""`subject` is a session or an account: its access tokens that were issued before are refused. Kept for minutes."""

known_networks = Table(
    "known_networks",
    metadata,
    Column("place", LargeBinary, primary_key=True),
    Column("seen_at", DateTime(timezone=True), nullable=False),
)
"""Hashes of an account and a network that it has logged in from, and when last."""
