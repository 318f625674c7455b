"""Runs the `hedgerow` command as real processes, the way an operator would, and takes them down again."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests import warm_start
from tests.forked_command import PROGRAM

READY_WITHIN_S = 60.0
ENDS_WITHIN_S = 30.0
SECRET = "for tests alone, and so it is no secret"
"""USERS_SECRET of hosts that need one: those with a database of their own. `dev` brings both along."""
CHOSEN = {"USERS_SECRET": SECRET, "BILLING_GATEWAY": "sandbox", "HEDGEROW_DRAIN_S": "0"}
"""What somebody must have decided before a host starts outside of `dev`; and that nobody balances load here."""
COMMAND = Path(sys.executable).with_name("hedgerow")
"""The installed one, for those to whom it matters that nothing is there yet."""
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""What clients of our hosts verify with: nothing. For more, a client reads every authority that there is: 26 ms."""
UV = shutil.which("uv") or str(warm_start.ROOT / ".tools/bin/uv")
"""The one that make uses."""
UV_FOUND_NOBODY = "error sending request"
"""What uv says where neither its cache nor a network has what it needs."""


class Process:
    """One running `hedgerow` process, with all it has written so far."""

    def __init__(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        program: str = PROGRAM,
    ) -> None:
        self._log = folder / f"{arguments[0]}-{time.monotonic_ns()}.log"
        self._log.touch()
        self._process = warm_start.start(
            program,
            arguments,
            folder=folder,
            environment=_completed(environment),
            output=self._log,
            errors=self._log,
        )

    @property
    def output(self) -> str:
        """What it has written to stdout and stderr."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait_for(self, text: str, within_s: float = READY_WITHIN_S) -> None:
        """Wait until it has written `text`."""
        deadline = time.monotonic() + within_s
        while text not in self.output:
            if self._process.poll() is not None:
                raise AssertionError(f"ended with {self._process.returncode} before {text!r}:\n{self.output}")
            if time.monotonic() > deadline:
                raise AssertionError(f"no {text!r} within {within_s} s:\n{self.output}")
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process alone."""
        self._process.send_signal(number)

    def wait(self, within_s: float = ENDS_WITHIN_S) -> int:
        """Wait for its end; returns the exit code."""
        return self._process.wait(within_s)

    def end(self) -> int:
        """Ask it to stop, as Ctrl-C or an orchestrator would, and wait."""
        if self._process.poll() is None:
            self.send(signal.SIGTERM)
        return self.wait()


@contextmanager
def running(
    *arguments: str, folder: Path, environment: Mapping[str, str], program: str = PROGRAM
) -> Iterator[Process]:
    """A process that surely ends with the body."""
    process = Process(*arguments, folder=folder, environment=environment, program=program)
    try:
        yield process
    finally:
        try:
            process.end()
        except subprocess.TimeoutExpired:
            process.send(signal.SIGKILL)
            process.wait()
            raise


def run(
    *arguments: str, folder: Path, environment: Mapping[str, str], typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what is `typed` is its stdin."""
    with tempfile.TemporaryDirectory() as written:
        output, errors, stdin = (Path(written) / name for name in ("output", "errors", "stdin"))
        stdin.write_text(typed)
        process = warm_start.start(
            PROGRAM,
            arguments,
            folder=folder,
            environment=_completed(environment),
            output=output,
            errors=errors,
            typed=stdin,
        )
        try:
            code = process.wait(READY_WITHIN_S)
        finally:
            process.send_signal(signal.SIGKILL)
        return subprocess.CompletedProcess(arguments, code, output.read_text(), errors.read_text())


def clean_environment() -> dict[str, str]:
    """Our environment without settings of Hedgerow that happen to be in it."""
    prefixes = ("HEDGEROW_", "USERS_", "BILLING_", "WEBHOOKS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def _completed(environment: Mapping[str, str]) -> dict[str, str]:
    chosen = CHOSEN if "HEDGEROW_DATABASE_URL" in environment else {}
    return clean_environment() | chosen | environment


def wait_until_ready(base_url: str, process: Process) -> None:
    """Wait until `/readyz` answers 200. Asking must be cheap: a host starts meanwhile, on the same machine."""
    at = httpx.URL(base_url)
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        connection = http.client.HTTPConnection(at.host, at.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        if time.monotonic() > deadline or not process.running:
            raise AssertionError(f"not ready:\n{process.output}")
        time.sleep(0.05)
