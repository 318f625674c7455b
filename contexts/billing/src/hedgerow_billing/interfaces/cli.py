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
        """Hold the books against invoices, payments, refunds and credit notes. Changes nothing."""
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
