"""What a plan has to say against a move: blockers, which end it, and cautions, which somebody should know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hedgerow_host.checks.findings import Place


class Weight(StrEnum):
    """Whether a move can do with it."""

    BLOCKER = "blocker"
    CAUTION = "caution"


@dataclass(frozen=True, slots=True)
class Kind:
    """What an obstacle is, and why it matters when two contexts no longer share a process and a database."""

    weight: Weight
    why: str


def _blocker(why: str) -> Kind:
    return Kind(Weight.BLOCKER, why)


def _caution(why: str) -> Kind:
    return Kind(Weight.CAUTION, why)


KINDS = {
    "import": _blocker("the code of the one would have to be installed at the host of the other"),
    "unreadable_code": _blocker("what cannot be read cannot be judged"),
    "foreign_table_in_code": _blocker("that table will be in another database"),
    "foreign_table_in_database": _blocker("PostgreSQL knows no reference from one database into another"),
    "foreign_right": _blocker("whoever uses that right will find no such table"),
    "foreign_table_in_statement": _blocker("that table will be in another database"),
    "crossed_transaction": _blocker("no transaction spans two databases"),
    "outside_schema": _blocker("only what lies in the schema of the context moves"),
    "no_key": _blocker("nothing tells its rows apart, so every change would have to carry the whole table"),
    "unlogged_table": _blocker("a crash during the move would empty it at one side"),
    "no_table": _blocker("its rows come from elsewhere, and the move carries none of them"),
    "value_of_this_cluster": _blocker("such a value means something in this PostgreSQL cluster alone"),
    "fires_while_copying": _blocker("it would fire for every row that is copied, a second time"),
    "hidden_rows": _blocker("row level security that binds the owner, too, may hide rows from the copy"),
    "not_ours": _blocker("whoever moves a table must own it"),
    "extension": _blocker("the schema needs it, and nobody has said that the other database has it"),
    "migrations_pending": _blocker("both sides must have the same schema, or rows do not fit"),
    "target_unfit": _blocker("the move could not be made there, or would lose something"),
    "required_context": _caution("this host does not start while the other one is away"),
    "question_in_loop": _caution("each turn of the loop will wait for the network"),
    "many_questions": _caution("their waits for the network add up"),
    "asked_often": _caution("every one of these will be a request to the other host"),
    "foreign_route_in_code": _caution("that path will be at another host"),
    "dead_deliveries": _caution("they move as they are, and still want a decision there"),
    "shared_setting": _caution("two hosts will have to agree on its value"),
    "shared_distribution": _caution("installing it brings the other context along"),
    "refused_by_role": _caution("some statement wanted what belongs to others, or what nobody may change"),
    "no_role": _caution("PostgreSQL has refused this context nothing, so a crossing may be unknown"),
    "target_differs": _caution("the databases do not work quite alike"),
}
"""Every kind there is, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """One thing that a plan has to say, with the place where it is: a line of code, or an object of a database."""

    kind: str
    subject: str
    """Whose it is, or what it is about."""
    what: str
    fix: str
    place: Place | None = None
    object: str | None = None
    """As PostgreSQL calls it: `table constraint accounts_fk on billing.invoices`."""

    @property
    def weight(self) -> Weight:
        """Whether it ends a move."""
        return KINDS[self.kind].weight

    @property
    def why(self) -> str:
        """Why it matters."""
        return KINDS[self.kind].why


def in_order(obstacles: Iterable[Obstacle]) -> list[Obstacle]:
    """Each once: blockers first, then by kind as they stand in `KINDS`, then by place."""
    kinds = list(KINDS)

    def place(one: Obstacle) -> tuple[str, int]:
        return (one.place.shown, one.place.line) if one.place else (one.object or "", 0)

    return sorted(
        dict.fromkeys(obstacles), key=lambda one: (kinds.index(one.kind), one.subject, *place(one), one.what)
    )
