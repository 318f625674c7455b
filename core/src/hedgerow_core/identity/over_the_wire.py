"""The way to the host where a context is at home, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import final

from pydantic import BaseModel

from hedgerow_core.observability import log_of
from hedgerow_core.security import IdentityUnknown
from hedgerow_core.wire import Peer

PATH = "/_identity"
MOST_BYTES = 16 * 1024 * 1024
"""News of 250,000 sessions that have ended within six minutes."""

_log = log_of(__name__)


@final
class HomeOverTheWire:
    """Asks in the name of a context that is hosted here (port `Home`)."""

    def __init__(self, peer: Peer, asker: str) -> None:
        self._peer = peer
        self._asker = asker

    async def ask(self, what: str, question: BaseModel | None, *, within: timedelta) -> bytes:
        """Ask. Keys and tokens go into the body, which nobody writes down."""
        path = "/".join(filter(None, (PATH, self._peer.context, what)))
        answer = await self._peer.send(
            "GET" if question is None else "POST",
            path,
            asker=self._asker,
            within=within,
            content=b"" if question is None else question.model_dump_json().encode(),
            headers={} if question is None else {"content-type": "application/json"},
            most_bytes=MOST_BYTES,
        )
        if answer.status != HTTPStatus.OK:
            _log.warning("identity_not_told", context=self._peer.context, what=what, status=answer.status)
            raise IdentityUnknown
        return answer.content
