"""What `hedgerow migrate` would do, step by step, and what a host that runs meanwhile would feel of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING

from hedgerow_core.persistence import HistoryState

if TYPE_CHECKING:
    from hedgerow_core.persistence.migrations.linting import Unsafe

NOT_LOOKED = "unsafe statements are not looked for here: that takes `pip install 'hedgerow-core[lint]'`"


class Kind(StrEnum):
    """What a step is to a release that runs on meanwhile."""

    EXPAND = "expand"
    """Nothing that it would feel."""
    CONTRACT = "contract"
    """Something that it would feel, and the revision says why it may."""
    UNSAFE = "unsafe"
    """Something that it would feel."""
    UNKNOWN = "unknown"
    """Nobody has looked."""


@dataclass(frozen=True, slots=True)
class Step:
    """One revision that would run."""

    context: str
    history: str
    comes_after: str
    revision: str
    summary: str
    kind: Kind
    unsafe: tuple[Unsafe, ...]


def can_look() -> bool:
    """Whether the parser is here that unsafe statements are looked for with."""
    return find_spec("postgast") is not None


def plan(states: Iterable[HistoryState]) -> list[Step]:
    """The steps from these states to what the code expects."""
    return [step for state in states for step in _steps(state)]


def _steps(state: HistoryState) -> Iterator[Step]:
    at = ", ".join(state.current) or "nothing"
    found = _unsafe(state)
    for pending in state.pending:
        own = tuple(each for each in found or () if each.revision == pending.revision)
        kind = Kind.UNKNOWN if found is None else _kind(own)
        yield Step(state.context, pending.history, at, pending.revision, pending.summary, kind, own)
        at = pending.revision


def _unsafe(state: HistoryState) -> list[Unsafe] | None:
    if not state.pending or not can_look():
        return None
    from hedgerow_core.persistence.migrations.linting import unsafe_statements

    return unsafe_statements(state.history, pending=[step.revision for step in state.pending])


def _kind(unsafe: tuple[Unsafe, ...]) -> Kind:
    if any(each.meant is None for each in unsafe):
        return Kind.UNSAFE
    return Kind.CONTRACT if unsafe else Kind.EXPAND
