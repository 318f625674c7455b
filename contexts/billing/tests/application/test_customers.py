"""The rules of billing's own copy of users."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from hedgerow_billing.application.subscriptions import RegisteredUser, copy_registered_user
from hedgerow_billing.container import BillingContainer
from hedgerow_core.domain import new_id
from hedgerow_core.messaging import Envelope
from hedgerow_core.persistence import Database

Rows = Callable[[str], Awaitable[Sequence[Row[Any]]]]
NOW = datetime(2026, 1, 15, tzinfo=UTC)


def a_registration(user: UUID, *, name: str) -> RegisteredUser:
    return RegisteredUser.model_validate(
        {"user_id": str(user), "email": "a@b.example", "name": name, "registered_at": NOW.isoformat(), "new": 1}
    )


def an_envelope(user: UUID, *, version: int) -> Envelope:
    return Envelope(
        event_id=new_id(),
        type="users.user_registered",
        version=1,
        publisher="users",
        position=1,
        aggregate_id=user,
        aggregate_version=version,
        occurred_at=NOW,
        correlation_id=None,
        actor=None,
        attempt=1,
    )


async def deliver(database: Database, container: BillingContainer, user: UUID, name: str, version: int) -> None:
    async with database.transaction() as connection:
        work = container.work(connection)
        await copy_registered_user(a_registration(user, name=name), an_envelope(user, version=version), work)


async def test_a_registered_user_is_copied_once(
    database: Database, container: BillingContainer, rows: Rows
) -> None:
    user = new_id()
    for _ in range(2):
        await deliver(database, container, user, "Ada", 1)
    (copy,) = await rows("SELECT * FROM customers")
    assert tuple(copy) == (user, "a@b.example", "Ada", NOW, 1)


async def test_an_older_event_does_not_undo_a_newer_one(
    database: Database, container: BillingContainer, rows: Rows
) -> None:
    user = new_id()
    for name, version in [("Ada", 1), ("Ada Lovelace", 3), ("Ada Byron", 2)]:
        await deliver(database, container, user, name, version)
    (copy,) = await rows("SELECT name, version FROM customers")
    assert tuple(copy) == ("Ada Lovelace", 3)
