"""What may come instead of an answer from another host. None says where that host is: the log does."""

from __future__ import annotations

from datetime import timedelta

from hedgerow_core.domain import UnavailableError

ASK_AGAIN_AFTER = timedelta(seconds=1)
"""The next packet may come through, and a host that starts again is back within seconds."""


class PeerAway(UnavailableError):
    """The other context lives on another host, which can't be reached, or is left alone for 2 s because it could
    not be reached five times running.

    Fix: wait for `Retry-After`; operators: `remote_away` in the log.
    """

    code = "remote_away"

    def __init__(self, context: str, *, retry_after: timedelta = ASK_AGAIN_AFTER) -> None:
        super().__init__(
            f"{context} lives on another host, which can't be reached right now. Try again as Retry-After says.",
            retry_after=retry_after,
            details={"context": context},
        )


class PeerCutOff(PeerAway):
    """Nobody has tried: it has failed several times running, and is left alone for a while."""


class PeerTooSlow(UnavailableError):
    """The other host did not answer in time.

    Fix: wait for `Retry-After`.
    """

    code = "remote_too_slow"

    def __init__(self, context: str) -> None:
        super().__init__(
            f"{context} lives on another host, which did not answer in time. Try again.",
            retry_after=ASK_AGAIN_AFTER,
            details={"context": context},
        )


class PeerRefused(UnavailableError):
    """The other host does not believe this one.

    Fix: operators: `remote_refuses` in the log.
    """

    code = "remote_refuses"

    def __init__(self, context: str) -> None:
        super().__init__(
            f"{context} lives on another host, which does not believe this one. Operators: see the log.",
            retry_after=timedelta(seconds=30),
            details={"context": context},
        )
