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
    """What an obstacle is, why it matters when two contexts share neither process nor database, and what helps."""

    weight: Weight
    means: str
    why: str
    fix: str


def _blocker(means: str, *, why: str, fix: str) -> Kind:
    return Kind(Weight.BLOCKER, means, why, fix)


def _caution(means: str, *, why: str, fix: str) -> Kind:
    return Kind(Weight.CAUTION, means, why, fix)


KINDS = {
    "import": _blocker(
        "A context imports the other: in a function, for type checkers alone, or by a name in a string, too.",
        why="the code of the one would have to be installed at the host of the other",
        fix="Subscribe to its events or ask it, with a model of your own.",
    ),
    "unreadable_code": _blocker(
        "A file of a context is no Python, so nobody knows what is in it.",
        why="what cannot be read cannot be judged",
        fix="Mend it, or delete it.",
    ),
    "foreign_table_in_code": _blocker(
        "SQL, a model or a migration names a table, function, sequence or schema of the other context.",
        why="that table will be in another database",
        fix="Keep a copy from its events, or ask it.",
    ),
    "foreign_table_in_database": _blocker(
        "Something in one schema stands on the other: a foreign key, view, trigger, default, type, function.",
        why="PostgreSQL knows no reference from one database into another",
        fix="Drop it by a migration.",
    ),
    "foreign_right": _blocker(
        (
            "A context's role holds rights in the other's schema, or is a member of its role. The outbox may "
            "be read by all."
        ),
        why="whoever uses that right will find no such table",
        fix="`REVOKE`, and look for who uses them.",
    ),
    "foreign_table_in_statement": _blocker(
        "`pg_stat_statements` has counted statements of one context that name the other.",
        why="that table will be in another database",
        fix="Find them in the code.",
    ),
    "crossed_transaction": _blocker(
        "The guard of the test kit, or a running host, has met a transaction in which both took part.",
        why="no transaction spans two databases",
        fix="End the first one before; go on by an event or a query.",
    ),
    "outside_schema": _blocker(
        "Something in the schema stands on what lies in none of a context, such as a type in `public`.",
        why="only what lies in the schema of the context moves",
        fix="Make it anew inside the schema.",
    ),
    "no_key": _blocker(
        "A table has neither a primary key nor another unique one over columns that are never NULL.",
        why="nothing tells its rows apart, so every change would have to carry the whole table",
        fix="Give it a primary key.",
    ),
    "unlogged_table": _blocker(
        "A table is unlogged.",
        why="a crash during the move would empty it at one side",
        fix="`ALTER TABLE … SET LOGGED`.",
    ),
    "no_table": _blocker(
        "A materialised view, or a foreign table.",
        why="its rows come from elsewhere, and the move carries none of them",
        fix="Drop it by a migration.",
    ),
    "value_of_this_cluster": _blocker(
        (
            "A column holds what means something in this PostgreSQL alone: `oid` (also of a large object), "
            "`reg…`, `xid8`, `pg_lsn`, … Those of the ledger the move gives new values."
        ),
        why="such a value means something in this PostgreSQL cluster alone",
        fix="Store a value of your own.",
    ),
    "fires_while_copying": _blocker(
        "A trigger is enabled `ALWAYS` or `REPLICA`.",
        why="it would fire for every row that is copied, a second time",
        fix="`ENABLE TRIGGER`.",
    ),
    "hidden_rows": _blocker(
        "Row level security binds the owner of a table, too.",
        why="row level security that binds the owner, too, may hide rows from the copy",
        fix="`NO FORCE ROW LEVEL SECURITY`.",
    ),
    "not_ours": _blocker(
        "The database user does not own a table.",
        why="whoever moves a table must own it",
        fix="Connect as its owner.",
    ),
    "extension": _blocker(
        "The schema needs an extension that the other database is not known to have.",
        why="the schema needs it, and nobody has said that the other database has it",
        fix="`CREATE EXTENSION` there, and name that database by `--to`.",
    ),
    "migrations_pending": _blocker(
        "Migrations are pending here, or the schema is there already and is at another revision.",
        why="both sides must have the same schema, or rows do not fit",
        fix="`hedgerow migrate`.",
    ),
    "target_unfit": _blocker(
        (
            "`--to` is the same database, an older PostgreSQL, otherwise encoded, one in which the context "
            "has worked already, or one whose user lacks rights."
        ),
        why="the move could not be made there, or would lose something",
        fix="As the line says.",
    ),
    "required_context": _caution(
        "One of them requires the other, or an answer of it.",
        why="this host does not start while the other one is away",
        fix="Do without, or see that the other host starts first.",
    ),
    "question_in_loop": _caution(
        "A question is asked in a loop, or a function that asks is called in one.",
        why="each turn of the loop will wait for the network",
        fix="Ask once for all, or keep a copy.",
    ),
    "many_questions": _caution(
        "One function asks several questions.",
        why="their waits for the network add up",
        fix="Ask them at the same time.",
    ),
    "asked_often": _caution(
        "`--metrics` counts 10 or more of a question a second.",
        why="every one of these will be a request to the other host",
        fix="Keep a copy, or remember answers for a moment.",
    ),
    "foreign_route_in_code": _caution(
        "A text in the code of one names a path below `/v1/` of the other.",
        why="that path will be at another host",
        fix="Ask a published query; or let the address be a setting.",
    ),
    "dead_deliveries": _caution(
        "Deliveries of the context are dead.",
        why="they move as they are, and still want a decision there",
        fix="Decide on them before.",
    ),
    "shared_setting": _caution(
        "A variable is read by another context or the host, too.",
        why="two hosts will have to agree on its value",
        fix="Give each its own.",
    ),
    "shared_distribution": _caution(
        "The distribution brings other contexts along.",
        why="installing it brings the other context along",
        fix="Nothing, or give each its own.",
    ),
    "refused_by_role": _caution(
        "`--metrics` counts statements that PostgreSQL has refused to the context's role.",
        why="some statement wanted what belongs to others, or what nobody may change",
        fix="See the log for `permission denied`.",
    ),
    "no_role": _caution(
        "The context works without a role of its own, so nothing was ever refused to it.",
        why="PostgreSQL has refused this context nothing, so a crossing may be unknown",
        fix="Let the database user create roles.",
    ),
    "target_differs": _caution(
        "The other database sorts otherwise, or its user may create no role.",
        why="the databases do not work quite alike",
        fix="See whether an order of text matters; `CREATEROLE`.",
    ),
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
