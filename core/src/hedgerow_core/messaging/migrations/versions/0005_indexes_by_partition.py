"""deliveries: every index of what is unfinished leads with the partition

Whoever works holds one partition. With indexes by key, PostgreSQL could choose to go through a whole subscription
instead, and did so while it had no statistics yet: 18,000 buffers a claim behind a long transaction.
"""

from collections.abc import Iterable, Mapping

from alembic import op

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
    _drop(BEFORE)
    _create(AFTER, "(subscription, partition, ordering_key, position)")


def downgrade() -> None:
    _drop(AFTER)
    _create(BEFORE, "(subscription, ordering_key, position)")


def _drop(indexes: Iterable[str]) -> None:
    for name in indexes:
        op.execute(f"DROP INDEX deliveries_{name}")


def _create(indexes: Mapping[str, str], columns: str) -> None:
    for name, condition in indexes.items():
        op.execute(f"CREATE INDEX deliveries_{name} ON deliveries {columns} WHERE {condition}")
