"""Finds a payment by its id alone, with one statement."""

from __future__ import annotations

from typing import final
from uuid import UUID

from sqlalchemy import bindparam, select

from hedgerow_billing.application.ports import NoticedPayment
from hedgerow_billing.domain.currencies import Currency
from hedgerow_billing.domain.money import Money
from hedgerow_billing.domain.payment import PaymentStatus
from hedgerow_billing.infrastructure.tables import payments
from hedgerow_core.persistence import Database

_PAYMENT = select(
    payments.c.id, payments.c.invoice_id, payments.c.amount, payments.c.currency, payments.c.status
).where(payments.c.id == bindparam("payment_id"))


@final
class PostgresNoticedPayments:
    """The port `NoticedPaymentReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, payment_id: UUID) -> NoticedPayment | None:
        """Read it, if it is there."""
        async with self._database.reading() as connection:
            row = (await connection.execute(_PAYMENT, {"payment_id": payment_id})).one_or_none()
        if row is None:
            return None
        return NoticedPayment(
            id=row.id,
            invoice_id=row.invoice_id,
            amount=Money(row.amount, Currency(row.currency)),
            status=PaymentStatus(row.status),
        )
