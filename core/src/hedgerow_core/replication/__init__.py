"""A streaming replica of PostgreSQL: answers who only looks, never with less than they have written (ADR 0046)."""

from hedgerow_core.replication.replica import MOST_BEHIND_S, Replica

__all__ = ["MOST_BEHIND_S", "Replica"]
