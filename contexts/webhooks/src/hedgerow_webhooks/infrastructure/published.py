"""Which published contract each domain event becomes. What is not listed stays inside."""

from __future__ import annotations

from hedgerow_core.messaging import Translations
from hedgerow_webhooks.contracts import EndpointDisabledV1
from hedgerow_webhooks.domain.events import EndpointDisabled


def _disabled(event: EndpointDisabled) -> EndpointDisabledV1:
    return EndpointDisabledV1(
        endpoint_id=event.endpoint_id,
        owner_id=event.owner_id,
        reason=event.reason.value,
        failing_since=event.failing_since,
        disabled_at=event.at,
    )


TRANSLATIONS: Translations = {EndpointDisabled: _disabled}
