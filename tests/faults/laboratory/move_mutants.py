"""Builds of `hedgerow extract` that are broken on purpose, each in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from hedgerow_host.extraction.move import capture, handing_over
from hedgerow_host.extraction.move.tables import MovedTable


def moves_without_fence() -> None:
    """Nobody is refused: who writes to the source goes on there."""
    capture.refusal = lambda context: ""


def leaves_a_table_unwatched() -> None:
    """One table has no triggers."""
    sound = capture._triggers

    def triggers(context: str, tables: Any, versions: Any) -> Iterator[tuple[str, str, str]]:
        return sound(context, [table for table in tables if table.name != "counted"], versions)

    capture._triggers = triggers


def keeps_transaction_ids() -> None:
    """Rows of the outbox come with the transaction ids of the other cluster."""
    MovedTable.carried = property(lambda self: [each.name for each in self.columns])  # type: ignore[assignment]
    sound = MovedTable.values

    def values(self: MovedTable, row: str) -> str:
        return sound(self, row).replace("'0'::xid8 AS \"xid\"", f'{row}."xid"')

    MovedTable.values = values  # type: ignore[method-assign]


def gives_nothing_back() -> None:
    """What is claimed stays claimed by whoever is at the source."""

    async def give_back(*_args: Any) -> None:
        return

    handing_over.give_back = give_back


MOVE_MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant
    for mutant in (moves_without_fence, leaves_a_table_unwatched, keeps_transaction_ids, gives_nothing_back)
}
