"""`hedgerow users sessions …`: who is logged in, and how that ends, for one account or for everybody."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hedgerow_core.application import MAX_LIMIT, Bus
from hedgerow_core.observability import log_of
from hedgerow_users.application.commands.end_every_session import EndEverySession
from hedgerow_users.application.commands.log_out_everywhere import LogOutEverywhere
from hedgerow_users.application.queries.list_sessions import ListSessions
from hedgerow_users.application.session_view import SessionView
from hedgerow_users.interfaces.account_cli import EmailArgument, OnBus, account_of, operator, unknown, with_account
from hedgerow_users.interfaces.printing import Json, print_rows

MaybeEmail = Annotated[str | None, typer.Argument(metavar="[EMAIL]", help="Address of the account.")]
Everybody = Annotated[bool, typer.Option("--all", help="Everybody's sessions, instead of one account's.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask; `--all` asks, and without a terminal demands it.")]

_log = log_of(__name__)


def sessions_cli(on_bus: OnBus) -> typer.Typer:
    """The verbs. Each does its work when it is called."""
    app = typer.Typer(help="Who is logged in.", no_args_is_help=True)

    @app.command("list")
    def list_them(email: EmailArgument, as_json: Json = False) -> None:
        """List where somebody is logged in, the latest login first.

        JSON: `id`, `started_at`, `last_seen_at`, `network`, `user_agent`.

        Exit codes: 0, 1 (migrations are pending), 2 (also if nobody has the address), 3.

        Example: hedgerow users sessions list ada@example.org
        """
        found = on_bus(lambda bus: _sessions_of(bus, email))
        if found is None:
            raise unknown(email)
        rows = [
            {
                "id": str(session.id),
                "started_at": session.started_at.isoformat(),
                "last_seen_at": session.last_seen_at.isoformat(),
                "network": session.network,
                "user_agent": session.user_agent,
            }
            for session in found
        ]
        print_rows(rows, as_json=as_json, empty="No session.")

    @app.command("end")
    def end(email: MaybeEmail = None, everybody: Everybody = False, yes: Yes = False) -> None:
        """End all sessions of an account, or everybody's.

        Access tokens are refused within a second. With `--all`, one statement ends all sessions and refuses
        every access token of before; tokens of the next 5 s are refused as well, since one may be signed right
        after the end, or by a clock that is ahead: who logs in meanwhile refreshes, or logs in again. Logs
        `sessions_ended` or `all_sessions_ended`.

        Exit codes: 0, 1 (not confirmed, or migrations are pending), 2 (also if nobody has the address), 3.

        Example: hedgerow users sessions end ada@example.org
        """
        if (email is None) != everybody:
            raise typer.BadParameter("say whose: an address, or --all", param_hint="EMAIL")
        if email is not None:
            account, _none = with_account(on_bus, email, lambda account: LogOutEverywhere(account_id=account.id))
            _log.info("sessions_ended", account=str(account.id), by=operator().name)
            typer.echo(f"{account.email} is logged out everywhere")
            return
        _confirm("Log everybody out?", yes=yes)
        count = on_bus(lambda bus: bus.execute(EndEverySession()))
        _log.warning("all_sessions_ended", count=count, by=operator().name)
        typer.echo(f"{count} sessions ended")

    return app


async def _sessions_of(bus: Bus, email: str) -> list[SessionView] | None:
    account = await account_of(bus, email)
    if account is None:
        return None
    found: list[SessionView] = []
    cursor: str | None = None
    while True:
        page = await bus.ask(ListSessions(account_id=account.id, limit=MAX_LIMIT, cursor=cursor))
        found += page.items
        if (cursor := page.next) is None:
            return found


def _confirm(question: str, *, yes: bool) -> None:
    """Go on if somebody says so.

    Raises:
        BadParameter: there is nobody to ask.
        Abort: they said no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal to ask on: say --yes", param_hint="--yes")
    typer.confirm(question, abort=True, err=True)
