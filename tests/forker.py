"""The process that forks for a test run: it has imported everything of ours once. See `warm_start`."""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import site
import socket
import sys
import sysconfig
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

PACKAGES = ("hedgerow_core", "hedgerow_host", "hedgerow_users", "hedgerow_billing", "hedgerow_webhooks")
LATER = (
    "anyio._backends._asyncio",
    "purgatory",
    "pydantic.v1",
    "typer.rich_utils",
    "uvicorn.loops.auto",
    "uvicorn.protocols.websockets.auto",
    "uvloop",
)
"""What libraries import no sooner than they need it, and nearly every process does."""
NOT_FOR_IMPORT = ("alembic_environment", "migrations.versions", "__main__")
CHUNK = 64 * 1024

Wish = dict[str, Any]


def serve(listener: socket.socket) -> Wish:
    """Fork for everybody who connects. Returns in the new process alone, with what is wished of it."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        if sys.stdin in select.select([listener, sys.stdin], [], [])[0]:
            os._exit(0)
        connection, _ = listener.accept()
        if os.fork() == 0:
            return _keep(connection)
        connection.close()


def _keep(connection: socket.socket) -> Wish:
    """Start one process and tell how it ends; a keeper of its own each, so that nobody waits for another.

    When the test run is gone, however it ended, so is the process.
    """
    ended, tell = socket.socketpair()
    tell.setblocking(False)
    signal.set_wakeup_fd(tell.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    wish = _heard(connection)
    pid = os.fork()
    if pid == 0:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        return wish
    os.setsid()
    for file in wish["files"]:
        os.close(file)  # or whoever reads what the process prints would wait for us, too
    _tell(connection, pid)
    while connection not in select.select([connection, ended], [], [])[0]:
        ended.recv(64)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            _tell(connection, os.waitstatus_to_exitcode(status))
            os._exit(0)
    os.kill(pid, signal.SIGKILL)
    os._exit(0)


def _heard(connection: socket.socket) -> Wish:
    text, files, _flags, _sender = socket.recv_fds(connection, CHUNK, 3)
    while not text.endswith(b"\n"):
        more = connection.recv(CHUNK)
        if not more:
            os._exit(0)  # who asked is gone
        text += more
    return {**json.loads(text), "files": files}


def _tell(connection: socket.socket, number: int) -> None:
    with suppress(OSError):  # nobody listens any more
        connection.sendall(b"%d\n" % number)


def become(wish: Mapping[str, Any]) -> None:
    """Change this process into one that somebody has started with this folder, environment and files."""
    os.setsid()
    os.chdir(wish["folder"])
    os.environ.clear()
    os.environ.update(wish["environment"])
    time.tzset()
    for number, file in enumerate(wish["files"]):
        os.dup2(file, number)
    os.closerange(3, 64)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = ["hedgerow", *wish["arguments"]]
    sys.modules["__main__"].__package__ = None  # or the usage would be `python -m tests.hedgerow`
    # Not before `End` is registered: multiprocessing waits for children at the end.
    from tests import cheap_hashing, warm_spawn

    warm_spawn.install()
    cheap_hashing.hash_as_asked(os.environ)
    _find_what_is_in(wish["libraries"])
    sys.path[:0] = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]


def _find_what_is_in(libraries: str) -> None:
    """Find what is installed there, and no more what is here; what is imported already stays what it is."""
    ours = sysconfig.get_path("purelib")
    if libraries == ours:
        return
    named = {line for file in Path(ours).glob("*.pth") for line in file.read_text().splitlines()}
    sys.path[:] = [folder for folder in sys.path if folder not in {ours, *named}]
    site.addsitedir(libraries)
    importlib.invalidate_caches()


class End:
    """Ends the process as Python does, but does not take apart what is imported.

    For that alone Python would write to nearly every page that a fork shares with us: 0.13 s a process, three
    quarters of what a short command costs. Before, threads are waited for, and what anybody registered is done.
    """

    code: int | None = None

    def __call__(self) -> None:
        """The last of the atexit functions."""
        if self.code is not None:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.code)

    def of(self, module: str) -> None:
        """Call `main()` of a module, and know how it ends."""
        try:
            importlib.import_module(module).main()
        except SystemExit as ended:
            self.code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            raise
        self.code = 0


def _ours() -> Iterator[str]:
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not any(part in module.name for part in NOT_FOR_IMPORT):
                yield module.name


if __name__ == "__main__":
    end = End()
    atexit.register(end)  # before any import: what is registered first is called last
    for name in (*_ours(), *LATER):
        importlib.import_module(name)
    assert threading.active_count() == 1, "a thread would not live on in a fork"
    gc.freeze()
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    become(asked)
    end.of(asked["module"])
