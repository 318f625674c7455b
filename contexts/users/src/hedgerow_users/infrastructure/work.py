"""One transaction of this context, with its repositories."""

from __future__ import annotations

from typing import final

from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import Clock
from hedgerow_core.messaging import LedgerWork
from hedgerow_users.infrastructure.api_key_repository import ApiKeyRepository
from hedgerow_users.infrastructure.identities import IdentityRepository
from hedgerow_users.infrastructure.links import LinkRepository
from hedgerow_users.infrastructure.published import TRANSLATIONS
from hedgerow_users.infrastructure.repositories import AccountRepository
from hedgerow_users.infrastructure.second_factors import SecondFactorRepository
from hedgerow_users.infrastructure.session_repository import RevocationRepository, SessionRepository
from hedgerow_users.infrastructure.webhook_receipts import WebhookReceipts


@final
class UsersWork(LedgerWork):
    """The unit of work (port `UsersUnitOfWork`)."""

    def __init__(self, connection: AsyncConnection, *, context: str, clock: Clock) -> None:
        super().__init__(connection, context=context, clock=clock, translations=TRANSLATIONS)
        self.accounts = AccountRepository(self)
        self.sessions = SessionRepository(connection)
        self.revocations = RevocationRepository(connection)
        self.links = LinkRepository(connection)
        self.second_factors = SecondFactorRepository(connection)
        self.api_keys = ApiKeyRepository(connection)
        self.identities = IdentityRepository(connection)
        self.receipts = WebhookReceipts(connection)
