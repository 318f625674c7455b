"""`hedgerow audit`: who has changed what in the ledgers, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from hedgerow_host.cli.choosing import Context, Json, Limit


def audit(
    context: Context = None,
    action: Annotated[str | None, typer.Option(help="retry, skip, discard, cancel, replay, emit, …")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List what operators have changed, the latest first."""
    from hedgerow_host.cli.output import print_rows
    from hedgerow_host.exits import load_settings
    from hedgerow_host.ledgers import with_ledgers
    from hedgerow_host.operations import reads

    page = with_ledgers(
        load_settings(), context, lambda ledgers: reads.list_actions(ledgers, action=action, limit=limit)
    )
    rows = page.items if as_json else [{**row, "filter": _readable(row["filter"])} for row in page.items]
    columns = ("at", "context", "action", "affected", "actor", "reason", "filter")
    print_rows(rows, as_json=as_json, columns=columns, empty="Nothing was changed.")


def _readable(which: Mapping[str, object]) -> list[str]:
    return [
        f"{name} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in which.items()
    ]
