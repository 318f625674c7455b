"""Remembers when owners were warned that somebody registers with their address, so that nobody floods them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import final
from uuid import UUID

from sqlalchemy import bindparam, or_, select
from sqlalchemy.dialects.postgresql import insert

from hedgerow_core.persistence import Database
from hedgerow_users.domain.account import AccountId, AccountStatus
from hedgerow_users.domain.email import Email
from hedgerow_users.infrastructure.tables import accounts, registration_warnings

WARNED_EVERY = timedelta(hours=1)

_active = (
    select(accounts.c.id, accounts.c.email)
    .where(accounts.c.id == bindparam("account"), accounts.c.status == AccountStatus.ACTIVE.value)
    .cte("active")
)
_claimed = insert(registration_warnings).from_select(
    ["account_id", "request_id", "warned_at"],
    select(
        _active.c.id,
        bindparam("request", type_=registration_warnings.c.request_id.type),
        bindparam("now", type_=registration_warnings.c.warned_at.type),
    ),
)
# The same request may claim again, because its mail may not have left; another one has to wait.
_claim = (
    _claimed.on_conflict_do_update(
        constraint="pk_registration_warnings",
        set_={"request_id": _claimed.excluded.request_id, "warned_at": _claimed.excluded.warned_at},
        where=or_(
            registration_warnings.c.request_id == _claimed.excluded.request_id,
            registration_warnings.c.warned_at
            <= bindparam("warned_before", type_=registration_warnings.c.warned_at.type),
        ),
    )
    .returning(registration_warnings.c.account_id)
    .cte("claimed")
)
_CLAIM = select(_active.c.email).join(_claim, _claim.c.account_id == _active.c.id)


@final
class DatabaseRegistrationWarnings:
    """The port `RegistrationWarnings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, account_id: AccountId, request_id: UUID, *, at: datetime) -> Email | None:
        """One statement: of any number of workers at once, one gets the address."""
        values = {"account": account_id, "request": request_id, "now": at, "warned_before": at - WARNED_EVERY}
        async with self._database.transaction() as connection:
            to = (await connection.execute(_CLAIM, values)).scalar_one_or_none()
        return Email(to) if to else None
