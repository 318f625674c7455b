"""`hedgerow get PATH --as EMAIL`: what somebody would be answered, without a server and without their password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hedgerow_host.cli.consent import AlsoInProd, demand_consent

if TYPE_CHECKING:
    from hedgerow_host.request import Answer


def get(
    path: Annotated[str, typer.Argument(help="Path and query: /v1/users/me.")],
    email: Annotated[
        str | None, typer.Option("--as", metavar="EMAIL", help="Address of whoever asks; unless told, a stranger.")
    ] = None,
    include: Annotated[
        bool, typer.Option("--include", "-i", help="Print status and headers before the body.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print status, headers and body as JSON.")] = False,
    yes: AlsoInProd = False,
) -> None:
    """Send a GET through the whole pipeline, in this process, and print the body.

    No server needs to run; the database must be migrated. With `--as` it is sent as the account with this
    address, with all its roles: that needs the secrets of the host, and is written down as `users.impersonated`,
    with the path and without its query (ADR 0030).

    JSON: `status`, `headers`, `body`.

    Exit codes: 0, 1 (the answer is an error, its account is closed, or migrations are pending), 2 (also an
    address that nobody has), 3.

    Example: hedgerow get /v1/users/me --as ada@example.org
    """
    from hedgerow_host.exits import ExitCode, load_settings
    from hedgerow_host.request import get as answered

    if not path.startswith("/") or path.startswith("//"):
        raise typer.BadParameter("a path of this host, which begins with one /", param_hint="PATH")
    settings = load_settings()
    if email is not None:
        demand_consent(settings, f"you would see what {email} sees", yes=yes)
        typer.echo(f"asking as {email}, with the secrets of this host; the trail will tell", err=True)
    answer = answered(settings, path, email=email)
    _print(answer, include=include, as_json=as_json)
    if answer.is_error:
        typer.echo(f"{answer.status_code} {answer.reason_phrase}", err=True)
        raise typer.Exit(ExitCode.CHECK_FAILED)


def _print(answer: Answer, *, include: bool, as_json: bool) -> None:
    import json
    import sys

    is_json = answer.headers.get("content-type", "").partition(";")[0].endswith("json")
    body = answer.json() if is_json else None
    if as_json:
        whole = {
            "status": answer.status_code,
            "headers": dict(answer.headers),
            "body": body if is_json else answer.text,
        }
        typer.echo(json.dumps(whole, indent=2, ensure_ascii=False))
        return
    if include:
        typer.echo(f"{answer.status_code} {answer.reason_phrase}")
        for name, value in answer.headers.multi_items():
            typer.echo(f"{name}: {value}")
        typer.echo()
    if is_json:
        typer.echo(json.dumps(body, indent=2, ensure_ascii=False))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(answer.content)
        sys.stdout.buffer.flush()
