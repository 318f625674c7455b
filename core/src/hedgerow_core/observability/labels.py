"""What may stand in each label of a metric: words that are listed here, or names that somebody has declared.

Nothing that grows with use: an id in a label makes a time series for every user, and Prometheus keeps them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HTTP_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER_METHOD = "other"
"""Stands for whatever a caller makes up."""
GRPC_CODES = frozenset(
    {
        *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
        *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE"),
        *("UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
    }
)
"""All that gRPC has."""
NO_ROUTE = "none"
"""Stands for every path at which there is nothing."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a label tells apart."""

    meaning: str
    words: frozenset[str] | None = None
    """All that may stand in it; None: names, as many as the hosted contexts declare."""


def _one_of(meaning: str, *words: str) -> Label:
    return Label(meaning, frozenset(words))


LABELS: Mapping[str, Label] = {
    "cache": Label("a kind of answers that a context remembers"),
    "call": Label("a method of a gRPC service, as in `/users.UserService/GetUser`"),
    "code": _one_of("the status of a call over gRPC", *GRPC_CODES),
    "context": Label("a context, hosted here or elsewhere"),
    "method": _one_of("the method of a request", *HTTP_METHODS, OTHER_METHOD),
    "other": Label("the context in whose transaction it happened"),
    "outcome": _one_of(
        "what came of it",
        *("answered", "refused", "late", "failed", "left_alone"),
        *("hit", "loaded", "joined", "held", "away"),
        *("replica", "primary"),
    ),
    "publisher": Label("the context whose events they are"),
    "query": Label("a published query"),
    "route": Label("the template of a route, or none"),
    "schedule": Label("a schedule"),
    "server": Label("a server that is not ours"),
    "state": _one_of(
        "how far a delivery, or a request, is", "pending", "retry", "dead", "parked", "running", "in_line"
    ),
    "status": _one_of("the status of an answer; 0: there was none", "0", *map(str, range(100, 600))),
    "subscription": Label("a subscription, or a task"),
    "what": _one_of("what is the matter", "stale", "dead", "not_carried", "feed_expired"),
}
"""By name. A label means the same in every metric."""
