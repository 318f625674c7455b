"""deliveries: every index of what is unfinished leads with the partition

Whoever works holds one partition. With indexes by key, PostgreSQL could choose to go through a whole subscription
instead, and did so while it had no statistics yet: 18,000 buffers a claim behind a long transaction.
"""

from collections.abc import Iterable, Mapping

from alembic import op

from hedgerow_core.persistence import build_index

revision = "ledger_0005"
down_revision = "ledger_0004"
branch_labels = None
depends_on = None

ACTIVE = "state IN ('pending', 'processing', 'retry_wait')"
UNFINISHED = "state IN ('pending', 'processing', 'retry_wait', 'dead', 'parked')"
SMALL = {"waiting": "state = 'retry_wait'", "dead": "state = 'dead'"}
BEFORE = SMALL | {"by_key": UNFINISHED}
AFTER = SMALL | {"by_key": ACTIVE, "parked": "state = 'parked'"}


def upgrade() -> None:
    _replace(BEFORE, AFTER, "(subscription, partition, ordering_key, position)")


def downgrade() -> None:
    _replace(AFTER, BEFORE, "(subscription, ordering_key, position)")


def _replace(old: Iterable[str], new: Mapping[str, str], columns: str) -> None:
    """Both sets are there for a while: without any, workers would go through the whole table to claim something."""
    for name, condition in new.items():
        build_index(f"deliveries_{name}_new", f"deliveries {columns} WHERE {condition}")
    for name in old:
        op.execute(f"DROP INDEX deliveries_{name}")
    for name in new:
        op.execute(f"ALTER INDEX deliveries_{name}_new RENAME TO deliveries_{name}")
