"""`hedgerow users …`: what an operator does beside the database: the first admin, the signing keys, bad nights."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from hedgerow_core.domain import Secret
from hedgerow_core.observability import log_of
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.signing_key_view import SigningKeyView
from hedgerow_users.interfaces.account_cli import OnBus, add_account_verbs
from hedgerow_users.interfaces.printing import Json, print_json
from hedgerow_users.interfaces.sessions_cli import sessions_cli

CreateAdminVerb = Callable[[str, Secret, str], AccountView]
"""Takes address, password and name."""
KeysVerb = Callable[[], Sequence[SigningKeyView]]
RevokeKeyVerb = Callable[[str], Sequence[SigningKeyView] | None]
"""Takes a kid; None if there is no such key."""

Email = Annotated[str, typer.Argument(help="Address of the new super_admin.")]
Name = Annotated[str | None, typer.Option(help="Name to show; unless told, what stands before the @.")]
PasswordStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin", help="Read the password from stdin, one line; required where there is no terminal."
    ),
]
Kid = Annotated[str, typer.Argument(metavar="KID", help="Name of the key, as `keys list` shows it.")]

_log = log_of(__name__)


def users_cli(
    *,
    create_admin: CreateAdminVerb,
    list_keys: KeysVerb,
    rotate_keys: KeysVerb,
    revoke_key: RevokeKeyVerb,
    on_bus: OnBus,
) -> typer.Typer:
    """The verbs. Each does its work when it is called, not when it is built."""
    app = typer.Typer(help="Create the first admin, look after keys, accounts and sessions.", no_args_is_help=True)
    app.add_typer(_keys(list_keys, rotate_keys, revoke_key), name="keys")
    app.add_typer(sessions_cli(on_bus), name="sessions")
    add_account_verbs(app, on_bus)

    @app.command("create-admin")
    def create(email: Email, name: Name = None, password_stdin: PasswordStdin = False) -> None:
        """Create a super_admin. Asks for a password twice: there is no default one.

        Prints the id of the account, and logs `admin_created`. An address that has an account is left as it is.

        Exit codes: 0, 1 (the address is taken, address or password is not acceptable, or migrations are
        pending), 2, 3.

        Example: hedgerow users create-admin ada@example.org --name "Ada Lovelace"
        """
        by = getpass.getuser()
        account = create_admin(email, _password(from_stdin=password_stdin), name or email.partition("@")[0])
        _log.info("admin_created", account=str(account.id), by=f"cli:{by}")
        typer.echo(str(account.id))

    return app


def _keys(list_keys: KeysVerb, rotate_keys: KeysVerb, revoke_key: RevokeKeyVerb) -> typer.Typer:
    app = typer.Typer(help="The keys that sign access tokens.", no_args_is_help=True)

    @app.command("list")
    def list_them(as_json: Json = False) -> None:
        """List the keys whose access tokens are believed, oldest first.

        JSON: `kid`, `state` (`next`, `signing`, `retired`, `unreadable`), `created_at`, `published_until`.

        Exit codes: 0, 1 (migrations are pending), 2, 3.

        Example: hedgerow users keys list
        """
        _print(list_keys(), as_json=as_json)

    @app.command("rotate")
    def rotate(as_json: Json = False) -> None:
        """Make a new signing key. It is published at once and signs in 5 s; the others stay published until
        every token that they have signed is expired, which takes 6 minutes (ADR 0014).

        Secrets of second factors are encrypted anew under `USERS_SECRET`, so that `USERS_SECRET_PREVIOUS` is no
        longer needed for them.

        JSON: as `hedgerow users keys list`.

        Exit codes: 0, 1 (migrations are pending), 2, 3.

        Example: hedgerow users keys rotate
        """
        by = getpass.getuser()
        keys = rotate_keys()
        _log.info("signing_key_made", kid=keys[-1].kid, by=f"cli:{by}")
        _print(keys, as_json=as_json)

    @app.command("revoke")
    def revoke(kid: Kid, as_json: Json = False) -> None:
        """Drop a signing key that has leaked: it is deleted at once, and every process refuses within 2 s
        whatever it signed.

        If it was the one that signs, a new one is made, which signs at once. Sessions go on: callers refresh.
        Who checks tokens by JWKS elsewhere believes the key until that cache is renewed, after 5 minutes at
        most. Logs `signing_key_revoked`.

        JSON: as `hedgerow users keys list`.

        Exit codes: 0, 1 (migrations are pending), 2 (also if there is no such key), 3.

        Example: hedgerow users keys revoke 019be1a2-7c3f-7d10-8e5b-3f0f6f2f9a41
        """
        by = getpass.getuser()
        keys = revoke_key(kid)
        if keys is None:
            raise typer.BadParameter(f"there is no key {kid}: `keys list` shows all", param_hint="KID")
        _log.warning("signing_key_revoked", kid=kid, by=f"cli:{by}")
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
        print_json(rows)
        return
    if not rows:
        typer.echo("There is no key yet: the first process that serves makes one.")
    for row in rows:
        until = f", published until {row['published_until']}" if row["published_until"] else ""
        typer.echo(f"{row['kid']}  {row['state']:<10}  made {row['created_at']}{until}")
