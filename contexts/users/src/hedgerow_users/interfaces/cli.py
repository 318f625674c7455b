"""`hedgerow users …`: what an operator does beside the database: the first admin, and the signing keys."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from hedgerow_core.domain import Secret
from hedgerow_core.observability import log_of
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.signing_key_view import SigningKeyView

CreateAdminVerb = Callable[[str, Secret, str], AccountView]
"""Takes address, password and name."""
KeysVerb = Callable[[], Sequence[SigningKeyView]]

Email = Annotated[str, typer.Argument(help="Address of the new super_admin.")]
Name = Annotated[str | None, typer.Option(help="Name to show; unless told, what stands before the @.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin, one line.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_log = log_of(__name__)


def users_cli(*, create_admin: CreateAdminVerb, list_keys: KeysVerb, rotate_keys: KeysVerb) -> typer.Typer:
    """The verbs. Each does its work when it is called, not when it is built."""
    app = typer.Typer(
        help="Create the first admin, look after signing keys, services and leaked keys.", no_args_is_help=True
    )
    app.add_typer(_keys(list_keys, rotate_keys), name="keys")

    @app.command("create-admin")
    def create(email: Email, name: Name = None, password_stdin: PasswordStdin = False) -> None:
        """Create a super_admin. Asks for a password twice; there is no default one."""
        by = getpass.getuser()
        account = create_admin(email, _password(from_stdin=password_stdin), name or email.partition("@")[0])
        _log.info("admin_created", account=str(account.id), by=f"cli:{by}")
        typer.echo(str(account.id))

    return app


def _keys(list_keys: KeysVerb, rotate_keys: KeysVerb) -> typer.Typer:
    app = typer.Typer(help="The keys that sign access tokens.", no_args_is_help=True)

    @app.command("list")
    def list_them(as_json: Json = False) -> None:
        """List the keys whose tokens are believed, oldest first."""
        _print(list_keys(), as_json=as_json)

    @app.command("rotate")
    def rotate(as_json: Json = False) -> None:
        """Make a new key. It signs in 5 seconds; the others stay published until all they signed is expired."""
        by = getpass.getuser()
        keys = rotate_keys()
        _log.info("signing_key_made", kid=keys[-1].kid, by=f"cli:{by}")
        _print(keys, as_json=as_json)

    return app


def _password(*, from_stdin: bool) -> Secret:
    if from_stdin:
        return Secret(sys.stdin.readline().rstrip("\r\n"))
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            "there is no terminal to ask on: give the password on stdin", param_hint="--password-stdin"
        )
    return Secret(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _print(keys: Sequence[SigningKeyView], *, as_json: bool) -> None:
    rows = [
        {
            "kid": key.kid,
            "state": str(key.state),
            "created_at": key.created_at.isoformat(),
            "published_until": key.published_until.isoformat() if key.published_until else None,
        }
        for key in keys
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        typer.echo("There is no key yet: the first process that serves makes one.")
    for row in rows:
        until = f", published until {row['published_until']}" if row["published_until"] else ""
        typer.echo(f"{row['kid']}  {row['state']:<10}  made {row['created_at']}{until}")
