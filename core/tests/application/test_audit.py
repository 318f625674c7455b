"""A command that is declared audited is written down with its effect, or with its refusal; no other is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from hedgerow_core.application import (
    Audited,
    AuditEntry,
    Bus,
    Cause,
    Command,
    CommandHandler,
    Subject,
    caused_by,
)
from hedgerow_core.application.refusals import PER_ACTOR, PER_PROCESS, RefusalBudget
from hedgerow_core.domain import ConflictError, Secret, UnavailableError


@dataclass(frozen=True, slots=True, kw_only=True)
class Fell(Command[str]):
    tree: str
    key: Secret
    fails: Exception | None = None


class Work:
    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def audit(self, entry: AuditEntry) -> None:
        self.entries.append(entry)


class Forest:
    """Keeps the entries of committed work."""

    def __init__(self) -> None:
        self.trail: list[AuditEntry] = []
        self.closed = False

    @asynccontextmanager
    async def open_work(self) -> AsyncIterator[Work]:
        work = Work()
        yield work
        if self.closed:
            raise ConflictError("the forest is closed", code="forest.closed")
        self.trail += work.entries

    async def fell(self, command: Fell, work: Work) -> str:
        if command.fails:
            raise command.fails
        return f"{command.tree} fell"

    def bus(self, audited: Audited | None) -> Bus:
        handler = CommandHandler(Fell, self.fell, audited)
        return Bus(commands=[handler], queries=[], open_work=self.open_work)


FELLED = Audited(
    action="forest.felled", subject=lambda command, _answer: Subject("tree", command.tree), details=("tree",)
)
OAK = Fell(tree="oak", key=Secret("open sesame"))
REFUSED = Fell(tree="oak", key=Secret("open sesame"), fails=ConflictError("it stands", code="forest.stands"))


async def test_what_was_done_is_written_down_with_the_fields_that_are_named() -> None:
    forest = Forest()
    assert await forest.bus(FELLED).execute(OAK) == "oak fell"
    assert forest.trail == [
        AuditEntry(action="forest.felled", subject=Subject("tree", "oak"), details={"tree": "oak"})
    ]
    assert "sesame" not in str(forest.trail)


async def test_a_refusal_is_written_down_in_a_transaction_of_its_own() -> None:
    forest = Forest()
    with pytest.raises(ConflictError):
        await forest.bus(FELLED).execute(REFUSED)
    assert [(entry.result, entry.subject) for entry in forest.trail] == [("forest.stands", Subject("tree", "oak"))]


async def test_a_refusal_that_cannot_be_written_down_is_told_all_the_same() -> None:
    forest = Forest()
    forest.closed = True
    with pytest.raises(ConflictError, match="it stands"):
        await forest.bus(FELLED).execute(REFUSED)
    assert forest.trail == []


@pytest.mark.parametrize(
    "fails", [UnavailableError("the saw is away", retry_after=timedelta(seconds=1)), RuntimeError("a bug")]
)
async def test_what_could_not_be_done_was_refused_to_nobody(fails: Exception) -> None:
    forest = Forest()
    with pytest.raises(type(fails)):
        await forest.bus(FELLED).execute(Fell(tree="oak", key=OAK.key, fails=fails))
    assert forest.trail == []


async def test_what_is_not_declared_is_not_written_down() -> None:
    forest = Forest()
    await forest.bus(None).execute(OAK)
    with pytest.raises(ConflictError):
        await forest.bus(None).execute(REFUSED)
    assert forest.trail == []


async def test_a_declaration_may_pass_over_everyday_outcomes_and_refusals() -> None:
    forest = Forest()
    bus = forest.bus(Audited(action="forest.felled", result=lambda _answer: None, refusals=False))
    await bus.execute(OAK)
    with pytest.raises(ConflictError):
        await bus.execute(REFUSED)
    assert forest.trail == []


async def test_of_a_flood_a_few_are_written_and_the_rest_is_counted() -> None:
    forest = Forest()
    bus = forest.bus(FELLED)
    for actor in ("eve",) * (PER_ACTOR + 5) + ("ann",):
        with caused_by(Cause(actor=actor)), pytest.raises(ConflictError):
            await bus.execute(REFUSED)
    assert len(forest.trail) == PER_ACTOR + 1
    assert forest.trail[-1].details["passed_over"] == 5


def test_the_budget_bounds_an_actor_and_all_of_them_and_comes_back_after_a_minute() -> None:
    now = 0.0
    budget = RefusalBudget(lambda: now)
    assert [budget.spend("eve") for _ in range(PER_ACTOR + 1)] == [0] * PER_ACTOR + [None]
    taken = [budget.spend(f"network {number}") for number in range(2 * PER_PROCESS)]
    assert sum(each is not None for each in taken) == PER_PROCESS - PER_ACTOR
    now = 60.0
    assert budget.spend("eve") == PER_PROCESS + PER_ACTOR  # all that were passed over since
    assert budget.spend("eve") == 0
