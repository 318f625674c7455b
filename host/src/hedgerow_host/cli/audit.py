"""`hedgerow audit`: who did what to whom, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from hedgerow_host.cli.choosing import Context, Json, Limit, OccurredSince, OccurredUntil, audit_filter


def audit(
    context: Context = None,
    action: Annotated[str | None, typer.Option(help="users.logged_in, ledger.retry, …: exactly this one.")] = None,
    result: Annotated[str | None, typer.Option(help="done, or the code of an error.")] = None,
    actor: Annotated[str | None, typer.Option(help="Who did it: the id of an account, or cli:<user>.")] = None,
    subject: Annotated[str | None, typer.Option(help="The id of whom or what it was done to.")] = None,
    since: OccurredSince = None,
    until: OccurredUntil = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List who did what to whom, and what came of it, the latest first.

    JSON: `context`, `id`, `at`, `action`, `result`, `actor`, `subject_kind`, `subject_id`, `reason`, `affected`,
    `details`, `address`, `user_agent`, `request_id`, `trace_id`.

    Exit codes: 0, 1 (migrations are pending), 2, 3.

    Example: hedgerow audit --action users.impersonated --since 2026-01-15
    """
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_ledgers
    from hedgerow_host.operations import reads

    which = audit_filter(action=action, result=result, actor=actor, subject=subject, since=since, until=until)
    page = with_ledgers(load_settings(), context, lambda ledgers: reads.list_audit(ledgers, which, limit=limit))
    rows = page.items if as_json else [{**row, "details": _readable(row["details"])} for row in page.items]
    columns = ("at", "context", "action", "result", "actor", "subject_id", "address", "reason", "details")
    print_rows(rows, as_json=as_json, columns=columns, empty="Nothing was written down.")


def _readable(details: Mapping[str, object]) -> list[str]:
    return [
        f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in details.items()
    ]
