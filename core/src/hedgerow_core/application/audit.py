"""What is written down of a command for whoever asks later: who did what to whom, and what came of it.

A command is audited by how it is declared, not by its handler. Of its fields, only those that the declaration
names are written: no password, token or body ever reaches the trail. The trail itself adds where, when and by whom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

DONE = "done"
"""The result of what succeeded; anything else is the code of an error."""


@dataclass(frozen=True, slots=True)
class Subject:
    """To whom, or to what, something was done."""

    kind: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the trail, without what the trail adds."""

    action: str
    result: str = DONE
    subject: Subject | None = None
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """How a command is written down: in the transaction of its effect, or, if it is refused, in one of its own."""

    action: str
    """`users.account_deactivated`: a key for whoever searches, so never rename it."""
    subject: Callable[[Any, Any], Subject | None] = lambda _command, _answer: None
    """Told from the command and its answer, which is None if it was refused."""
    details: tuple[str, ...] = ()
    """The fields of the command that may be written down. Never one that is secret, or that a stranger fills."""
    result: Callable[[Any], str | None] = lambda _answer: DONE
    """What came of it, by its answer; None if this time there is nothing to be written down."""
    refusals: bool = True
    """Whether those are written down, too."""

    def entry(self, command: Any, answer: Any, result: str) -> AuditEntry:
        """The line for a command that came to this end."""
        details = {name: _plain(getattr(command, name)) for name in self.details}
        return AuditEntry(action=self.action, result=result, subject=self.subject(command, answer), details=details)


def _plain(value: object) -> object:
    """As JSON knows it."""
    if isinstance(value, frozenset | set | tuple | list):
        return sorted(str(item) for item in value)
    return value if value is None or isinstance(value, bool | int) else str(value)
