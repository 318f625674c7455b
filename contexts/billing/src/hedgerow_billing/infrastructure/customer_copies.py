"""Saves billing's copies of users, on the connection of a unit of work."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import case, func
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from hedgerow_billing.application.ports import CustomerNews, Standing
from hedgerow_billing.infrastructure.tables import customers
from hedgerow_core.messaging import LedgerWork

FACTS = {"email": "email_version", "name": "name_version", "standing": "standing_version"}
"""What changes of a customer, and the column that says as of which version it was told."""
_insert_customer = insert_or_update(customers)
_told = _insert_customer.excluded
_LEARN = _insert_customer.on_conflict_do_update(
    index_elements=[customers.c.id],
    set_={
        **{
            fact: case((_told[as_of] > customers.c[as_of], _told[fact]), else_=customers.c[fact])
            for fact, as_of in FACTS.items()
        },
        **{as_of: func.greatest(customers.c[as_of], _told[as_of]) for as_of in (*FACTS.values(), "version")},
        "registered_at": func.coalesce(customers.c.registered_at, _told.registered_at),
    },
    where=customers.c.standing != Standing.DELETED,
)
_FORGET = _insert_customer.on_conflict_do_update(
    index_elements=[customers.c.id],
    set_={
        **{name: _told[name] for name in ("email", "name", "registered_at", "standing")},
        "version": func.greatest(customers.c.version, _told.version),
    },
)


class PostgresCustomers:
    """The port `CustomerRepository`."""

    def __init__(self, work: LedgerWork) -> None:
        self._work = work

    async def learn(self, news: CustomerNews) -> None:
        """Insert the copy, or replace what is older in it."""
        row = {
            "id": news.id,
            "email": news.email,
            "name": news.name,
            "standing": news.standing or Standing.ACTIVE,
            "registered_at": news.registered_at,
            "version": news.version,
        }
        told = {as_of: 0 if getattr(news, fact) is None else news.version for fact, as_of in FACTS.items()}
        await self._work.connection.execute(_LEARN, {**row, **told})

    async def forget(self, customer_id: UUID, version: int) -> None:
        """Leave the id."""
        nothing = dict.fromkeys(("email", "name", "registered_at"))
        row = {"id": customer_id, "standing": Standing.DELETED, "version": version, **nothing}
        await self._work.connection.execute(_FORGET, {**row, **dict.fromkeys(FACTS.values(), version)})
