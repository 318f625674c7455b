"""What went wrong, in words for operators: a message that fits a list, a traceback that shows our own code."""

from __future__ import annotations

import traceback
from asyncio import CancelledError
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from hedgerow_core.observability.own_code import is_ours
from hedgerow_core.persistence.failures import driver_error

LONGEST_MESSAGE = 1000
LONGEST_TRACE = 4000
"""Of a longer one the end is kept, where it says what was raised."""


def message_of(error: BaseException) -> str:
    """One line that is never empty. PostgreSQL's own words without the statement, which the traceback has."""
    said = str(error)
    if isinstance(error, DBAPIError):
        said = str(driver_error(error) or error).partition("\n")[0]  # a second line quotes what is in a row
    return storable(said[:LONGEST_MESSAGE]) or type(error).__qualname__


def reason_of(error: BaseException) -> str:
    """Type and message, as a list of deliveries shows them."""
    name, message = type(error).__qualname__, message_of(error)
    return name if message == name else f"{name}: {message}"[:LONGEST_MESSAGE]


def failure(error: BaseException, attempt: int, at: datetime) -> dict[str, object]:
    """A failed attempt as it is kept on the row."""
    return {
        "type": type(error).__qualname__,
        "message": message_of(error),
        "trace": storable(trace_of(error)[-LONGEST_TRACE:]),
        "attempt": attempt,
        "at": at.isoformat(),
    }


def broken_off(error: TimeoutError, after: timedelta) -> TimeoutError:
    """The same for who did not write the deadline: that it was one, how long, and where the code stood then."""
    told = TimeoutError(f"broken off after {after.total_seconds():g} s; the traceback says where it was then")
    told.__cause__ = error.__cause__ or error.__context__  # Python up to 3.11.3 has it as the context alone
    return told


def place_of(error: BaseException) -> str | None:
    """Where it was raised, or where a deadline broke it off, as deep as the code is ours."""
    raised = error.__cause__ if isinstance(error.__cause__, CancelledError) else error
    frames = traceback.extract_tb(raised.__traceback__)
    ours = [frame for frame in frames if is_ours(frame.filename)] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno} in {ours[-1].name}" if ours else None


def trace_of(error: BaseException) -> str:
    """The traceback as Python prints it, but of each way through libraries only the first and the last frame."""
    told = traceback.TracebackException.from_exception(error)
    for each in _chain(told):
        each.stack = traceback.StackSummary.from_list(list(_shortened(each.stack)))
    return "".join(told.format())


def storable(text: str) -> str:
    """PostgreSQL can't store NUL; an error must not be lost over it."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _chain(told: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    yield told
    for before in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if before is not None:
            yield from _chain(before)


def _shortened(stack: traceback.StackSummary) -> Iterator[traceback.FrameSummary]:
    for ours, frames in groupby(stack, lambda frame: is_ours(frame.filename)):
        way = list(frames)
        yield from way if ours or len(way) <= 2 else (way[0], way[-1])
