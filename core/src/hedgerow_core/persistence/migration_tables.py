"""Which tables a history of migrations makes, found out without a database: Alembic writes its SQL, and we read it.

What a revision makes that asks the database something can't be known here, and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from hedgerow_core.persistence.migrations import MigrationHistory
from hedgerow_core.persistence.migrations.sql import Unwritable, sql_of

_NAME = r'(?:"?\w+"?\.)?"?(\w+)"?'
_CHANGE = re.compile(
    rf"CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?{_NAME}(?!\s+PARTITION\s+OF)\b"
    rf"|DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_NAME}"
    rf"|ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?{_NAME}\s+RENAME\s+TO\s+{_NAME}",
    re.IGNORECASE,
)


def tables_made_by(history: MigrationHistory) -> list[str]:
    """The tables that are there after all of them, by name. Partitions are part of their table."""
    tables: set[str] = set()
    for statement in _statements_of(history):
        for created, dropped, renamed, name in _CHANGE.findall(statement):
            tables -= {dropped, renamed}
            tables |= {made for made in (created, name) if made}
    return sorted(tables)


def _statements_of(history: MigrationHistory) -> Iterator[str]:
    for revision in history.revisions:
        with suppress(Unwritable):
            for written in sql_of(history, "any", [revision]):
                yield from (statement.sql for statement in written.statements)
