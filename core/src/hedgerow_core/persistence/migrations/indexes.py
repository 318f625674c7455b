"""Indexes on tables that are in use: built and dropped while everybody reads and writes on.

For revisions. PostgreSQL does this outside of transactions alone, so what a revision has done before is committed
first; whatever stands beside these calls must bear being run twice.
"""

from __future__ import annotations


def build_index(name: str, on: str, *, unique: bool = False) -> None:
    """Build an index: `build_index("ix_notes_owner", "notes (owner_id)")`.

    An attempt that was cut off leaves an INVALID index of this name. It is dropped, and built again.
    """
    _run_in_nobodys_way(
        f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
        f"CREATE {'UNIQUE ' if unique else ''}INDEX CONCURRENTLY {name} ON {on}",
    )


def drop_index(name: str) -> None:
    """Drop an index, if it is still there."""
    _run_in_nobodys_way(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _run_in_nobodys_way(*statements: str) -> None:
    """These wait for whatever transactions are open, and nobody has to wait behind them: it may take long."""
    from alembic import op  # only a revision gets here; servers know these functions' names as well

    context = op.get_context()
    with context.autocommit_block():
        # Of another environment than ours, it may know neither: 0 is PostgreSQL's own, for ever.
        op.execute(f"SET lock_timeout = '{context.opts.get('longest_wait', 0)}'")
        for statement in statements:
            op.execute(statement)
        op.execute(f"SET lock_timeout = '{context.opts.get('lock_timeout', 0)}'")
