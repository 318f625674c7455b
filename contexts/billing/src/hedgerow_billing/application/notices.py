"""The port to what a gateway tells unasked. A notice is a hint and no more: the gateway is asked what holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something happened to what has our key. `id` is the gateway's, and the same each time it is sent."""

    id: str
    key: str

    def about(self, prefix: str) -> UUID | None:
        """The id behind this prefix of our keys; None if the key is another's."""
        if not self.key.startswith(prefix):
            return None
        try:
            return UUID(self.key.removeprefix(prefix))
        except ValueError:
            return None


class NoticeReader(Protocol):
    """Tells the gateway's notices from anybody's. Called by the edge, without a transaction."""

    def read(self, signature: str, body: bytes) -> Notice | None:
        """The notice in this body; None if it is of a kind, or about something, that does not concern us.

        Raises:
            NoticeRefused: it is not the gateway's, not of now, or unreadable.
        """
        ...
