"""Reads what must be known to send a message, its secrets included."""

from __future__ import annotations

from typing import final
from uuid import UUID

from sqlalchemy import and_, bindparam, or_, select

from hedgerow_core.domain import Clock
from hedgerow_core.persistence import Database
from hedgerow_webhooks.application.ports import Standing
from hedgerow_webhooks.application.sending import Outgoing
from hedgerow_webhooks.domain.endpoint import EndpointStatus
from hedgerow_webhooks.domain.message import MessageStatus
from hedgerow_webhooks.domain.target import Target
from hedgerow_webhooks.infrastructure.signing_secrets import SealedSecrets
from hedgerow_webhooks.infrastructure.tables import endpoint_secrets, endpoints, messages, owners

# One row a secret that is valid now, the newest first. Index: ix_endpoint_secrets_endpoint.
_OUTGOING = (
    select(
        messages.c.id,
        messages.c.webhook_id,
        messages.c.body,
        endpoints.c.id.label("endpoint_id"),
        endpoints.c.owner_id,
        endpoints.c.url,
        endpoints.c.status.label("endpoint_status"),
        endpoints.c.resting_until,
        owners.c.standing,
        endpoint_secrets.c.id.label("secret_id"),
        endpoint_secrets.c.sealed,
    )
    .select_from(
        messages.join(endpoints, endpoints.c.id == messages.c.endpoint_id)
        .join(
            endpoint_secrets,
            and_(
                endpoint_secrets.c.endpoint_id == endpoints.c.id,
                or_(endpoint_secrets.c.expires_at.is_(None), endpoint_secrets.c.expires_at > bindparam("now")),
            ),
        )
        .outerjoin(owners, owners.c.id == endpoints.c.owner_id)
    )
    .where(
        messages.c.id == bindparam("message"),
        messages.c.run == bindparam("run"),
        messages.c.status == MessageStatus.PENDING,
    )
    .order_by(endpoint_secrets.c.expires_at.is_not(None), endpoint_secrets.c.created_at.desc())
)


@final
class PostgresOutgoingReader:
    """The port `OutgoingReader`."""

    def __init__(self, database: Database, secrets: SealedSecrets, clock: Clock) -> None:
        self._database = database
        self._secrets = secrets
        self._clock = clock

    async def outgoing(self, message_id: UUID, *, run: int) -> Outgoing | None:
        """Read it, and open its secrets."""
        where = {"message": message_id, "run": run, "now": self._clock.now()}
        async with self._database.reading() as connection:
            rows = (await connection.execute(_OUTGOING, where)).all()
        if not rows:
            return None
        row = rows[0]
        return Outgoing(
            message_id=row.id,
            webhook_id=row.webhook_id,
            owner_id=row.owner_id,
            target=Target(row.url),
            body=row.body.encode(),
            secrets=self._secrets.open_all(row.endpoint_id, [(each.secret_id, each.sealed) for each in rows]),
            is_receivable=row.endpoint_status == EndpointStatus.ENABLED and row.standing in (None, Standing.ACTIVE),
            resting_until=row.resting_until,
        )
