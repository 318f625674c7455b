"""Which database a command means: the configured one, or what `hedgerow dev` keeps in the data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from hedgerow_core.domain import UnavailableError
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.persistence.embedded import embedded_postgres, has_embedded_postgres, running_embedded_postgres
from hedgerow_core.replication import Replica
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


def replica_for(settings: HostSettings, primary: DatabaseAddress) -> Replica | None:
    """The replica that the settings name; None if they name none."""
    return None if settings.replica_url is None else Replica(primary, settings.replica_url)


@contextmanager
def existing_database(settings: HostSettings, *, makes: bool = False) -> Iterator[DatabaseAddress]:
    """The configured database; in `dev`, without one, the embedded server: the running one, else started for now.

    One that is not there yet is made for who `makes` it, and for nobody else: who is in the wrong folder would look
    at an empty one, and leave it there.

    Raises:
        HostError: none is configured, and the environment is not `dev`, or there is none in the data folder.
    """
    if settings.database_url is not None or settings.env is not Environment.DEV:
        yield required_address(settings)
        return
    if not makes and not has_embedded_postgres(settings.data_dir):
        raise HostError(
            f"there is no database in {settings.data_dir.absolute()}, and HEDGEROW_DATABASE_URL is not set",
            fix="go to the folder where `hedgerow dev` was started, or start it here; or name the data folder in "
            "HEDGEROW_DATA_DIR",
            code=ExitCode.MISCONFIGURED,
        )
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
