"""Whether the books agree with themselves and with everything that they speak of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hedgerow_billing.application.book_ports import Auditor
from hedgerow_billing.domain.findings import Check, Finding
from hedgerow_billing.domain.reconciliation import Booked, findings_in
from hedgerow_core.application import Query
from hedgerow_core.domain import DomainError

MOST_FINDINGS = 1_000
"""Kept to be shown. Whatever is beyond is counted: who finds so many has lost more than some rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReport:
    """What was looked at, and what was found."""

    invoices: int
    postings: int
    found: int
    findings: Sequence[Finding]
    """The first of them, `MOST_FINDINGS` at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyLedger(Query[LedgerReport]):
    """Look at all of them, as of one moment. Takes seconds for each 10,000 invoices, and little memory."""


class VerifyLedgerHandler:
    """Invoice by invoice, then what is beyond invoices."""

    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor

    async def __call__(self, query: VerifyLedger) -> LedgerReport:
        """Raises UnavailableError if the database is away."""
        invoices = postings = 0
        found = _Found()
        async with self._auditor.audit() as audit:
            async for booked in audit.invoices():
                invoices += 1
                if isinstance(booked, Finding):
                    found.add([booked])
                else:
                    postings += len(booked.postings)
                    found.add(_findings_in(booked))
            async for finding in audit.findings():
                found.add([finding])
        return LedgerReport(invoices=invoices, postings=postings, found=found.count, findings=found.first)


class _Found:
    def __init__(self) -> None:
        self.count = 0
        self.first: list[Finding] = []

    def add(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.count += 1
            if len(self.first) < MOST_FINDINGS:
                self.first.append(finding)


def _findings_in(booked: Booked) -> Sequence[Finding]:
    try:
        return list(findings_in(booked))
    except DomainError as error:  # sums beyond what we count
        return [Finding(check=Check.UNREADABLE, subject=str(booked.invoice.id), what=error.message)]
