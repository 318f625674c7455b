"""The unit of work of webhooks: the ledger's, plus our repositories."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import Clock
from hedgerow_core.messaging import LedgerWork
from hedgerow_webhooks.infrastructure.endpoints import PostgresEndpoints
from hedgerow_webhooks.infrastructure.messages import PostgresMessages
from hedgerow_webhooks.infrastructure.owners import PostgresOwners
from hedgerow_webhooks.infrastructure.published import TRANSLATIONS
from hedgerow_webhooks.infrastructure.signing_secrets import SealedSecrets


class PostgresWebhooksWork(LedgerWork):
    """The port `WebhooksWork`."""

    def __init__(self, connection: AsyncConnection, *, context: str, clock: Clock, secrets: SealedSecrets) -> None:
        super().__init__(connection, context=context, clock=clock, translations=TRANSLATIONS)
        self.owners = PostgresOwners(connection)
        self.endpoints = PostgresEndpoints(self, secrets)
        self.messages = PostgresMessages(connection)
