"""A claim never lets a follower pass its waiting predecessor, however the moments fall."""

from sqlalchemy import text

from hedgerow_core.messaging import deliveries, partitions
from hedgerow_core.persistence import Database

NAME = "books.note_order"
CLAIMS = 60

# A retry of key A that falls due at any moment, its follower far behind, and a crowd of another key in between
# that makes the claim take its time.
CROWD = text(
    """
    INSERT INTO deliveries (event_id, subscription, publisher, position, ordering_key, partition, type, version,
        payload, occurred_at, state, attempts, next_at)
    SELECT gen_random_uuid(), 'books.note_order', 'shop', position, key, 1, 'shop.order_placed', 1, '{}', now(),
        state, 0, at
    FROM (SELECT 1 AS position, 'A' AS key, 'retry_wait' AS state, clock_timestamp() + interval '1 hour' AS at
        UNION ALL SELECT 2, 'B', 'retry_wait', clock_timestamp() + interval '1 hour'
        UNION ALL SELECT 2 + n, 'B', 'pending', clock_timestamp() FROM generate_series(1, 2000) n
        UNION ALL SELECT 100000, 'A', 'pending', clock_timestamp()) crowd
    """
)
RETRY_SOON = text(
    """
    UPDATE deliveries
    SET state = CASE position WHEN 1 THEN 'retry_wait' ELSE 'pending' END, attempts = 0,
        next_at = clock_timestamp() + CASE position WHEN 1 THEN random() * interval '5 ms' ELSE interval '0' END
    WHERE ordering_key = 'A'
    """
)


async def test_a_retry_that_falls_due_during_the_claim_is_not_passed(books: Database) -> None:
    async with books.transaction() as connection:
        await partitions.register(connection, [NAME])
        await connection.execute(CROWD)
        claim = await partitions.take(connection, NAME, 1, owner="test")
        assert claim is not None
    passed = claimed = 0
    for _ in range(CLAIMS):
        async with books.transaction() as connection:
            await connection.execute(RETRY_SOON)
        async with books.transaction() as connection:
            batch = await deliveries.claim_batch(connection, claim, ordered=True)
        positions = {delivery.envelope.position for delivery in batch}
        claimed += bool(positions)
        passed += 100_000 in positions and 1 not in positions

    assert passed == 0
    assert claimed > 0, "nothing was ever claimed, so nothing was shown"
