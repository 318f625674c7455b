"""Where a server listens: takes the port before anything slow is built, so that a taken one is said at once."""

from __future__ import annotations

import socket

from hedgerow_host.exits import ExitCode, HostError

BACKLOG = 2048
ACCEPTED_AT_ONCE = 16
"""libuv takes one connection from a listener in each round of its loop. In an overload a round takes long, and who
opens a connection waited in the backlog for seconds: neither served nor turned away. With so many listeners on one
socket, so many are taken."""


def bound_socket(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        HostError: the port is taken, or the address is not one of this machine's.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise HostError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            fix="end the program that uses the port, or choose another with --port or HEDGEROW_PORT",
            code=ExitCode.MISCONFIGURED,
        ) from error


def doors(bound: socket.socket) -> list[socket.socket]:
    """The listening socket several times over, for a server that accepts one connection at a time from each."""
    return [bound, *(bound.dup() for _ in range(ACCEPTED_AT_ONCE - 1))]


def reachable(host: str) -> str:
    """Where this machine finds a server that listens on `host`."""
    if host in ("0.0.0.0", ""):  # noqa: S104 - a comparison, nothing is bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
