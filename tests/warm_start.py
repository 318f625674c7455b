"""Starts `hedgerow` processes by forking one that has imported it all: most of what a short command costs.

The suite starts some six hundred processes. Each has its own pid, session, folder, environment and output, gets
real signals and ends as it would; what it does not do is to compile and import again. Tests of what an installed
command does from the very start call `processes.COMMAND` instead.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGES = ("hedgerow_core", "hedgerow_host", "hedgerow_users", "hedgerow_billing")
NOT_FOR_IMPORT = ("alembic_environment", "migrations.versions", "__main__")


class Started:
    """A process that was forked for us."""

    def __init__(self, arguments: tuple[str, ...], connection: socket.socket) -> None:
        self._arguments = arguments
        self._connection = connection
        self._answers = connection.makefile("r")
        told = self._answers.readline()
        assert told, "the process that forks for the tests has died: see its own words above"
        self.pid = int(told)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, as `subprocess` says it; None if it runs."""
        return self._within(0)

    def wait(self, within_s: float) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        code = self._within(within_s)
        if code is None:
            raise subprocess.TimeoutExpired(list(self._arguments), within_s)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended just now
                os.kill(self.pid, number)

    def _within(self, seconds: float) -> int | None:
        if self.returncode is None and select.select([self._connection], [], [], seconds)[0]:
            self.returncode = int(self._answers.readline())
            self._answers.close()
            self._connection.close()
        return self.returncode


def start(
    module: str,
    arguments: tuple[str, ...],
    *,
    folder: Path,
    environment: Mapping[str, str],
    output: Path,
    errors: Path,
    typed: Path = Path(os.devnull),
) -> Started:
    """Call `main()` of a module in a process of its own, which writes to these files."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(_forker())
    wanted = {
        "module": module,
        "arguments": arguments,
        "folder": str(folder),
        "environment": dict(environment),
        "output": str(output),
        "errors": str(errors),
        "typed": str(typed),
    }
    connection.sendall(json.dumps(wanted).encode() + b"\n")
    return Started(arguments, connection)


@functools.cache
def _forker() -> str:
    """The address of the process that forks for this test run; it ends when its stdin does, which is with us."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    address = f"{folder}/forker"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        forker = subprocess.Popen(
            [sys.executable, "-m", "tests.warm_start", str(listener.fileno())],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
    assert forker.stdin is not None
    atexit.register(forker.stdin.close)
    return address


def serve(listener: socket.socket) -> dict[str, Any]:
    """Fork for everybody who connects. Returns in the new process alone, with what is wanted of it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        if sys.stdin in select.select([listener, sys.stdin], [], [])[0]:
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork() == 0:
            return _keep(connection)
        connection.close()


def _keep(connection: socket.socket) -> dict[str, Any]:
    """Start one process and tell how it ends; a keeper of its own each, so that nobody waits for another.

    When the test run is gone, however it ended, so is the process.
    """
    ended, tell = socket.socketpair()
    tell.setblocking(False)
    signal.set_wakeup_fd(tell.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    wanted: dict[str, Any] = json.loads(connection.makefile("r").readline())
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return wanted
    os.setsid()
    _tell(connection, pid)
    while connection not in select.select([connection, ended], [], [])[0]:
        ended.recv(64)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            _tell(connection, os.waitstatus_to_exitcode(status))
            os._exit(0)
    os.kill(pid, signal.SIGKILL)
    os._exit(0)


def _tell(connection: socket.socket, number: int) -> None:
    with suppress(OSError):  # nobody listens any more
        connection.sendall(b"%d\n" % number)


def become(wanted: Mapping[str, Any]) -> None:
    """Change this process into one that somebody has started with this folder, environment and output."""
    os.setsid()
    os.chdir(wanted["folder"])
    os.environ.clear()
    os.environ.update(wanted["environment"])
    time.tzset()
    for number, (file, mode) in enumerate(
        [(wanted["typed"], "r"), (wanted["output"], "a"), (wanted["errors"], "a")]
    ):
        with open(file, mode) as opened:
            os.dup2(opened.fileno(), number)
    os.closerange(3, 64)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = ["hedgerow", *wanted["arguments"]]
    sys.modules["__main__"].__package__ = None  # or the usage would be `python -m tests.hedgerow`
    sys.path[:0] = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]


def _ours() -> Iterator[str]:
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not any(part in module.name for part in NOT_FOR_IMPORT):
                yield module.name


if __name__ == "__main__":
    for name in _ours():
        importlib.import_module(name)
    assert threading.active_count() == 1, "a thread would not live on in a fork"
    gc.freeze()
    wish = serve(socket.socket(fileno=int(sys.argv[1])))
    become(wish)
    importlib.import_module(wish["module"]).main()
