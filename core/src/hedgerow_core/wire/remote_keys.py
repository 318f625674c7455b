"""The public keys of somebody else in memory: asked for rarely, whatever comes in, and kept while they are away.

A request never waits over a key that is known. A storm of tokens with invented names of keys costs whoever has
published them one question in `ask_every_s`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import final

from jwt import PyJWK

from hedgerow_core.domain import UnavailableError
from hedgerow_core.observability import log_of
from hedgerow_core.wire.key_documents import KeyDocument, KeysNotReadError


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPatience:
    """How often somebody is asked for keys, and for how long these are believed."""

    ask_every_s: float
    """So often at most, successful or not. A new key is believed so much later, if one has just been invented."""
    fresh_at_least_s: float
    fresh_at_most_s: float
    """What the publisher says of caching counts in these bounds; who says nothing is asked at the lower one."""
    stale_for_s: float = 86_400.0
    """Keys that can't be refreshed are believed for a day beyond their time: an outage shuts nobody out, and a key
    that was withdrawn meanwhile does not live for ever."""


Unknown = Callable[[timedelta], UnavailableError]
"""What is raised where no key at all is known, with the time after which it is worth asking again."""
Fetch = Callable[[], Awaitable[KeyDocument]]

_log = log_of(__name__)


class RemoteKeys:
    """What this process knows of somebody's keys (key source of a token issuer). Belongs to one event loop."""

    def __init__(
        self,
        owner: str,
        fetch: Fetch,
        patience: KeyPatience,
        unknown: Unknown,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._owner = owner
        self._fetch = fetch
        self._patience = patience
        self._unknown = unknown
        self._monotonic = monotonic
        self._keys: Mapping[str, PyJWK] = {}
        self._asked_at = self._fresh_until = self._believed_until = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._failing = False

    async def find(self, kid: str) -> PyJWK | None:
        """The owner's key of that name; None if there is none, as far as we know.

        Raises:
            UnavailableError: we know no key of theirs at all.
        """
        now = self._monotonic()
        key = self._keys.get(kid) if now < self._believed_until else None
        if (key is None or now >= self._fresh_until) and self._asking is None and self._may_ask(now):
            self._asked_at = now
            self._asking = asyncio.create_task(self._ask())
        if key is not None:
            return key
        if self._asking is not None:
            await asyncio.shield(self._asking)  # whoever gives up waiting does not end it for the others
        now = self._monotonic()
        if now >= self._believed_until:
            again = self._asked_at + self._patience.ask_every_s - now
            raise self._unknown(timedelta(seconds=max(1.0, again)))
        return self._keys.get(kid)

    async def close(self) -> None:
        """Wait for no answer any more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _may_ask(self, now: float) -> bool:
        return now - self._asked_at >= self._patience.ask_every_s

    async def _ask(self) -> None:
        try:
            document = await self._fetch()
        except Exception as error:
            if not self._failing:
                why = str(error) if isinstance(error, KeysNotReadError) else type(error).__name__
                _log.warning("keys_unread", owner=self._owner, error=why)
            self._failing = True
        else:
            self._take(document)
            if self._failing:
                _log.info("keys_read", owner=self._owner)
            self._failing = False
        finally:
            self._asking = None

    def _take(self, document: KeyDocument) -> None:
        least, most = self._patience.fresh_at_least_s, self._patience.fresh_at_most_s
        asked_for = document.max_age_s if document.max_age_s is not None else least
        self._keys = document.keys
        self._fresh_until = self._monotonic() + min(max(asked_for, least), most)
        self._believed_until = self._fresh_until + self._patience.stale_for_s
