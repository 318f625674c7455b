"""`hedgerow users services …` and `hedgerow users api-keys …`: programs that act by themselves, leaked keys."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer

from hedgerow_core.observability import log_of
from hedgerow_users.application.api_key_view import NewApiKey, ServiceKeyView
from hedgerow_users.application.commands.create_service import CreateService
from hedgerow_users.application.commands.revoke_leaked_key import RevokeLeakedKey
from hedgerow_users.application.commands.revoke_service import RevokeService
from hedgerow_users.domain.api_key import DEFAULT_LIFETIME_DAYS, MAX_LIFETIME_DAYS, KeyOwner
from hedgerow_users.domain.api_key_text import PREFIX, public_id_in
from hedgerow_users.domain.service import ServiceName
from hedgerow_users.interfaces.printing import Json, print_json

RevokeKeyVerb = Callable[[RevokeLeakedKey], KeyOwner]

NewName = Annotated[str, typer.Argument(help="1 to 63 small letters, digits and hyphens, a letter first.")]
Scopes = Annotated[list[str], typer.Option("--scope", help="What it may; repeat it for each, once at least.")]
Days = Annotated[
    int,
    typer.Option(
        "--expires-days", min=1, max=MAX_LIFETIME_DAYS, help="How long its key is good: 366 days at most."
    ),
]
OldName = Annotated[
    str | None, typer.Argument(help="The service that shall end, with all its keys. Its name is free again.")
]
OneKey = Annotated[str | None, typer.Option("--key", help="One key alone: how it begins, hgk_ and 8 characters.")]
KeyPrefix = Annotated[
    str, typer.Argument(help="How the key begins: hgk_ and 8 characters. What stands behind them is passed over.")
]

_log = log_of(__name__)


def services_cli(
    *,
    create: Callable[[CreateService], NewApiKey],
    list_all: Callable[[], Sequence[ServiceKeyView]],
    revoke: Callable[[RevokeService], None],
    revoke_key: RevokeKeyVerb,
) -> typer.Typer:
    """Verbs about services. Each does its work when it is called, not when it is built."""
    app = typer.Typer(help="Programs that act by themselves, such as other hosts.", no_args_is_help=True)

    @app.command("create")
    def create_it(name: NewName, scope: Scopes, expires_days: Days = DEFAULT_LIFETIME_DAYS) -> None:
        """Create a service and print its key, this once. Logs `service_created`.

        Exit codes: 0, 1 (the name is taken or not acceptable, there is no such scope, or migrations are
        pending), 2, 3.

        Example: hedgerow users services create nightly-export --scope billing:read
        """
        by, wanted = getpass.getuser(), ServiceName(name)
        made = create(CreateService(name=wanted, scopes=frozenset(scope), lifetime=timedelta(days=expires_days)))
        _log.info("service_created", service=name, key=made.view.prefix, by=f"cli:{by}")
        typer.echo(made.key.reveal())

    @app.command("list")
    def list_them(as_json: Json = False) -> None:
        """List the live services with their live keys, by name.

        JSON: `service`, `created_at`, `key` (how it begins), `scopes`, `expires_at`, `last_used_at`.

        Exit codes: 0, 1 (migrations are pending), 2, 3.

        Example: hedgerow users services list
        """
        _print(list_all(), as_json=as_json)

    @app.command("revoke")
    def revoke_it(name: OldName = None, key: OneKey = None) -> None:
        """Revoke a service with all its keys, or one key.

        It is refused everywhere within a second. Logs `service_revoked`, or `api_key_revoked`.

        Exit codes: 0, 1 (there is no such live service or key, or migrations are pending), 2, 3.

        Example: hedgerow users services revoke nightly-export
        """
        if (name is None) == (key is None):
            raise typer.BadParameter("name a service, or give --key", param_hint="NAME")
        if key is not None:
            _revoke_key(key, revoke_key)
        elif name is not None:
            by = getpass.getuser()
            revoke(RevokeService(name=ServiceName(name)))
            _log.info("service_revoked", service=name, by=f"cli:{by}")

    return app


def api_keys_cli(*, revoke_key: RevokeKeyVerb) -> typer.Typer:
    """Verbs about keys, whoever owns them."""
    app = typer.Typer(help="API keys of accounts and services.", no_args_is_help=True)

    @app.callback()
    def only_a_group() -> None:
        """Keep the verb's name: a single command would stand in for its group."""

    @app.command("revoke")
    def revoke_it(key_prefix: KeyPrefix) -> None:
        """Revoke a key that leaked, whoever owns it, a super_admin included. Logs `api_key_revoked`.

        Exit codes: 0, 1 (no live key begins so, or migrations are pending), 2, 3.

        Example: hedgerow users api-keys revoke hgk_1a2b3c4d
        """
        _revoke_key(key_prefix, revoke_key)

    return app


def _revoke_key(prefix: str, revoke_key: RevokeKeyVerb) -> None:
    by = getpass.getuser()
    owner = revoke_key(RevokeLeakedKey(prefix=prefix))
    whose = {"service": str(owner.service_id)} if owner.service_id else {"account": str(owner.account_id)}
    _log.info("api_key_revoked", key=f"{PREFIX}{public_id_in(prefix)}", by=f"cli:{by}", **whose)


def _print(services: Sequence[ServiceKeyView], *, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "service": row.service,
            "created_at": row.created_at.isoformat(),
            "key": row.key.prefix if row.key else None,
            "scopes": list(row.key.scopes) if row.key else [],
            "expires_at": row.key.expires_at.isoformat() if row.key else None,
            "last_used_at": row.key.last_used_at.isoformat() if row.key and row.key.last_used_at else None,
        }
        for row in services
    ]
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo("There is no service.")
    for row in rows:
        key = f"{row['key']}  until {row['expires_at']}" if row["key"] else "no live key"
        used = row["last_used_at"] or "never"
        typer.echo(f"{row['service']:<20}  {key}  last used {used}  {' '.join(row['scopes'])}")
