"""Notices what a context could not do alone: a transaction inside another context's, a statement it may not run.

And what it could not do at all, because all its connections were in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from asyncpg.exceptions import InsufficientPrivilegeError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hedgerow_core.persistence.failures import driver_error

_open: ContextVar[frozenset[str]] = ContextVar("open_transactions", default=frozenset())
"""The contexts that have a transaction open around what runs now."""


@dataclass(frozen=True, slots=True)
class Observer:
    """Who is told. Events of SQLAlchemy would cost a transaction of two statements 27 µs; this costs 2."""

    nested: Callable[[str], None]
    """A transaction begins inside one of this context."""
    refused: Callable[[], None]
    """PostgreSQL has refused a statement, because the role may not."""
    turned_away: Callable[[], None] = lambda: None
    """No connection came free in time."""


@contextmanager
def observing(context: str, observer: Observer | None) -> Iterator[None]:
    """Around a transaction of the context."""
    around = _open.get()
    if observer is not None:
        for other in sorted(around - {context}):
            observer.nested(other)
    _open.set(around | {context})
    try:
        with observing_refusals(observer):
            yield
    finally:
        _open.set(around)


@contextmanager
def observing_refusals(observer: Observer | None) -> Iterator[None]:
    """Around statements."""
    try:
        yield
    except PoolTimeout:
        if observer is not None:
            observer.turned_away()
        raise
    except DBAPIError as error:
        if observer is not None and isinstance(driver_error(error), InsufficientPrivilegeError):
            observer.refused()
        raise
