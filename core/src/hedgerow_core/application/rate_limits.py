"""Rate limits as a port: how often somebody may do something, and what is left of it.

The arithmetic is GCRA (the generic cell rate algorithm of ITU-T I.371): all that is known of a subject is how long
its backlog takes to drain. One number a subject, no windows, no edge at which a double ration fits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import NamedTuple, Protocol

from hedgerow_core.domain import RateLimitError

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_MICROSECOND, _NO_WAIT = timedelta(microseconds=1), timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """`limit` times in each `period`, evenly; `burst` of them may come at once."""

    name: str
    """Stands in headers and keys: quotas of one name share what they count."""
    limit: int
    period: timedelta
    burst: int
    exact: bool = True
    """Whether each use is counted before it passes. If not, processes may let some more pass than the burst (ADR
    0049), and pay for it with the rate."""
    interval_us: int = field(init=False, repr=False, compare=False)
    """Microseconds that one use takes to be forgotten."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is no name of a quota: lower-case letters, digits, _ . -")
        if self.limit < 1 or self.burst < 1:
            raise ValueError(f"the quota {self.name} lets nothing pass: limit and burst begin at 1")
        object.__setattr__(self, "interval_us", max(1, self.period // _MICROSECOND // self.limit))

    def widened(self, times: int) -> Quota:
        """The same quota, so many times as wide."""
        return self if times == 1 else replace(self, limit=self.limit * times, burst=self.burst * times)


class Claim(NamedTuple):
    """One use of a quota by a subject. A subject that is personal comes hashed: it is stored as it is."""

    quota: Quota
    subject: str


class Standing(NamedTuple):
    """What is left of a quota: `remaining` uses now, all of them after `full_after_s` seconds."""

    quota: Quota
    remaining: int
    full_after_s: float


class Verdict(NamedTuple):
    """Whether the claims pass: all of them, or none. `retry_after` is zero if they do."""

    retry_after: timedelta
    standings: tuple[Standing, ...]

    @classmethod
    def of(cls, claims: Sequence[Claim], wait_us: int, backlogs_us: Sequence[int]) -> Verdict:
        """The verdict, from the longest wait and from each subject's backlog, in microseconds."""
        return cls(
            retry_after=timedelta(microseconds=wait_us) if wait_us > 0 else _NO_WAIT,
            standings=tuple(
                [
                    Standing(quota, max(0, quota.burst - -(-backlog // quota.interval_us)), backlog / 1_000_000)
                    for (quota, _), backlog in zip(claims, backlogs_us, strict=True)
                ]
            ),
        )

    @property
    def passes(self) -> bool:
        """Whether it may be done."""
        return not self.retry_after

    def demand(self) -> None:
        """Go on if it passes.

        Raises:
            RateLimitError: it does not; says when it will.
        """
        if not self.passes:
            raise RateLimitError(
                "Too many requests. Wait as long as Retry-After says, and spread them.",
                retry_after=self.retry_after,
            )


class RateLimiter(Protocol):
    """Counts uses, across all processes of a host where it can."""

    async def spend(self, *claims: Claim) -> Verdict:
        """Use each of the quotas once, if all of them allow it; else none is used.

        Called in the API, outside any transaction. Never raises: when the shared count is away, each process
        counts for itself.
        """
        ...

    def give_back(self, claim: Claim) -> None:
        """Take one use back that has passed, because it was none of what the quota is there for.

        Called in the API. Waits for nobody and never raises: when the shared count goes away, the use stays used.
        """
        ...
