"""The port to the world outside: sends one message to an address that a customer chose, whatever that may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hedgerow_webhooks.domain.message import Attempt
from hedgerow_webhooks.domain.signing_secret import SigningSecret
from hedgerow_webhooks.domain.target import Target


class Sender(Protocol):
    """Called in a worker, outside any transaction. May be called again for the same message after a crash."""

    async def send(self, target: Target, headers: Mapping[str, str], body: bytes) -> Attempt:
        """POST it, and say what came of it: within a bounded time, of a bounded answer. Follows no redirect.

        Whatever the receiver does is an answer and no error; where the address leads to this house or anywhere
        that is not public, nothing is sent.
        """
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What must be known to send a message now."""

    message_id: UUID
    webhook_id: UUID
    owner_id: UUID
    target: Target
    body: bytes
    secrets: Sequence[SigningSecret]
    """All that are valid, the newest first."""
    is_receivable: bool
    """Whether the endpoint is on, and the account of its owner is open."""
    resting_until: datetime | None
    """Nothing arrives there, so nothing is tried until then."""


class OutgoingReader(Protocol):
    """Looks up what is to be sent, outside any transaction: one statement."""

    async def outgoing(self, message_id: UUID, *, run: int) -> Outgoing | None:
        """The message; None if it is not to be sent (any more) in this run.

        Raises:
            SecretUnreadable: its secret was sealed under a server secret that is not ours.
        """
        ...


class SecretUnreadable(Exception):
    """The operator's to mend: WEBHOOKS_SECRET was replaced, and WEBHOOKS_SECRET_PREVIOUS does not say by what."""
