"""Blocks for a pure domain model. Standard library only: nothing here knows of HTTP, SQL or a broker."""

from hedgerow_core.domain.aggregate import AggregateRoot, DomainEvent, Versions
from hedgerow_core.domain.clock import Clock, SystemClock
from hedgerow_core.domain.entity import Entity
from hedgerow_core.domain.errors import (
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    DomainError,
    NotFoundError,
    PreconditionError,
    RateLimitError,
    UnavailableError,
    ValidationError,
)
from hedgerow_core.domain.ids import new_id
from hedgerow_core.domain.value_object import Secret, ValueObject

__all__ = [
    "AggregateRoot",
    "AuthenticationError",
    "AuthorizationError",
    "Clock",
    "ConflictError",
    "DomainError",
    "DomainEvent",
    "Entity",
    "NotFoundError",
    "PreconditionError",
    "RateLimitError",
    "Secret",
    "SystemClock",
    "UnavailableError",
    "ValidationError",
    "ValueObject",
    "Versions",
    "new_id",
]
