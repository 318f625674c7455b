"""The HEALTHCHECK of the API's image, run as Docker would run it, against servers that are well, ill and away."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hedgerow_core.testing.servers import free_port
from tests.deployment.dockerfile import in_force, lineage, stages_of

DOCKERFILE = (Path(__file__).parents[2] / "Dockerfile").read_text()


@contextmanager
def answering(status: HTTPStatus) -> Iterator[int]:
    """A server that answers /livez with `status` and everything else with 404; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/livez" else HTTPStatus.NOT_FOUND)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def probe(port: int) -> int:
    """The exit code of the HEALTHCHECK, with a proxy in the environment that doesn't work."""
    step = in_force(lineage(stages_of(DOCKERFILE), "api"), "HEALTHCHECK")
    assert step is not None
    assert step.exec_form is not None
    program, *arguments = step.exec_form
    assert program == "python"
    settings = {"HEDGEROW_PORT": str(port), "http_proxy": "http://127.0.0.1:1"}
    environment = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"} | settings
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, timeout=30, check=False
    ).returncode


@pytest.mark.parametrize(
    ("status", "code"),
    [(HTTPStatus.OK, 0), (HTTPStatus.INTERNAL_SERVER_ERROR, 1), (HTTPStatus.SERVICE_UNAVAILABLE, 1)],
)
def test_the_health_check_says_what_the_process_answers(status: HTTPStatus, code: int) -> None:
    with answering(status) as port:
        assert probe(port) == code


def test_the_health_check_fails_while_nothing_listens() -> None:
    assert probe(free_port()) == 1
