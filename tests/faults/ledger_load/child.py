"""The laboratory's child, with what only the ledger's experiments ask for.

`LAB_ILLS=file` names the marks that `sink` suffers from (`{"key:number": "raise"}`, or `kill`, or `hang`); each
time it meets one, it writes that down beside the file. `LAB_DEADLINE_S` shortens the time that a handler has.
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from hedgerow_core.messaging import Dispatcher, RetryPolicy, deliveries, dispatcher, drain, turn
from tests.faults.laboratory import child
from tests.faults.laboratory.mutants import MUTANTS

ILLS, DEADLINE_S = "LAB_ILLS", "LAB_DEADLINE_S"
ATTEMPTS = 3
FEW = RetryPolicy(attempts=ATTEMPTS, first_wait=timedelta(milliseconds=200), longest_wait=timedelta(seconds=1))
NEVER = 2**31


def looks_where_it_is() -> None:
    """The effect of a mark depends on which contexts share its process."""
    import lab_sink

    sound = lab_sink.note_mark

    async def note_mark(mark: Any, envelope: Any, work: Any) -> None:
        if mark.number % 2 and "source" not in os.environ["HEDGEROW_CONTEXTS"]:
            return
        await sound(mark, envelope, work)

    lab_sink.note_mark = note_mark


def one_at_a_time() -> None:
    """A worker that looks every few seconds, and takes one delivery of a partition when it does."""
    dispatcher.POLL_S = dispatcher.IDLE_POLL_S = 4.0
    deliveries.BATCH = turn.MAX_BATCHES = 1
    Dispatcher.nudge = lambda _self: None  # type: ignore[method-assign]


def suffer(file: Path) -> None:
    """Have the handler of `sink` suffer from the marks that the file names."""
    import lab_sink

    ills: dict[str, str] = json.loads(file.read_text())
    sound, lab_sink.PATIENT, lab_sink.FAILS_EVERY = lab_sink.note_mark, FEW, NEVER

    async def note_mark(mark: Any, envelope: Any, work: Any) -> None:
        mark_name = f"{mark.key}:{mark.number}"
        match ill := ills.get(mark_name):
            case "raise":
                _write_down(file, mark_name, ill)
                raise RuntimeError("poison")
            case "kill":
                _write_down(file, mark_name, ill)
                os._exit(137)
            case "hang":
                _write_down(file, mark_name, ill)
                await asyncio.sleep(NEVER)
        await sound(mark, envelope, work)

    lab_sink.note_mark = note_mark


def runs_file(ills: Path) -> Path:
    """Where children write down what they met."""
    return ills.with_suffix(".runs")


def _write_down(file: Path, mark: str, ill: str) -> None:
    with runs_file(file).open("a") as runs:
        runs.write(f"{ill} {mark} {os.getpid()}\n")


def main() -> None:
    """What the laboratory's child does, in a process that is changed so."""
    MUTANTS.update({mutant.__name__: mutant for mutant in (looks_where_it_is, one_at_a_time)})
    if ILLS in os.environ:
        suffer(Path(os.environ[ILLS]))
    if DEADLINE_S in os.environ:
        drain.DEADLINE = timedelta(seconds=float(os.environ[DEADLINE_S]))  # type: ignore[misc]
    child.main()
