"""Named places in the product at which a child process may be killed or stopped from within.

The product carries none of them: `child` wraps the function that is named here before it starts.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

KILLED = 137
"""The exit code of a process that was killed (128 + SIGKILL), which a crash stands for."""

_MESSAGING = "hedgerow_core.messaging"
_MOVE = "hedgerow_host.extraction.move"

# name: module, attribute, and on which side of its call. The name of a module that holds the function under its own
# name by `from … import` is the module that calls it.
CRASH_POINTS: dict[str, tuple[str, str, str]] = {
    "relay_before_lead": (f"{_MESSAGING}.cursors", "lead", "before"),
    "relay_after_lead": (f"{_MESSAGING}.cursors", "lead", "after"),
    "relay_before_carry": (f"{_MESSAGING}.relay", "Relay._carry_page", "before"),
    "relay_before_move": (f"{_MESSAGING}.cursors", "move", "before"),
    "relay_after_move": (f"{_MESSAGING}.cursors", "move", "after"),
    "relay_after_commit": (f"{_MESSAGING}.relay", "Relay._carry_pages", "after"),
    "work_before_flush": (f"{_MESSAGING}.work", "LedgerWork.flush", "before"),
    "work_after_flush": (f"{_MESSAGING}.work", "LedgerWork.flush", "after"),
    "work_after_commit": ("hedgerow_host.hosted_context", "Wakeup.__call__", "before"),
    "enqueue_before": (f"{_MESSAGING}.work", "RecordedTasks.enqueue", "before"),
    "enqueue_after": (f"{_MESSAGING}.work", "RecordedTasks.enqueue", "after"),
    "take_before": (f"{_MESSAGING}.partitions", "take", "before"),
    "take_after": (f"{_MESSAGING}.partitions", "take", "after"),
    "keep_after": (f"{_MESSAGING}.partitions", "keep", "after"),
    "release_before": (f"{_MESSAGING}.partitions", "release", "before"),
    "release_after": (f"{_MESSAGING}.partitions", "release", "after"),
    "claim_before": (f"{_MESSAGING}.deliveries", "claim_batch", "before"),
    "claim_after": (f"{_MESSAGING}.deliveries", "claim_batch", "after"),
    "batch_before": (f"{_MESSAGING}.drain", "Drain._run_together", "before"),
    "batch_after": (f"{_MESSAGING}.drain", "Drain._run_together", "after"),
    "handler_before": (f"{_MESSAGING}.attempts", "Attempt.running", "before"),
    "handler_inside": (f"{_MESSAGING}.work", "LedgerWork.saved", "after"),
    "complete_before": (f"{_MESSAGING}.deliveries", "complete", "before"),
    "complete_after": (f"{_MESSAGING}.deliveries", "complete", "after"),
    "drain_after_commit": (f"{_MESSAGING}.drain", "Drain._took_effect", "before"),
    "fail_before": (f"{_MESSAGING}.deliveries", "fail", "before"),
    "fail_after": (f"{_MESSAGING}.deliveries", "fail", "after"),
    "put_back_before": (f"{_MESSAGING}.deliveries", "put_back", "before"),
    "put_back_after": (f"{_MESSAGING}.deliveries", "put_back", "after"),
    "due_before": (f"{_MESSAGING}.dispatcher", "due_now", "before"),
    "due_after": (f"{_MESSAGING}.dispatcher", "due_now", "after"),
    "hint_before": ("hedgerow_host.brokers", "BrokerHints.send", "before"),
    "hint_after": ("hedgerow_host.brokers", "BrokerHints.send", "after"),
}

IN_API = (
    "handler_inside",
    "work_before_flush",
    "work_after_flush",
    "work_after_commit",
    "enqueue_before",
    "enqueue_after",
)
"""Points that a request passes."""
IN_SOURCE_WORKER = tuple(
    name
    for name in CRASH_POINTS
    if not name.startswith(("enqueue_", "fail_", "put_back_", "handler_inside", "work_after_commit"))
)
"""Points that a worker of `source` alone passes: its handlers never fail, save nothing, and record no task."""
IN_SINK_WORKER = tuple(name for name in CRASH_POINTS if not name.startswith("enqueue_"))
"""Points that a worker of `sink` passes."""

# The same for `hedgerow extract`, in the order in which they are passed: before the switch, in it, on the way back.
MOVE_POINTS: dict[str, tuple[str, str, str]] = {
    "move_begin_after": (f"{_MOVE}.preparing", "begin", "after"),
    "move_install_after": (f"{_MOVE}.capture", "install", "after"),
    "move_partitions_after": (f"{_MOVE}.preparing", "_same_partitions", "after"),
    "move_copy_carry_after": (f"{_MOVE}.copying", "carry", "after"),
    "move_copy_cursor_after": (f"{_MOVE}.copying", "move_cursor", "after"),
    "move_copy_after_commit": (f"{_MOVE}.stages", "copy_all", "after"),
    "move_finished_before": (f"{_MOVE}.stages", "finished", "before"),
    "move_finished_after": (f"{_MOVE}.stages", "finished", "after"),
    "move_bring_after": (f"{_MOVE}.following", "_bring", "after"),
    "move_cursor_after": (f"{_MOVE}.following", "move_cursor", "after"),
    "move_compare_after": (f"{_MOVE}.stages", "compare_now", "after"),
    "switch_close_after": (f"{_MOVE}.fence", "close_for", "after"),
    "switch_give_back_after": (f"{_MOVE}.handing_over", "give_back", "after"),
    "switch_sequences_after": (f"{_MOVE}.handing_over", "carry_sequences", "after"),
    "switch_for_good_after": (f"{_MOVE}.fence", "close_for_good", "after"),
    "switch_open_after": (f"{_MOVE}.fence", "open_up", "after"),
    "switch_finished_before": (f"{_MOVE}.stages", "finished", "before"),
    "back_hand_over_after": (f"{_MOVE}.ending", "hand_over", "after"),
    "back_open_after": (f"{_MOVE}.fence", "open_up", "after"),
    "back_drop_after": (f"{_MOVE}.ending", "_drop", "after"),
    "back_remove_after": (f"{_MOVE}.capture", "remove", "after"),
    "back_forget_after": (f"{_MOVE}.ending", "forget_move", "after"),
}


def crash() -> None:
    """End at once, as SIGKILL does: no handler, no flush, no goodbye."""
    os._exit(KILLED)


def stop() -> None:
    """Freeze, as SIGSTOP from outside does, but at a known place."""
    sys.stderr.write("laboratory_stopped\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGSTOP)


def at_nth(point: str, act: Callable[[], None]) -> None:
    """Have `act` called when the point, written `name` or `name:nth`, is passed for the nth time."""
    name, _, nth = point.partition(":")
    left = int(nth or 1)

    def passed() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            act()

    wrap(name, passed)


def trace(file: Path) -> None:
    """Write the name of every point into the file when it is passed for the first time."""
    for name in CRASH_POINTS:
        seen: list[str] = []

        def passed(name: str = name, seen: list[str] = seen) -> None:
            if not seen:
                seen.append(name)
                with file.open("a") as traced:
                    traced.write(f"{name}\n")

        wrap(name, passed)


def owner_of(name: str) -> tuple[Any, str]:
    """The module or class that holds the point's function, and its name there.

    Raises:
        KeyError: there is no such point.
        AttributeError: the product no longer has that function.
    """
    module, attribute, _side = (CRASH_POINTS | MOVE_POINTS)[name]
    owner: Any = import_module(module)
    *path, last = attribute.split(".")
    for part in path:
        owner = getattr(owner, part)
    getattr(owner, last)
    return owner, last


def wrap(name: str, passed: Callable[[], None]) -> None:
    """Have `passed` called on the point's side of every call of its function."""
    owner, attribute = owner_of(name)
    sound = getattr(owner, attribute)
    before = (CRASH_POINTS | MOVE_POINTS)[name][2] == "before"

    @functools.wraps(sound)
    async def around_async(*args: Any, **kwargs: Any) -> Any:
        if before:
            passed()
        answer = await sound(*args, **kwargs)
        if not before:
            passed()
        return answer

    @functools.wraps(sound)
    def around(*args: Any, **kwargs: Any) -> Any:
        if before:
            passed()
        answer = sound(*args, **kwargs)
        if not before:
            passed()
        return answer

    setattr(owner, attribute, around_async if inspect.iscoroutinefunction(sound) else around)
