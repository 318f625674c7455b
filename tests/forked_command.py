"""`hedgerow` on the PATH of a test's shell: asks the process that forks for it, and ends as that ends.

Started with nothing but the standard library (`python -IS`), because starting quickly is what it is for.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence

PROGRAM = "hedgerow_host.cli"
"""What the command runs."""


def ask(connection: socket.socket, wish: dict[str, object], files: Sequence[int]) -> None:
    """Wish for a process, whose stdin, stdout and stderr are these files."""
    text = json.dumps(wish).encode() + b"\n"
    sent = socket.send_fds(connection, [text], files)
    connection.sendall(text[sent:])


def main(address: str, libraries: str, *arguments: str) -> int:
    """Run the command here, with our own files; returns how it ended, as `subprocess` says it."""
    wish = {
        "module": PROGRAM,
        "arguments": arguments,
        "libraries": libraries,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
    }
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        ask(connection, wish, [0, 1, 2])
        with connection.makefile("r") as answers:
            _pid, code = (int(answers.readline()) for _ in range(2))
    return code


if __name__ == "__main__":
    ended = main(*sys.argv[1:])
    if ended < 0:
        os.kill(os.getpid(), -ended)
    sys.exit(ended)
