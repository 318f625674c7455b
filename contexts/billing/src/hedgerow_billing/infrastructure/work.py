"""The unit of work of billing: the ledger's, plus billing's repositories."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_billing.infrastructure.books import PostgresDocumentNumbers
from hedgerow_billing.infrastructure.customer_copies import PostgresCustomers
from hedgerow_billing.infrastructure.published import TRANSLATIONS
from hedgerow_billing.infrastructure.repositories import PostgresInvoices
from hedgerow_core.application.cache import NOTHING_CLEARED, Clearing
from hedgerow_core.domain import Clock
from hedgerow_core.messaging import LedgerWork


class PostgresBillingWork(LedgerWork):
    """The port `BillingWork`."""

    def __init__(
        self, connection: AsyncConnection, *, context: str, clock: Clock, clearing: Clearing = NOTHING_CLEARED
    ) -> None:
        super().__init__(connection, context=context, clock=clock, translations=TRANSLATIONS, clearing=clearing)
        self.numbers = PostgresDocumentNumbers(connection)
        self.invoices = PostgresInvoices(self)
        self.customers = PostgresCustomers(self)
