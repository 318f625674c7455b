"""Which contexts the host may do without, and which it does without, each with the problems that it has.

A context in quarantine is out as a whole: what it would bring is nowhere, as if it were not installed. What was
delivered to it stays in its ledger.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol, TypeVar, final

from hedgerow_core.observability import log_of
from hedgerow_host.problems import CompositionError, Problem

_log = log_of(__name__)


class Named(Protocol):
    """Anything that belongs to a context and carries its name."""

    @property
    def name(self) -> str:
        """The context's name."""
        ...


Context = TypeVar("Context", bound=Named)


@final
class Quarantine:
    """Filled while a process starts, and later if something dies in the background."""

    def __init__(self, optional: Collection[str] = (), *, takes_all: bool = False) -> None:
        """`takes_all` is for who only looks: what is required is taken in, too, instead of ending it all."""
        self.optional = frozenset(optional)
        self._takes_all = takes_all
        self._problems: dict[str, list[Problem]] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._problems

    @property
    def problems(self) -> Mapping[str, list[Problem]]:
        """Who is in it, and why."""
        return self._problems

    def take_in(self, problems: Iterable[Problem]) -> None:
        """Take in the contexts that these problems go away with.

        Of two contexts that don't fit together, the optional one goes, or both if both are.

        Raises:
            CompositionError: a problem stays whatever optional context is left out. Lists them all.
        """
        problems = list(problems)
        leaving = [self._leaving_for(problem) for problem in problems]
        if not all(leaving):
            raise CompositionError(problems)
        for problem, names in zip(problems, leaving, strict=True):
            for name in names:
                self._problems.setdefault(name, []).append(problem)

    def tell(self, name: str) -> None:
        """Write into the log why a context is in it. Who only looks reads it elsewhere."""
        if self._takes_all:
            return
        for problem in self._problems[name]:
            where = {"sources": problem.sources, "fix": problem.fix}
            _log.error("context_quarantined", context=name, problem=problem.in_short, **where)

    def spared(self, contexts: Iterable[Context]) -> list[Context]:
        """Those of the contexts that are not in it."""
        return [context for context in contexts if context.name not in self]

    def absence(self, name: str) -> str:
        """Why a context is not there, for those who need it."""
        if name in self:
            return f"{name} is in quarantine: {self._problems[name][0].in_short}"
        return f"{name} is not hosted here"

    def takes(self, problem: Problem) -> bool:
        """Whether there is a context to leave for this."""
        return bool(self._leaving_for(problem))

    def _leaving_for(self, problem: Problem) -> tuple[str, ...]:
        named = tuple(dict.fromkeys(problem.contexts))
        optional = tuple(name for name in named if name in self.optional)
        return optional or (named if self._takes_all else ())
