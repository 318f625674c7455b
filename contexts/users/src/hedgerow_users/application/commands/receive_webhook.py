"""Receive a webhook: a provider tells what became of somebody. Believed if it is signed, acted upon once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, final

from hedgerow_core.application import Bus
from hedgerow_core.domain import Clock, ConflictError
from hedgerow_core.observability import log_of
from hedgerow_users.application.commands.take_provider_news import News, TakeProviderNews
from hedgerow_users.application.introduction import Introduction, moment_in
from hedgerow_users.application.webhook_signatures import SentWebhook, is_signed
from hedgerow_users.domain.identity_errors import ProviderNotFound, UnreadableWebhook, WebhookRefused
from hedgerow_users.domain.identity_provider import IdentityProvider

ATTEMPTS = 3
"""Two webhooks about one newcomer may meet: then one looks again, and finds what the other has stored."""
MAX_SUBJECT_LENGTH = 255
_SHOWN = 64

_log = log_of(__name__)


@final
class ReceiveWebhook:
    """Checks the signature, reads what is told, then takes it over in one transaction."""

    def __init__(self, bus: Bus, providers: Sequence[IdentityProvider] | None, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        keys = {provider.name: tuple(provider.webhook_keys()) for provider in providers or ()}
        self._keys = {name: shared for name, shared in keys.items() if shared}

    def demand_sender(self, provider: str) -> None:
        """Go on if this provider sends webhooks at all.

        Raises:
            ProviderNotFound: nobody of that name does.
        """
        if provider not in self._keys:
            raise ProviderNotFound

    async def __call__(self, provider: str, sent: SentWebhook) -> None:
        """Take over what the provider tells. What it tells of other things is left.

        Raises:
            ProviderNotFound: no provider of that name sends webhooks.
            WebhookRefused: it is not signed, not of now, or incomplete; which of these is not said.
            UnreadableWebhook: it is signed, but not as we know webhooks.
            ConflictError: it could not be taken over just now; the sender will repeat it.
        """
        self.demand_sender(provider)
        if not is_signed(sent, self._keys[provider], at=self._clock.now()):
            raise WebhookRefused
        told = _object_in(sent.body)
        news = _NEWS.get(str(told.get("type")))
        if news is None:
            _log.info("webhook_ignored", provider=provider, type=str(told.get("type"))[:_SHOWN])
            return
        introduced = _introduction(provider, told, sent)
        await self._take(TakeProviderNews(webhook_id=sent.id, news=news, introduced=introduced))

    async def _take(self, command: TakeProviderNews) -> None:
        for _ in range(ATTEMPTS - 1):
            with suppress(ConflictError):
                await self._bus.execute(command)
                return
        await self._bus.execute(command)


_NEWS: Mapping[str, News] = {
    "user.created": News.DESCRIBED,
    "user.updated": News.DESCRIBED,
    "user.deleted": News.DELETED,
}


def _object_in(body: bytes) -> Mapping[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableWebhook from None
    if not isinstance(told, dict):
        raise UnreadableWebhook
    return told


def _introduction(provider: str, told: Mapping[str, Any], sent: SentWebhook) -> Introduction:
    data = told.get("data")
    if not isinstance(data, dict):
        raise UnreadableWebhook
    subject = data.get("id", data.get("sub"))
    if not isinstance(subject, str) or not subject.isprintable() or not 1 <= len(subject) <= MAX_SUBJECT_LENGTH:
        raise UnreadableWebhook
    introduced = Introduction.read(provider, subject, data)
    sent_at = datetime.fromtimestamp(int(sent.timestamp), UTC)
    return replace(introduced, as_of=introduced.as_of or moment_in(told.get("timestamp")) or sent_at)
