"""`hedgerow health`: whether the API here may get requests, or the worker works; for probes and for people."""

from __future__ import annotations

from typing import Annotated, Any

import typer

ANSWERS_WITHIN_S = 3.0
_PORTS = {"api": "HEDGEROW_PORT", "worker": "HEDGEROW_WORKER_PORT"}


def health(
    url: Annotated[
        str | None,
        typer.Option(
            help="Where it is. Unless told, where HEDGEROW_HOST and HEDGEROW_(WORKER_)PORT let it listen."
        ),
    ] = None,
    worker: Annotated[bool, typer.Option("--worker", help="Ask a worker, at HEDGEROW_WORKER_PORT.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Ask a running API for `/readyz`, or a worker, and print what it says.

    A worker is ready if its database and its broker answer.

    Exit codes: 0 (ready, or `standby`: a context of it is still moving there), 1 (not ready, or `draining`: it was
    told to end), 2 (also if something else answers there), 3 (nothing answers).

    Example: hedgerow health --url http://127.0.0.1:8000
    """
    from hedgerow_host.exits import ExitCode

    if url is None:
        url = _at(worker=worker)
    told = _asked(url.rstrip("/"), "worker" if worker else "api")
    if as_json:
        import json

        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        typer.echo(told["status"])
        for what, state in told["checks"].items():
            typer.echo(f"  {what}: {state}")
        for alarm in told.get("alarms", ()):
            typer.echo("  alarm: " + ", ".join(f"{name} {value}" for name, value in alarm.items()))
    if told["status"] in (
        "not_ready",
        "draining",
    ):  # who stands by is as ready as can be, as the status of /readyz says
        raise typer.Exit(ExitCode.CHECK_FAILED)


def _at(*, worker: bool) -> str:
    """Where the settings let it listen."""
    from hedgerow_host.exits import ExitCode, HostError, load_settings
    from hedgerow_host.listening import reachable

    settings = load_settings()
    port = settings.worker_port if worker else settings.port
    if port is None:
        raise HostError(
            "HEDGEROW_WORKER_PORT is not set, so no worker answers",
            fix="give the worker and this command the same port, such as HEDGEROW_WORKER_PORT=8001",
            code=ExitCode.MISCONFIGURED,
        )
    return f"http://{reachable(settings.host)}:{port}"


def _asked(url: str, role: str) -> dict[str, Any]:
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
            fix=f"say where the {role} is: --url, or HEDGEROW_HOST and {_PORTS[role]}",
            code=ExitCode.MISCONFIGURED,
        ) from error
    except OSError as error:
        raise HostError(
            f"nothing answers at {url}",
            fix=f"start it with `hedgerow {role}`, or say where it is: --url",
            code=ExitCode.UNREACHABLE,
        ) from error
