"""Answers of requests that may be sent again, beside the rows that they changed."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.application.idempotency import RecordedAnswer, RequestInFlight

KEEP = timedelta(hours=24)
"""Whoever has not asked again within a day has given up."""

# The try-lock tells who else is at it, instead of waiting on the primary key. That an answer was committed between
# the start of this statement and the lock is found out when it is recorded.
_RECALL = text(
    """
    SELECT pg_try_advisory_xact_lock(:lock) AS free, known.fingerprint, known.answer
    FROM (SELECT) AS always LEFT JOIN idempotency_keys known
        ON known.scope = :scope AND known.recorded_at > clock_timestamp() - CAST(:keep AS interval)
    """
).columns(answer=JSONB)
_RECORD = text(
    """
    INSERT INTO idempotency_keys AS known (scope, fingerprint, answer) VALUES (:scope, :fingerprint, :answer)
    ON CONFLICT (scope) DO UPDATE
        SET fingerprint = excluded.fingerprint, answer = excluded.answer, recorded_at = excluded.recorded_at
        WHERE known.recorded_at <= clock_timestamp() - CAST(:keep AS interval)
    """
).bindparams(bindparam("answer", type_=JSONB))


class RecordedAnswers:
    """The port `Answers`, on the connection of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def recall(self, scope: bytes) -> RecordedAnswer | None:
        """Look an answer up, and keep others from giving one until this transaction ends."""
        lock = int.from_bytes(scope[:8], "big", signed=True)
        where = {"lock": lock, "scope": scope, "keep": KEEP}
        row = (await self._connection.execute(_RECALL, where)).one()
        if row.fingerprint is not None:
            return RecordedAnswer(row.fingerprint, row.answer)
        if not row.free:
            raise RequestInFlight
        return None

    async def record(self, scope: bytes, answer: RecordedAnswer) -> None:
        """Insert it, in place of one that is too old."""
        row = {"scope": scope, "fingerprint": answer.fingerprint, "answer": answer.answer, "keep": KEEP}
        if (await self._connection.execute(_RECORD, row)).rowcount != 1:
            raise RequestInFlight
