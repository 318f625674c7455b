"""`hedgerow billing ledger verify`: what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from hedgerow_billing.application.queries.verify_ledger import LedgerReport
from hedgerow_billing.domain.findings import Check, Finding
from hedgerow_billing.interfaces.cli import billing_cli

FINDING = Finding(check=Check.NUMBERS, subject="INV", what="after 3 comes 5")
RIGHT = LedgerReport(invoices=8, postings=40, found=0, findings=[])
WRONG = LedgerReport(invoices=8, postings=40, found=3, findings=[FINDING])


def verify(report: LedgerReport, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(billing_cli(verify=lambda: report), ["ledger", "verify", *options])
    return done.exit_code, done.stdout


def test_right_books_end_well() -> None:
    assert verify(RIGHT) == (0, "8 invoices and 40 postings looked at: all is right\n")


def test_each_finding_says_where_what_and_what_to_do() -> None:
    code, told = verify(WRONG)

    assert code == 1
    assert told.splitlines() == [
        "numbers INV: after 3 comes 5",
        f"  fix: {FINDING.hint}",
        "… and 2 more",
        "8 invoices and 40 postings looked at: 3 findings",
    ]


@pytest.mark.parametrize(("report", "code"), [(RIGHT, 0), (WRONG, 1)])
def test_programs_get_json(report: LedgerReport, code: int) -> None:
    ended, told = verify(report, "--json")

    assert ended == code
    assert json.loads(told) == {
        "invoices": 8,
        "postings": 40,
        "found": report.found,
        "findings": [
            {"check": "numbers", "subject": "INV", "what": "after 3 comes 5", "fix": FINDING.hint}
            for _ in report.findings
        ],
    }
