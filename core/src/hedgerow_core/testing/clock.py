"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DEFAULT_START = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


class FakeClock:
    """A `Clock` under the test's control."""

    def __init__(self, at: datetime = DEFAULT_START) -> None:
        self._now = at

    def now(self) -> datetime:
        """The moment the test has set."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self._now += by
