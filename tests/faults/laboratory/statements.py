"""The statements of a migration, one after the other, as places at which its process may die."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

WATCHES = "pg_blocking_pids"
"""In what the observer of a migration asks, as often as it likes: that is no part of the migration."""
COMMIT = "COMMIT"


@contextmanager
def each_statement(passed: Callable[[str], None]) -> Iterator[None]:
    """Meanwhile, have `passed` called before each statement of a migration, and before each commit."""
    listeners = _listeners(passed)
    for name, listener in listeners.items():
        event.listen(Engine, name, listener)
    try:
        yield
    finally:
        for name, listener in listeners.items():
            event.remove(Engine, name, listener)


def die_before(nth: int) -> None:
    """Have this process killed before the nth statement that it sends."""
    left = nth

    def passed(_statement: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for name, listener in _listeners(passed).items():
        event.listen(Engine, name, listener)


def _listeners(passed: Callable[[str], None]) -> dict[str, Callable[..., None]]:
    def before(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if WATCHES in statement:
            connection.info["watches"] = True
        else:
            passed(statement)

    def before_commit(connection: Connection) -> None:
        if "watches" not in connection.info:
            passed(COMMIT)

    return {"before_cursor_execute": before, "commit": before_commit}
