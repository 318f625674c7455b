"""`hedgerow health` tells what an API or a worker says of itself, and apart what is not there and not ours."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

from hedgerow_core.testing.servers import free_port
from hedgerow_host.cli.verbs import verbs_behind
from hedgerow_host.exits import HostError

READY = {"status": "ready", "checks": {"database": "ok"}, "alarms": [{"context": "garden", "what": "stale"}]}
NOT_READY = {"status": "not_ready", "checks": {"database": "database_away"}}


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A server that answers like this at /readyz; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def health(url: str, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(verbs_behind("health"), ["health", "--url", url, *options])
    if isinstance(done.exception, HostError):
        return done.exception.code, str(done.exception)
    return done.exit_code, done.stdout


def test_an_api_that_is_ready_is_fine_whatever_alarms_it_has() -> None:
    with answering(200, json.dumps(READY)) as url:
        assert health(url) == (0, "ready\n  database: ok\n  alarm: context garden, what stale\n")
        code, printed = health(f"{url}/", "--json")

    assert (code, json.loads(printed)) == (0, READY)


def test_an_api_that_stands_by_is_as_ready_as_it_can_be() -> None:
    with answering(200, json.dumps({**READY, "status": "standby", "alarms": []})) as url:
        assert health(url) == (0, "standby\n  database: ok\n")


def test_an_api_that_is_not_ready_fails_the_probe_and_says_what_it_lacks() -> None:
    with answering(503, json.dumps(NOT_READY)) as url:
        assert health(url) == (1, "not_ready\n  database: database_away\n")


def test_an_api_that_is_about_to_end_is_not_ready() -> None:
    with answering(503, json.dumps({**NOT_READY, "status": "draining"})) as url:
        assert health(url)[0] == 1


def test_a_worker_is_asked_at_its_own_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(200, json.dumps(READY)) as url:
        monkeypatch.setenv("HEDGEROW_WORKER_PORT", url.rpartition(":")[2])
        done = CliRunner().invoke(verbs_behind("health"), ["health", "--worker"])

    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "ready")


def test_a_worker_that_has_no_port_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEDGEROW_WORKER_PORT", raising=False)
    done = CliRunner().invoke(verbs_behind("health"), ["health", "--worker"])

    assert isinstance(done.exception, HostError)
    assert (done.exception.code, "HEDGEROW_WORKER_PORT" in str(done.exception)) == (2, True)


def test_where_nothing_listens_nothing_is_reachable() -> None:
    code, told = health(f"http://127.0.0.1:{free_port()}")

    assert code == 3
    assert "hedgerow api" in told


@pytest.mark.parametrize(
    ("status", "body"), [(200, "<html>"), (404, ""), (200, "[]"), (200, '{"status": "ready"}')]
)
def test_another_server_is_not_taken_for_ours(status: int, body: str) -> None:
    with answering(status, body) as url:
        code, told = health(url)

    assert code == 2
    assert "no Hedgerow" in told
