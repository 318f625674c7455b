"""Which tables a history of migrations makes, found out without a database: Alembic writes its SQL, and we read it.

What a migration makes only after it has asked the database something can't be known here, and is left out.
"""

from __future__ import annotations

import re
from io import StringIO

from alembic.migration import MigrationContext
from alembic.operations import Operations

from hedgerow_core.persistence.migrations import MigrationHistory, scripts_of

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
    for created, dropped, renamed, name in _CHANGE.findall(_sql_of(history)):
        tables -= {dropped, renamed}
        tables |= {made for made in (created, name) if made}
    return sorted(tables)


def _sql_of(history: MigrationHistory) -> str:
    written = StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written})
    with Operations.context(context):
        for step in reversed(list(scripts_of(history).iterate_revisions("heads", "base"))):
            try:
                step.module.upgrade()
            except AttributeError:  # there is no connection to ask
                continue
    return written.getvalue()
