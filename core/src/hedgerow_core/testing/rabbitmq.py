"""A private RabbitMQ for tests: a node with its own ports, names, data and cookie, gone with the test run.

Unlike Redis there is no wheel of it. Where the machine has no `rabbitmq-server`, its tests are skipped, visibly.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pika
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from hedgerow_core.testing.servers import LOCALHOST, free_port

RABBITMQ_START_S = 60.0
USUAL_PLACES = ("/usr/lib/rabbitmq/bin", "/opt/rabbitmq/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")
"""Debian's, the official image's, and Homebrew's. What Debian puts on the PATH insists on its own user."""
POLL_S = 0.05


class RabbitMqMissingError(Exception):
    """There is no RabbitMQ to be had here."""


class RabbitMqServer:
    """A RabbitMQ node that a test may kill and start again on the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, self._distribution_port, self._epmd_port = free_port(), free_port(), free_port()
        self._password = secrets.token_hex(8)
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """Where it listens, also while it is stopped."""
        return f"amqp://hedgerow:{self._password}@{LOCALHOST}:{self._port}/"

    def start(self) -> None:
        """Start it and wait until it answers. It keeps its queues, but not what was in them.

        Raises:
            RabbitMqMissingError: it isn't installed here.
        """
        server, epmd = rabbitmq_program(), _epmd_program()
        self._configure()
        # Erlang's name server: a daemon, unless one is there already. Ours listens on a port of its own and is a
        # child like any other, so that none stays behind.
        self._run([epmd, "-address", LOCALHOST, "-port", str(self._epmd_port)])
        node = self._run([server])
        deadline = time.monotonic() + RABBITMQ_START_S
        while not self._answers():
            if time.monotonic() > deadline or node.poll() is not None:
                raise RuntimeError(f"RabbitMQ did not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Kill it: RabbitMQ goes away without a word."""
        for process in reversed(self._processes):
            process.send_signal(signal.SIGKILL)
            process.wait()
        self._processes.clear()

    @property
    def _log(self) -> Path:
        return self._folder / "output.log"

    def _configure(self) -> None:
        (self._folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = {LOCALHOST}:{self._port}\n"
            f"default_user = hedgerow\ndefault_pass = {self._password}\n"
            # It must not stop taking messages because the machine that runs the tests is full.
            "disk_free_limit.absolute = 1MB\nvm_memory_high_watermark.absolute = 1GB\n"
        )
        (self._folder / "enabled_plugins").write_text("[].\n")

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                command,
                env=self._environment(),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the test run is not theirs
            )
        self._processes.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        here = str(self._folder)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        return kept | {
            "HOME": here,  # where Erlang keeps its cookie
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,  # not the machine's own settings
            "RABBITMQ_CONFIG_FILE": f"{here}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{here}/enabled_plugins",
            "RABBITMQ_NODENAME": f"hedgerow-{self._port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": f"{here}/data",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{here}/config",
            "RABBITMQ_PID_FILE": f"{here}/pid",
            "RABBITMQ_LOG_BASE": here,
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ALLOW_INPUT": "1",  # becomes the server instead of minding it, so that a kill hits the server
            # One scheduler that sleeps when idle: it shares the machine with what is tested.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput +S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def _answers(self) -> bool:
        try:
            # First without pika, which logs a page for every refused connection.
            socket.create_connection((LOCALHOST, self._port), timeout=POLL_S).close()
            pika.BlockingConnection(pika.URLParameters(self.url)).close()
        except (AMQPError, AMQPConnectorException, OSError):
            return False
        return True


def rabbitmq_program(places: Sequence[str] = USUAL_PLACES) -> str:
    """The `rabbitmq-server` of this machine, in one of `places` or on the PATH.

    Raises:
        RabbitMqMissingError: there is none.
    """
    found = shutil.which("rabbitmq-server", path=os.pathsep.join((*places, os.environ.get("PATH", ""))))
    if found is None:
        raise RabbitMqMissingError("no rabbitmq-server on this machine")
    return found


def _epmd_program() -> str:
    found = shutil.which("epmd")
    if found is None:
        raise RabbitMqMissingError("rabbitmq-server is there, but no epmd on the PATH")
    return found
