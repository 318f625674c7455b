"""What a script has left behind, without what must differ between two runs: ids, times, numbers of attempts.

Ids get names in the order in which the outboxes, which are written in the script's order, tell of them; those of
which no event tells are all alike. Rows are sorted after that, so the order of concurrent work does not show.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?")
_REFERENCE = re.compile(r"sandbox_[0-9a-f]{24}")

TABLES: Mapping[str, tuple[str, ...]] = {
    "users": ("accounts", "outbox", "deliveries"),
    "billing": (
        *("invoices", "payments", "refunds", "credit_notes", "postings", "customers", "number_series"),
        *("outbox", "deliveries"),
    ),
}
"""By context: what is compared. Sessions and revocations are those of a client that may have logged in again."""

_OUTBOX = "SELECT to_jsonb(o) FROM {context}.outbox o ORDER BY id"
_ROWS = "SELECT to_jsonb(t) FROM {context}.{table} t"
# What a task leaves in the ledger depends on how often its worker died: the rows that it writes do not.
_EVENTS_ALONE = " WHERE aggregate_id IS NOT NULL"
_LEFT_OUT = {
    *("id", "xid", "position", "partition", "token", "owner", "attempts", "errors", "reason"),
    *("traceparent", "correlation_id", "causation_id", "password_hash"),
    *("email_version", "name_version", "standing_version"),
}
"""Of the ledger and of `accounts`. An `id` that others point to is compared where they do.

What a fact's version is once a customer is forgotten depends on the order in which events of different types were
heard, of which billing promises nothing in any placement."""


@dataclass(slots=True)
class Names:
    """Names for ids, by order of first appearance."""

    known: dict[str, str] = field(default_factory=dict)
    learning: bool = True

    def __call__(self, value: Any) -> str:
        """The value as JSON, canonical."""
        told = json.dumps(value, sort_keys=True)
        told = _ID.sub(self._name, told)
        return _REFERENCE.sub("sandbox_*", _TIME.sub("*", told))

    def _name(self, id: re.Match[str]) -> str:
        if self.learning:
            self.known.setdefault(id[0], f"#{len(self.known) + 1}")
        return self.known.get(id[0], "#?")


State = dict[str, list[str]]
"""By context: its rows, canonical."""


async def state_of(database_of: Callable[[str], str]) -> State:
    """All that is compared of these contexts."""
    names = Names()
    for context in TABLES:
        for row in await _fetch(database_of(context), _OUTBOX.format(context=context)):
            names([row["event_id"], row["aggregate_id"], row["payload"]])
    names.learning = False
    state = {}
    for context, tables in TABLES.items():
        rows = []
        for table in tables:
            statement = _ROWS.format(context=context, table=table)
            statement += _EVENTS_ALONE if table == "deliveries" else ""
            for row in await _fetch(database_of(context), statement):
                id = {"id": row["id"]} if table not in ("outbox", "postings") and "id" in row else {}
                kept = {name: value for name, value in row.items() if name not in _LEFT_OUT}
                rows.append(f"{table} {names({**kept, **id})}")
        state[context] = sorted(rows)
    return state


def hash_of(rows: list[str]) -> str:
    """Sixteen digits that are equal for equal rows."""
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


async def _fetch(url: str, statement: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(url)
    try:
        return [json.loads(row[0]) for row in await connection.fetch(statement)]
    finally:
        await connection.close()
