"""What a context has to say about how it is set up, to whoever runs it: the answer to the hook `checks`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = re.compile(r"[EWN][5-9]\d\d")
"""Numbers below 500 are the host's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernKind:
    """What a number of a context's own stands for: declared in its manifest, for whoever looks it up."""

    number: str
    """As those of its concerns: `W501`."""
    what: str
    fix: str
    in_production: bool = True
    """As of its concerns."""

    def __post_init__(self) -> None:
        _demand_number(self.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Something that somebody should change, or at least know. It never quotes a secret: it is printed."""

    number: str
    """The kind of concern, always the same: E (error), W (warning) or N (note), and 500 to 999."""
    subject: str
    """Most often a setting: `BILLING_GATEWAY`."""
    what: str
    """What is wrong with the subject, as the rest of a sentence."""
    fix: str
    in_production: bool = True
    """Whether it is about production alone; then only `hedgerow check --deploy` says it."""

    def __post_init__(self) -> None:
        _demand_number(self.number)


def _demand_number(number: str) -> None:
    if not _NUMBER.fullmatch(number):
        raise ValueError(f"a context's concerns are numbered E500 to N999, not {number!r}")
