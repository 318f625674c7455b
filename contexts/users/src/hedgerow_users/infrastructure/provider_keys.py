"""The keys of one identity provider in memory: asked for rarely, whatever comes in, and kept while it is away.

A request never waits for the provider over a key that is known. A storm of tokens with invented names of keys costs
the provider one question in thirty seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from jwt import PyJWK

from hedgerow_core.observability import log_of
from hedgerow_users.application.identity_ports import ProviderKeysUnknown
from hedgerow_users.infrastructure.key_documents import KeyDocument, KeysNotReadError

ASK_EVERY_S = 30.0
"""So often at most, successful or not. A new key is believed so much later, if somebody has just invented one."""
FRESH_AT_LEAST_S, FRESH_AT_MOST_S = 300.0, 86_400.0
"""What the provider says of caching counts in these bounds; who says nothing is asked every five minutes."""
STALE_FOR_S = 86_400.0
"""Keys that can't be refreshed are believed for a day beyond their time: an outage shuts nobody out, and a key that
was withdrawn meanwhile does not live for ever."""

Fetch = Callable[[], Awaitable[KeyDocument]]

_log = log_of(__name__)


class ProviderKeys:
    """What this process knows of a provider's keys (key source of its token issuer). Belongs to one event loop."""

    def __init__(self, provider: str, fetch: Fetch, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: Mapping[str, PyJWK] = {}
        self._asked_at = self._fresh_until = self._believed_until = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._failing = False

    async def find(self, kid: str) -> PyJWK | None:
        """The provider's key of that name; None if it has none, as far as we know.

        Raises:
            ProviderKeysUnknown: we know no key of it at all.
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
            raise ProviderKeysUnknown(
                self._provider, timedelta(seconds=max(1.0, self._asked_at + ASK_EVERY_S - now))
            )
        return self._keys.get(kid)

    async def close(self) -> None:
        """Wait for no answer any more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _may_ask(self, now: float) -> bool:
        return now - self._asked_at >= ASK_EVERY_S

    async def _ask(self) -> None:
        try:
            document = await self._fetch()
        except Exception as error:
            if not self._failing:
                why = str(error) if isinstance(error, KeysNotReadError) else type(error).__name__
                _log.warning("provider_keys_unread", provider=self._provider, error=why)
            self._failing = True
        else:
            self._take(document)
            if self._failing:
                _log.info("provider_keys_read", provider=self._provider)
            self._failing = False
        finally:
            self._asking = None

    def _take(self, document: KeyDocument) -> None:
        asked_for = document.max_age_s if document.max_age_s is not None else FRESH_AT_LEAST_S
        self._keys = document.keys
        self._fresh_until = self._monotonic() + min(max(asked_for, FRESH_AT_LEAST_S), FRESH_AT_MOST_S)
        self._believed_until = self._fresh_until + STALE_FOR_S
