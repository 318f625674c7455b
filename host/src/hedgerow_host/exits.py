"""How a command ends: its exit code, and the one clear message when it could not do its work."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from hedgerow_host.quarantine import Quarantine
    from hedgerow_host.settings import HostSettings


class ExitCode(IntEnum):
    """What the shell gets."""

    FINE = 0
    """Fine; also after Ctrl-C or SIGTERM."""
    CHECK_FAILED = 1
    """A check failed (migrations are pending, a finding of `check`, a blocker of `extract plan`, a break of
    `contracts diff`), a `lifespan` failed, or something unforeseen, with a traceback.
    """
    MISCONFIGURED = 2
    """Wrong usage, settings or composition; the message says what and the fix."""
    UNREACHABLE = 3
    """A dependency is unreachable or did not start: the database, embedded PostgreSQL."""
    PARTLY_FAILED = 4
    """Partly failed: something came in between, and what was done until then stays done. Asking again goes on."""


class HostError(Exception):
    """A command cannot go on: what happened, what to do, and the exit code."""

    def __init__(self, what: str, *, fix: str, code: ExitCode) -> None:
        super().__init__(f"{what}\n  fix: {fix}")
        self.code = code


def left_out(name: str, quarantine: Quarantine) -> HostError:
    """For who wants something of a context that the host goes on without."""
    return HostError(
        quarantine.absence(name),
        fix=f"`hedgerow contexts diagnose {name}` says how to mend it",
        code=ExitCode.MISCONFIGURED,
    )


def leave_over(error: Exception) -> NoReturn:
    """End the process over what went wrong: one clear message and an exit code, no traceback for the foreseen.

    Raises:
        SystemExit: with the exit code.
        Exception: `error` itself, if nobody foresaw it.
    """
    if isinstance(error, HostError):
        _leave(str(error), error.code)
    # Whoever raised one of these has imported it; a command that ends well has no need to.
    from hedgerow_core.domain import DomainError, UnavailableError
    from hedgerow_core.persistence import RevisionFailed
    from hedgerow_core.persistence.embedded import EmbeddedPostgresError
    from hedgerow_core.persistence.migrations.sql import Unwritable
    from hedgerow_host.problems import CompositionError

    if isinstance(error, CompositionError):
        count = len(error.problems)
        _leave(f"{count} problem{'s' if count > 1 else ''} in the composition\n{error}", ExitCode.MISCONFIGURED)
    if isinstance(error, EmbeddedPostgresError):
        _leave(str(error), ExitCode.UNREACHABLE)
    if isinstance(error, UnavailableError):
        _leave(error.message, ExitCode.UNREACHABLE)
    if isinstance(error, RevisionFailed | Unwritable):
        _leave(str(error), ExitCode.CHECK_FAILED)
    if isinstance(error, DomainError):
        _leave(error.message, ExitCode.CHECK_FAILED)
    raise error


def load_settings(**given: object) -> HostSettings:
    """The host's settings; what is `given` by name (on the command line) wins over the environment.

    Raises:
        CompositionError: one of them is not usable; names its variable.
    """
    from pydantic import ValidationError

    from hedgerow_host.settings import HostSettings, read_env_file

    read_env_file()
    try:
        return HostSettings(**given)  # type: ignore[arg-type] # validated by the model itself
    except ValidationError as error:
        from hedgerow_host.problems import CompositionError, settings_problems

        raise CompositionError(settings_problems(HostSettings, error)) from error


def _leave(message: str, code: ExitCode) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise SystemExit(code)
