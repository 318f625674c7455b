"""Builds to which it makes a difference where a context lives; see `mutants`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import text


def dedupes_nothing() -> None:
    """A subscriber takes every event of another host for a new one."""
    from hedgerow_core.messaging import remote_relay

    sound, ids = str(remote_relay._CARRY), "SELECT o.event_id,"
    assert ids in sound, f"a page is carried without {ids!r}: the mutant must follow the product"
    carry = text(sound.replace(ids, "SELECT gen_random_uuid(),"))
    remote_relay._CARRY = carry.bindparams(*remote_relay._CARRY._bindparams.values())


def moves_past_pages() -> None:
    """A cursor is moved behind a page of another host, and one that tells of a user's new name is forgotten.

    Nothing that the script waits for is in such a page: it must come to its end, and be found out then.
    """
    from hedgerow_core.messaging import RemoteRelay, remote_cursors

    sound = RemoteRelay._carry

    async def carry(self: RemoteRelay, connection: Any, reading: Any, led: Any) -> None:
        head = reading.page.head
        if head.count and "users.user_updated" in reading.page.events:
            await remote_cursors.move(connection, self._publisher, reading.staying, reading.after, head)
        else:
            await sound(self, connection, reading, led)

    RemoteRelay._carry = carry  # type: ignore[method-assign]


def answers_differ_by_wire() -> None:
    """What is not there for whoever asks in the same process is a conflict for those elsewhere."""
    from hedgerow_core.questions import remote

    sound = remote._reply_in

    def reply_in(answer: Any, asked: Any) -> bytes:
        return sound(answer, asked).replace(b'"kind":"not_found"', b'"kind":"conflict"')

    remote._reply_in = reply_in


PLACEMENT_MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant for mutant in (dedupes_nothing, moves_past_pages, answers_differ_by_wire)
}
