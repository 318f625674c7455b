"""What `hedgerow check` says about the settings of webhooks, to whoever runs it."""

from __future__ import annotations

from collections.abc import Iterator

from hedgerow_core.application.concerns import Concern, ConcernKind
from hedgerow_webhooks.settings import WebhooksSettings

CONCERNS = (
    ConcernKind(
        number="W501",
        what="What was sealed under the secret of before can still be opened with it.",
        fix="Run `hedgerow webhooks reseal`, then leave `WEBHOOKS_SECRET_PREVIOUS` unset.",
    ),
    ConcernKind(
        number="W502",
        what="Customers can have requests sent to other ports than 443 of any public host.",
        fix="Leave `WEBHOOKS_PORTS` unset.",
    ),
)
"""What each number stands for."""


def concerns(settings: WebhooksSettings) -> Iterator[Concern]:
    """Whatever stays behind after a change of secrets, or opens more than it seems to."""
    if settings.secret_previous is not None:
        yield Concern(
            number="W501",
            subject="WEBHOOKS_SECRET_PREVIOUS",
            what="is set, so what was sealed under it can still be opened with it",
            fix="run `hedgerow webhooks reseal`, then leave it unset",
        )
    odd = sorted(settings.target_rules.ports - {443})
    if odd:
        yield Concern(
            number="W502",
            subject="WEBHOOKS_PORTS",
            what=f"lets customers have requests sent to {', '.join(map(str, odd))} of any public host",
            fix="leave it unset, unless a receiver really listens there",
        )
