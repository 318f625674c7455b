"""`hedgerow billing …`: what an operator does beside the database: look whether the books are right."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated

import typer

from hedgerow_billing.application.queries.verify_ledger import LedgerReport
from hedgerow_billing.domain.findings import Finding

FOUND_SOMETHING = 1

VerifyVerb = Callable[[], LedgerReport]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def billing_cli(*, verify: VerifyVerb) -> typer.Typer:
    """The verbs. Each does its work when it is called, not when it is built."""
    app = typer.Typer(help="Look after the books.", no_args_is_help=True)
    app.add_typer(_ledger(verify), name="ledger")
    return app


def _ledger(verify: VerifyVerb) -> typer.Typer:
    app = typer.Typer(help="The books.", no_args_is_help=True)

    # With a callback, typer keeps the name of a verb that has no sister.
    @app.callback()
    def ledger() -> None:
        """The books."""

    @app.command("verify")
    def verify_them(as_json: Json = False) -> None:
        """Hold the books against invoices, payments, refunds and credit notes, all as of one moment, in a
        transaction that can't write.

        Prints each finding with what it is about and a fix, and a summary. Reads 200 invoices at a time, so it
        needs little memory; as long as it runs, PostgreSQL can't clean up what was changed meanwhile.

        What it can find:

        - `unbalanced_entry`, `unbalanced_books`: An entry, or all of them, does not sum up to zero

        - `missing_entry`, `groundless_entry`, `wrong_entry`: Something happened and is not booked; is booked and
        did not happen; or is booked otherwise than it happened

        - `receivable`: Of an invoice, `receivable` is not what is due while it is open, or not 0 otherwise

        - `gateway`: It is not the payment that succeeded without the refunds that did

        - `earnings`: `revenue` and `tax` are not what is left of the invoice after credit notes, or not 0 of a
        void one

        - `bad_debt`: It is not what was due of an invoice that is written off, or not 0 otherwise

        - `foreign_posting`, `currency`: A posting, or a payment, refund or credit note, is of another customer
        or currency than its invoice

        - `numbers`: A series has a gap, a number twice, or goes on from elsewhere; or an invoice has a number
        and was not opened, or the other way round

        - `refunded`, `credited`, `totals`: A column disagrees with the refunds, the credit notes, or with the
        lines, worked out anew

        - `unreadable`, `orphan`: A row makes no invoice; or something belongs to an invoice that is not there

        JSON: `invoices`, `postings`, `found`, and the first 1,000 `findings`: `check`, `subject`, `what`, `fix`.

        Exit codes: 0, 1 (something was found, or migrations are pending), 2, 3.

        Example: hedgerow billing ledger verify --json
        """
        report = verify()
        _print(report, as_json=as_json)
        if report.found:
            raise typer.Exit(FOUND_SOMETHING)

    return app


def _print(report: LedgerReport, *, as_json: bool) -> None:
    if as_json:
        told = {
            "invoices": report.invoices,
            "postings": report.postings,
            "found": report.found,
            "findings": [_row(finding) for finding in report.findings],
        }
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for finding in report.findings:
        typer.echo(f"{finding.check} {finding.subject}: {finding.what}\n  fix: {finding.hint}")
    if report.found > len(report.findings):
        typer.echo(f"… and {report.found - len(report.findings)} more")
    looked = f"{report.invoices} invoices and {report.postings} postings looked at"
    typer.echo(f"{looked}: {report.found} findings" if report.found else f"{looked}: all is right")


def _row(finding: Finding) -> dict[str, str]:
    return {
        "check": finding.check,
        "subject": finding.subject,
        "what": finding.what,
        "fix": finding.hint,
    }
