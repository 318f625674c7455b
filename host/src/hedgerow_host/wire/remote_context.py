"""One context that lives on another host: the way there, what is known of it, and the way of questions to it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import final

from hedgerow_core.questions import AskedQuery, RemoteAnswering
from hedgerow_core.wire import Peer, PeerAway
from hedgerow_host.contracts import ContextContract


class Standing(StrEnum):
    """How it stood with a remote context when it was last looked at."""

    UNKNOWN = "not asked yet"
    HERE = "here"
    AWAY = "away"
    REFUSING = "refuses us"
    UNFIT = "answers another contract"


@final
class RemoteContext:
    """A remote context (port `Transport`: carries questions to it)."""

    def __init__(self, peer: Peer, *, optional: bool | None) -> None:
        self.peer = peer
        self._declared_optional = optional
        self.relying: Sequence[str] = ()
        """The contexts here that require it, ask it or listen to it."""
        self.standing = Standing.UNKNOWN
        self.contract: ContextContract | None = None
        """What its host says that it publishes and answers; None until it was asked. Never one that is unfit."""
        self._answering = RemoteAnswering(peer, self._may_repeat)

    @property
    def optional(self) -> bool:
        """Whether this host starts without it. Who is listed only because it may call is nobody's condition."""
        return self._declared_optional if self._declared_optional is not None else not self.relying

    @property
    def was_here(self) -> bool:
        """Whether this process has ever found it, and able to serve what is asked of it here."""
        return self.contract is not None

    async def __call__(self, asked: AskedQuery, /) -> bytes:
        """Carry a question there.

        Raises:
            UnavailableError: there is no way, or none yet that its contract was held against.
        """
        if self.standing not in (Standing.UNKNOWN, Standing.HERE) and not self.was_here:
            raise PeerAway(self.peer.context)
        return await self._answering(asked)

    def _may_repeat(self, query: str, version: int) -> bool:
        answers = self.contract.answers if self.contract else ()
        return any((one.query, one.version, one.repeatable) == (query, version, True) for one in answers)
