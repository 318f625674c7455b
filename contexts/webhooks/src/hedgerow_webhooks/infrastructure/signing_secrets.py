"""Signing secrets as they are stored: sealed, and bound to their endpoint and row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import final
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import bindparam, select, update

from hedgerow_core.domain import Secret
from hedgerow_core.persistence import Database
from hedgerow_core.security.seal import Seal
from hedgerow_core.security.server_secret import ServerSecret
from hedgerow_webhooks.application.sending import SecretUnreadable
from hedgerow_webhooks.domain.signing_secret import SigningSecret
from hedgerow_webhooks.infrastructure.tables import endpoint_secrets

FILE = "webhooks_secret"
"""In the data folder: where a secret is made and kept that nobody has set. The plugin allows that in `dev` only."""
PURPOSE = "hedgerow-webhooks/signing-secret-seal/v1"
"""Never rename it."""

_SEALED = select(endpoint_secrets.c.id, endpoint_secrets.c.endpoint_id, endpoint_secrets.c.sealed)
_RESEAL = (
    update(endpoint_secrets)
    .where(endpoint_secrets.c.id == bindparam("row"), endpoint_secrets.c.sealed == bindparam("read"))
    .values(sealed=bindparam("resealed"))
)


@final
class SealedSecrets:
    """Seals and opens them."""

    def __init__(self, current: SecretStr | None, previous: SecretStr | None, *, folder: Path) -> None:
        self._seal = Seal(ServerSecret(current, previous, file=folder / FILE), PURPOSE)

    def close(self, endpoint_id: UUID, id: UUID, secret: SigningSecret) -> bytes:
        """As it goes into the row."""
        return self._seal.close(_name(endpoint_id, id), secret.text.reveal().encode())

    def open(self, endpoint_id: UUID, id: UUID, sealed: bytes) -> SigningSecret:
        """As it came.

        Raises:
            SecretUnreadable: it was sealed under another server secret, or somebody changed the row.
        """
        plain = self._seal.open(_name(endpoint_id, id), sealed)
        if plain is None:
            raise SecretUnreadable(
                f"a signing secret of endpoint {endpoint_id} does not open: set WEBHOOKS_SECRET_PREVIOUS to what "
                "WEBHOOKS_SECRET was when it was sealed, then retry the task"
            )
        return SigningSecret(Secret(plain.decode()))

    def open_all(self, endpoint_id: UUID, rows: Sequence[tuple[UUID, bytes]]) -> Sequence[SigningSecret]:
        """All of an endpoint, in their order."""
        return [self.open(endpoint_id, id, sealed) for id, sealed in rows]

    async def reseal(self, database: Database) -> tuple[int, int]:
        """Seal every one under the current server secret; says how many that were, and how many do not open.

        Safe to repeat, and while messages are sent: one that was replaced meanwhile is left as it is.
        """
        async with database.reading() as connection:
            rows = (await connection.execute(_SEALED)).all()
        resealed = unreadable = 0
        for row in rows:
            try:
                secret = self.open(row.endpoint_id, row.id, row.sealed)
            except SecretUnreadable:
                unreadable += 1
                continue
            values = {"row": row.id, "read": row.sealed, "resealed": self.close(row.endpoint_id, row.id, secret)}
            async with database.transaction() as connection:
                resealed += (await connection.execute(_RESEAL, values)).rowcount
        return resealed, unreadable


def _name(endpoint_id: UUID, id: UUID) -> str:
    return f"{endpoint_id}/{id}"
