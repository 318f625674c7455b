"""Which database a command means: the configured one, or what `hedgerow dev` keeps in the data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from hedgerow_core.domain import UnavailableError
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.embedded import embedded_postgres, running_embedded_postgres
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.settings import Environment, HostSettings


def required_address(settings: HostSettings) -> DatabaseAddress:
    """The configured database.

    Raises:
        HostError: none is configured.
    """
    if settings.database_url is None:
        raise HostError(
            "HEDGEROW_DATABASE_URL is not set, and this command does not bring a database along",
            fix="set it to postgresql://user:password@host:5432/database, or use `hedgerow dev`",
            code=ExitCode.MISCONFIGURED,
        )
    return settings.database_url


@contextmanager
def existing_database(settings: HostSettings) -> Iterator[DatabaseAddress]:
    """The configured database; in `dev`, without one, the embedded server: the running one, else started for now.

    Raises:
        HostError: none is configured, and the environment is not `dev`.
    """
    if settings.database_url is not None or settings.env is not Environment.DEV:
        yield required_address(settings)
        return
    running = running_embedded_postgres(settings.data_dir)
    if running is not None:
        yield running
        return
    with embedded_postgres(settings.data_dir) as postgres:
        yield postgres.address


@contextmanager
def told_if_away(address: DatabaseAddress) -> Iterator[None]:
    """While the body runs, a database that does not answer is named; whatever else is unavailable says so itself.

    Raises:
        HostError: it does not answer.
    """
    try:
        yield
    except UnavailableError as error:
        if error.code.startswith("database_"):
            raise _away(address, error) from error
        raise


def _away(address: DatabaseAddress, error: UnavailableError) -> HostError:
    """Says which database did not answer, without its password, and what it said if it refused, or why not."""
    refusal = error.__cause__.orig if isinstance(error.__cause__, DBAPIError) else None
    why = str(refusal.__cause__ if refusal is not None else error.__cause__ or "")
    said = f"{error.code}: {why or 'no answer in time'}"
    return HostError(
        f"the database {address} is not there for us ({said})",
        fix="start PostgreSQL, create database and user, or correct HEDGEROW_DATABASE_URL",
        code=ExitCode.UNREACHABLE,
    )
