"""`hedgerow webhooks …`: what an operator does beside the database for customers and their receivers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Protocol
from uuid import UUID

import typer

from hedgerow_webhooks.application.views import EndpointView, MessageView
from hedgerow_webhooks.domain.message import MessageStatus

FAILED = 1
MISUSED = 2

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Verbs(Protocol):
    """What the verbs ask of the context. Each call opens it, and closes it again."""

    def endpoints(self, owner: UUID | None) -> Sequence[EndpointView]:
        """The latest 100."""
        ...

    def messages(self, endpoint: UUID, status: MessageStatus | None) -> Sequence[MessageView]:
        """The latest 100."""
        ...

    def redeliver(self, message: UUID) -> None:
        """Send it again."""
        ...

    def redeliver_failed(self, endpoint: UUID, since: datetime) -> int:
        """Send again what failed since then."""
        ...

    def reseal(self) -> tuple[int, int]:
        """Seal all secrets anew: how many, and how many do not open."""
        ...


def webhooks_cli(verbs: Verbs) -> typer.Typer:
    """The verbs. Each does its work when it is called, not when it is built."""
    app = typer.Typer(help="Look after customers' endpoints and what is sent there.", no_args_is_help=True)

    @app.command("endpoints")
    def endpoints(
        owner: Annotated[UUID | None, typer.Option(help="Those of this owner alone.")] = None, as_json: Json = False
    ) -> None:
        """List the latest 100 endpoints of customers: id, owner, status, since when nothing has arrived, events.

        Not their addresses, which may be as good as passwords. Prints as JSON: `id`, `owner`, `status`,
        `failing_since`, `events`.

        Exit codes: 0, 2, 3.

        Example: hedgerow webhooks endpoints --json
        """
        _print([_endpoint(each) for each in verbs.endpoints(owner)], as_json=as_json)

    @app.command("messages")
    def messages(
        endpoint: Annotated[UUID, typer.Argument(help="The endpoint's id.")],
        status: Annotated[MessageStatus | None, typer.Option(help="Only those that have come so far.")] = None,
        as_json: Json = False,
    ) -> None:
        """List the latest 100 messages to an endpoint: what became of each, and of the last attempt.

        Prints as JSON: `id`, `type`, `status`, `attempts`, `created_at`, `last`.

        Exit codes: 0, 1 (no such endpoint), 2, 3.

        Example: hedgerow webhooks messages 01a2009d-d275-791d-a581-11f79300d6cc --status failed
        """
        _print([_message(each) for each in verbs.messages(endpoint, status)], as_json=as_json)

    @app.command("redeliver")
    def redeliver(message: Annotated[list[UUID], typer.Argument(help="Ids of messages.")]) -> None:
        """Have messages sent again, whatever has become of them, each under the same `webhook-id`.

        Written to the audit trail.

        Exit codes: 0, 1 (no such message, or its endpoint is off), 2, 3.

        Example: hedgerow webhooks redeliver 01a2009d-d275-791d-a581-11f79300d6cc
        """
        for id in message:
            verbs.redeliver(id)
            typer.echo(f"{id}: is sent again")

    @app.command("redeliver-failed")
    def redeliver_failed(
        endpoint: Annotated[UUID, typer.Argument(help="The endpoint's id.")],
        since: Annotated[str, typer.Option(help="Events from then on: 2026-11-20 or 2026-11-20T08:00, UTC.")],
    ) -> None:
        """Have the oldest 500 messages to an endpoint that failed sent again; repeat it for more.

        Written to the audit trail.

        Exit codes: 0, 1 (no such endpoint, or it is off), 2, 3.

        Example: hedgerow webhooks redeliver-failed 01a2009d-d275-791d-a581-11f79300d6cc --since 2026-11-20
        """
        typer.echo(f"{verbs.redeliver_failed(endpoint, _moment(since))} messages are sent again")

    @app.command("reseal")
    def reseal() -> None:
        """Seal all signing secrets under `WEBHOOKS_SECRET`, so that `WEBHOOKS_SECRET_PREVIOUS` can go.

        Safe to repeat, and while messages are sent.

        Exit codes: 0, 1 (some do not open: set `WEBHOOKS_SECRET_PREVIOUS` to what they were sealed under), 2, 3.

        Example: hedgerow webhooks reseal
        """
        resealed, unreadable = verbs.reseal()
        typer.echo(f"{resealed} secrets sealed anew, {unreadable} do not open")
        if unreadable:
            typer.echo("fix: set WEBHOOKS_SECRET_PREVIOUS to what they were sealed under", err=True)
            raise typer.Exit(FAILED)

    return app


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        typer.echo(f"--since: {text!r} is no date or time\nfix: write it like 2026-11-20T08:00", err=True)
        raise typer.Exit(MISUSED) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _endpoint(each: EndpointView) -> Mapping[str, object]:
    # Not the address: its path may be as good as a password. Its owner sees it over HTTP.
    return {
        "id": str(each.id),
        "owner": str(each.owner_id),
        "status": each.status.value,
        "failing_since": each.failing_since and each.failing_since.isoformat(),
        "events": list(each.events),
    }


def _message(each: MessageView) -> Mapping[str, object]:
    return {
        "id": str(each.id),
        "type": each.type,
        "status": each.status.value,
        "attempts": each.attempts,
        "created_at": each.created_at.isoformat(),
        "last": each.last_failure or each.last_status,
    }


def _print(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        typer.echo("  ".join(_cell(value) for value in row.values()))


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return "-" if value is None else str(value)
