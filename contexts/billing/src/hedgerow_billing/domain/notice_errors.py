"""The one rule about notices of the gateway."""

from __future__ import annotations

from hedgerow_core.domain import AuthenticationError


class NoticeRefused(AuthenticationError):
    """A notice that is not signed, not of now, or unreadable: the sender must not learn which."""

    code = "billing.notice_refused"

    def __init__(self) -> None:
        super().__init__("The notice is not acceptable. Check the secret, the clock and the headers of the sender.")
