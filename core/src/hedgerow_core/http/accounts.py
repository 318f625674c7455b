"""Lets callers who are far from a limit pass on account: what they use is counted in Redis a moment later.

To ask Redis before each request costs as much as a short request itself. Where a caller stands was heard a moment
ago; as long as it has half of its burst left, it passes, and near the limit every use is asked for (ADR 0049).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple, final

from hedgerow_core.application import Claim, Verdict

HEARD_IS_GOOD_FOR_S = 0.05
"""Other processes let the same caller pass meanwhile, each at most half of a burst."""
SETTLED_AFTER_S = 0.02

_GOOD_FOR_US = int(HEARD_IS_GOOD_FOR_S * 1_000_000)


class Bill(NamedTuple):
    """So many uses of one quota by one subject, which Redis does not know of yet."""

    claim: Claim
    uses: int


@dataclass(slots=True)
class _Account:
    claim: Claim
    empty_at_us: int = 0
    """When the backlog of the subject is gone."""
    good_until_us: int = 0
    unsettled: int = 0
    """Uses that Redis has not answered for."""
    billed: int = 0
    """Those of them that are on their way."""


@final
class Accounts:
    """What one process knows of where callers stand. Only of quotas that are not `exact`."""

    def __init__(self) -> None:
        self._accounts: dict[tuple[str, str], _Account] = {}
        """By the name of a quota and its subject."""

    def spend(self, claim: Claim) -> Verdict | None:
        """Use the quota once on account; None if Redis has to be asked."""
        quota = claim.quota
        account = self._accounts.get((quota.name, claim.subject))
        if account is None:
            return None
        now = _now_us()
        empty_at = max(now, account.empty_at_us) + quota.interval_us
        if now > account.good_until_us or (empty_at - now) * 2 > quota.burst * quota.interval_us:
            return None
        account.empty_at_us = empty_at
        account.unsettled += 1
        return Verdict.of((claim,), 0, (empty_at - now,))

    def hear(self, claim: Claim, backlog_us: int, settled: int) -> None:
        """Redis has said where a subject stands, with all that it has been told; `settled` uses by this answer."""
        if claim.quota.exact:
            return
        now = _now_us()
        account = self._accounts.setdefault((claim.quota.name, claim.subject), _Account(claim))
        account.unsettled = max(0, account.unsettled - settled)
        account.billed = max(0, account.billed - settled)
        account.empty_at_us = now + backlog_us + account.unsettled * claim.quota.interval_us
        account.good_until_us = now + _GOOD_FOR_US

    def bill(self, claim: Claim) -> list[Bill]:
        """What is to be settled of one subject before it is asked for."""
        account = self._accounts.get((claim.quota.name, claim.subject))
        return [] if account is None else _bill_of(account)

    def bills(self) -> list[Bill]:
        """What is to be settled of all. Who was quiet is forgotten: no flood of strangers fills memory."""
        now = _now_us()
        bills = [bill for account in self._accounts.values() for bill in _bill_of(account)]
        self._accounts = {
            name: each for name, each in self._accounts.items() if each.unsettled or now <= each.good_until_us
        }
        return bills

    def forget(self) -> None:
        """Redis is away, and so is what it has said."""
        self._accounts.clear()


def _bill_of(account: _Account) -> list[Bill]:
    uses = account.unsettled - account.billed
    account.billed = account.unsettled
    return [Bill(account.claim, uses)] if uses else []


def _now_us() -> int:
    return time.monotonic_ns() // 1000
