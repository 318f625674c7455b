"""The tables of this context, as its statements see them. Constraints and indexes are in the migrations."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
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
    Column("proven", Boolean, nullable=False),
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
"""Ed25519 private keys, encrypted (`Seal`)."""

revocations = Table(
    "revocations",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("subject", Uuid, nullable=False),
    Column("not_before", DateTime(timezone=True), nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=func.clock_timestamp()),
)
"""`subject` is a session or an account: its access tokens that were issued before are refused. Kept for minutes."""

registration_warnings = Table(
    "registration_warnings",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("request_id", Uuid, nullable=False),
    Column("warned_at", DateTime(timezone=True), nullable=False),
)
"""When an owner was last told that somebody registers with the address."""

known_networks = Table(
    "known_networks",
    metadata,
    Column("place", LargeBinary, primary_key=True),
    Column("seen_at", DateTime(timezone=True), nullable=False),
)
"""Hashes of an account and a network that it has logged in from, and when last."""

second_factors = Table(
    "second_factors",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("begun_at", DateTime(timezone=True), nullable=False),
    Column("confirmed_at", DateTime(timezone=True)),
    Column("last_step", BigInteger),
)
"""Secrets of authenticator apps, encrypted (`Seal`), and the step of the last code that was accepted."""

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
    Column("used_at", DateTime(timezone=True)),
)
"""The current set of an account; used ones stay until it is replaced."""

services = Table(
    "services",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
)
"""Programs without an account. Live ones are unique by name: uq_services_name."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("public_id", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("account_id", Uuid),
    Column("service_id", Uuid),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("last_used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("rotated_from", Uuid),
)
"""Found by uq_api_keys_public_id; those of an owner that live, by ix_api_keys_account and ix_api_keys_service."""

identities = Table(
    "identities",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("account_id", Uuid),
    Column("email", Text),
    Column("source_updated_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
)
"""Unique by provider and subject: uq_identities_subject. Those of an account by ix_identities_account."""

webhook_receipts = Table(
    "webhook_receipts",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("webhook_id", Text, primary_key=True),
    Column("received_at", DateTime(timezone=True), nullable=False),
)
"""Webhooks that were acted upon, for as long as a sender may repeat them: ix_webhook_receipts_received."""
