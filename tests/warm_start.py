"""Starts `hedgerow` processes by forking one that has imported it all: most of what a short command costs.

The suite starts some six hundred processes. Each has its own pid, session, folder, environment and output, gets
real signals and ends as it would; what it does not do is to compile and import again, nor does the child of `dev`,
and passwords cost it next to nothing (`cheap_hashing`).
Tests of what an installed command does from the very start call `processes.COMMAND` instead.
"""

from __future__ import annotations

import atexit
import functools
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests import forked_command

ROOT = Path(__file__).parents[1]
LIBRARIES = Path(sysconfig.get_path("purelib"))
"""Where what is installed here is found."""


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
    connection.connect(str(_forker()))
    wish = {
        "module": module,
        "arguments": arguments,
        "libraries": str(LIBRARIES),
        "folder": str(folder),
        "environment": dict(environment),
    }
    with typed.open("rb") as stdin, output.open("ab") as stdout, errors.open("ab") as stderr:
        forked_command.ask(connection, wish, [file.fileno() for file in (stdin, stdout, stderr)])
    return Started(arguments, connection)


@functools.cache
def commands() -> Path:
    """A folder for the PATH of a shell, with a `hedgerow` in it that is forked, too."""
    folder = _forker().with_name("commands")
    folder.mkdir()
    _write_command(folder / "hedgerow", LIBRARIES)
    return folder


@contextmanager
def lent_to(environment: Path) -> Iterator[None]:
    """While the body runs, the `hedgerow` of another environment of Python is forked, too.

    It finds the contexts that are installed there. What it imports beside them is ours: for environments whose
    Hedgerow is the one in this repository, and whose libraries are of the same lock.
    """
    command, installed = environment / "bin/hedgerow", environment / "bin/hedgerow-installed"
    command.rename(installed)
    try:
        _write_command(command, environment / LIBRARIES.relative_to(sys.prefix))
        yield
    finally:
        installed.replace(command)


def _write_command(command: Path, libraries: Path) -> None:
    script = [sys.executable, "-IS", forked_command.__file__, str(_forker()), str(libraries)]
    command.write_text(f'#!/bin/sh\nexec {shlex.join(script)} "$@"\n')
    command.chmod(0o755)


@functools.cache
def _forker() -> Path:
    """The address of the process that forks for this test run; it ends when its stdin does, which is with us."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    address = Path(folder) / "forker"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen(64)
        forker = subprocess.Popen(
            [sys.executable, "-m", "tests.forker", str(listener.fileno())],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        )
    assert forker.stdin is not None
    atexit.register(forker.stdin.close)
    return address
