"""`hedgerow health`: whether the API that listens here may get requests, for probes and for people."""

from __future__ import annotations

from typing import Annotated, Any

import typer

ANSWERS_WITHIN_S = 3.0


def health(
    url: Annotated[
        str | None,
        typer.Option(help="Where the API is. Unless told, where HEDGEROW_HOST and HEDGEROW_PORT let it listen."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Ask a running API for `/readyz`, and print what it says.

    Exit codes: 0 (ready, or `standby`: a context of it is still moving there), 1 (not ready), 2 (also if
    something else answers there), 3 (nothing answers).

    Example: hedgerow health --url http://127.0.0.1:8000
    """
    from hedgerow_host.exits import ExitCode, load_settings
    from hedgerow_host.listening import reachable

    if url is None:
        settings = load_settings()
        url = f"http://{reachable(settings.host)}:{settings.port}"
    told = _asked(url.rstrip("/"))
    if as_json:
        import json

        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        typer.echo(told["status"])
        for what, state in told["checks"].items():
            typer.echo(f"  {what}: {state}")
        for alarm in told.get("alarms", ()):
            typer.echo("  alarm: " + ", ".join(f"{name} {value}" for name, value in alarm.items()))
    if told["status"] == "not_ready":  # who stands by is as ready as can be, as the status of /readyz says
        raise typer.Exit(ExitCode.CHECK_FAILED)


def _asked(url: str) -> dict[str, Any]:
    """What `/readyz` says, ready or not. No proxy may answer in its place."""
    import json
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import ProxyHandler, build_opener

    from hedgerow_host.exits import ExitCode, HostError

    try:
        try:
            with build_opener(ProxyHandler({})).open(f"{url}/readyz", timeout=ANSWERS_WITHIN_S) as answer:
                told = json.load(answer)
        except HTTPError as not_ready:
            told = json.load(not_ready)
        return {"status": told["status"], "checks": told["checks"], **told}
    except (ValueError, KeyError, TypeError, HTTPException) as error:
        raise HostError(
            f"what answers at {url} is no Hedgerow",
            fix="say where the API is: --url, or HEDGEROW_HOST and HEDGEROW_PORT",
            code=ExitCode.MISCONFIGURED,
        ) from error
    except OSError as error:
        raise HostError(
            f"nothing answers at {url}",
            fix="start it with `hedgerow api`, or say where it is: --url",
            code=ExitCode.UNREACHABLE,
        ) from error
