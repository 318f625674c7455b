"""What a failing database means to a caller: away, too busy, full, read-only, or a rule kept by a constraint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from asyncpg import exceptions as pg
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from hedgerow_core.domain import ConflictError, DomainError, UnavailableError
from hedgerow_core.persistence.moving import WRITE_REFUSED, ContextIsMoving

Constraints = Mapping[str, Callable[[], DomainError]]
"""Which domain error stands behind a constraint, by the constraint's name."""

BUSY = "database_busy"
"""The code of an error: the server is there, and no connection came free."""
_RETRY_WHEN_AWAY = timedelta(seconds=5)
_RETRY_WHEN_BUSY = timedelta(seconds=1)

_AWAY = (
    pg.PostgresConnectionError,
    pg.AdminShutdownError,
    pg.CrashShutdownError,
    pg.CannotConnectNowError,
    pg.InterfaceError,
    pg.InternalClientError,
    ConnectionError,
)
_REFUSED = (pg.InvalidAuthorizationSpecificationError, pg.InvalidCatalogNameError)
_RACE = (pg.DeadlockDetectedError, pg.SerializationError, pg.LockNotAvailableError)


@contextmanager
def speaking_plainly(constraints: Constraints) -> Iterator[None]:
    """Turn what the driver raises into the domain error a caller can act on; let the rest pass."""
    try:
        yield
    except PoolTimeout as error:
        raise _busy("All database connections are in use. Try again shortly.") from error
    except TimeoutError as error:  # of a statement
        raise _away() from error
    except DBAPIError as error:
        _forget_row(error)
        named = constraints.get(_constraint_of(error) or "") if isinstance(error, IntegrityError) else None
        if named is not None:
            raise named() from error
        meaning = _meaning_of(driver_error(error)) or (_away() if error.connection_invalidated else None)
        if meaning is None:
            raise
        raise meaning from error
    except (ConnectionError, pg.PostgresError, pg.InterfaceError) as error:
        meaning = _meaning_of(error)
        if meaning is None:
            raise
        raise meaning from error


@contextmanager
def connecting() -> Iterator[None]:
    """Around the opening of a connection, where a refused socket or a silent host means the same: away."""
    try:
        yield
    except (OSError, TimeoutError) as error:
        raise _away() from error


def _meaning_of(error: BaseException | None) -> DomainError | None:
    if getattr(error, "sqlstate", None) == WRITE_REFUSED:
        return ContextIsMoving()
    if isinstance(error, pg.TooManyConnectionsError):
        return _busy("The database takes no more connections. Try again shortly.")
    if isinstance(error, pg.DiskFullError):
        return UnavailableError(
            "The database has no room left on its disk. Try again later.",
            code="database_full",
            retry_after=_RETRY_WHEN_AWAY,
        )
    if isinstance(error, pg.ReadOnlySQLTransactionError):
        return UnavailableError(
            "The database takes no changes right now. Try again later.",
            code="database_read_only",
            retry_after=_RETRY_WHEN_AWAY,
        )
    if isinstance(error, _RACE):
        return ConflictError(
            "Somebody else changed the same thing at the same moment. Try again.", code="concurrent_change"
        )
    if isinstance(error, _REFUSED):
        return UnavailableError(
            "The database does not let us in right now. Try again later.",
            code="database_refused",
            retry_after=_RETRY_WHEN_AWAY,
        )
    return _away() if isinstance(error, _AWAY) else None


def _busy(message: str) -> UnavailableError:
    return UnavailableError(message, code=BUSY, retry_after=_RETRY_WHEN_BUSY)


def _away() -> UnavailableError:
    return UnavailableError(
        "The database is not reachable right now. Try again shortly.",
        code="database_away",
        retry_after=_RETRY_WHEN_AWAY,
    )


def _forget_row(error: DBAPIError) -> None:
    """PostgreSQL quotes the whole failing row in its detail; no log and no ledger shall hold it."""
    if isinstance(driver := driver_error(error), pg.PostgresError):
        driver.detail = None


def means_away(error: DBAPIError) -> bool:
    """Whether the server is gone or takes nobody, so that the statement itself may be right."""
    return error.connection_invalidated or isinstance(_meaning_of(driver_error(error)), UnavailableError)


def driver_error(error: DBAPIError) -> BaseException | None:
    """asyncpg's own exception; SQLAlchemy's dialect wraps it once before wrapping it again."""
    return getattr(error.orig, "__cause__", None) or error.orig


def _constraint_of(error: IntegrityError) -> str | None:
    return getattr(driver_error(error), "constraint_name", None)
