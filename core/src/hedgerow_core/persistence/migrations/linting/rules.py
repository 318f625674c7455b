"""What a statement of a migration may do to a host that runs meanwhile, and how to do without."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to be unsafe. Its name is what a revision's `meant` says."""

    name: str
    why: str
    fix: str


BLOCKS_WRITES = Rule(
    "blocks_writes",
    "nobody writes to {table} until the index is built",
    'build_index("…", "{table} (…)") of hedgerow_core.persistence, in a revision of its own',
)
INVALID_INDEX = Rule(
    "invalid_index",
    "an attempt that was cut off leaves an INVALID index, and the next one takes it for built or stumbles",
    'build_index("…", "{table} (…)") of hedgerow_core.persistence, which drops such a one first',
)
REWRITES = Rule(
    "rewrites",
    "every row of {table} is written anew, and nobody reads or writes it meanwhile",
    "add a column that is empty or has a constant default, let the code write it, and a task fill it in batches",
)
SCANS = Rule(
    "scans",
    "every row of {table} is looked at while nobody writes to it",
    "ADD CONSTRAINT … NOT VALID, and VALIDATE CONSTRAINT in a revision of its own; SET NOT NULL after such a CHECK "
    "(… IS NOT NULL); a unique index by build_index, and ADD CONSTRAINT … USING INDEX",
)
VALIDATES_UNDER_LOCK = Rule(
    "validates_under_lock",
    "the lock that this revision has taken on {table} is held while every row is looked at",
    "VALIDATE CONSTRAINT in a revision of its own",
)
BREAKS_RUNNING_CODE = Rule(
    "breaks_running_code",
    "a release of before, which runs on until the last host is replaced, still counts on {table} as it was",
    "expand first and contract later: release code that does without, and then this revision, with `meant`",
)
MANY_ROWS = Rule(
    "many_rows",
    "all rows of {table} are changed in one transaction, and whoever wants one of them waits for its end",
    "change them in batches, by a task of the context",
)
LOCKS = Rule(
    "locks",
    "{table} is locked until the revision ends",
    "do without the lock; REINDEX, REFRESH and DETACH know CONCURRENTLY",
)
NOT_REPEATABLE = Rule(
    "not_repeatable",
    "it is committed before the revision ends, so after a crash it runs a second time and fails",
    "put it into a revision of its own, or let it say IF EXISTS or IF NOT EXISTS",
)
HIDES = Rule(
    "hides",
    "nobody can see beforehand what it does",
    "write the statement out, instead of putting it together while it runs",
)
UNKNOWN_EXEMPTION = Rule(
    "unknown_exemption",
    "`meant` names no rule, or gives no reason",
    "name one of the rules above with its reason, or take it away",
)

RULES = {
    rule.name: rule
    for rule in (
        BLOCKS_WRITES,
        INVALID_INDEX,
        REWRITES,
        SCANS,
        VALIDATES_UNDER_LOCK,
        BREAKS_RUNNING_CODE,
        MANY_ROWS,
        LOCKS,
        NOT_REPEATABLE,
        HIDES,
        UNKNOWN_EXEMPTION,
    )
}
"""All of them, by name."""


@dataclass(frozen=True, slots=True)
class Unsafe:
    """A statement of a revision that a running host would feel."""

    rule: Rule
    revision: str
    path: Path
    statement: str
    table: str
    meant: str | None
    """The reason that the revision gives; None if it does not say that it means it."""

    @property
    def why(self) -> str:
        """What would happen."""
        return self.rule.why.format(table=self.table)

    @property
    def fix(self) -> str:
        """The safe way."""
        return self.rule.fix.format(table=self.table)
