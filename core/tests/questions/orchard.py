"""`orchard` answers what `press` asks, as a test wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar
from uuid import UUID, uuid4

from pydantic import BaseModel

from hedgerow_core.application import Bus, Cause, Query, QueryHandler, current_cause
from hedgerow_core.questions import AnswerContract, Answering, Desk, PublishedQuery, QueryContract, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpTree(Query[str]):
    tree_id: UUID


class TreeV1(AnswerContract):
    name: str
    planted: date


class GetTreeV1(QueryContract):
    """A tree by its id."""

    query_name: ClassVar[str] = "orchard.get_tree"
    answer: ClassVar[type[AnswerContract]] = TreeV1

    tree_id: UUID


class Tree(BaseModel):
    """What the asker wants to know, as it likes to have it."""

    planted: date


GET_TREE = Question("orchard.get_tree", as_=Tree)
A_TREE = {"tree_id": uuid4()}
ANSWER = Tree(planted=date(2001, 5, 4))


@dataclass
class Orchard:
    """Answers as a test wants it, and remembers what it was asked."""

    answers: Callable[[LookUpTree], Any] = lambda _query: "Quince"
    slow_s: float = 0
    asked: list[LookUpTree] = field(default_factory=list)
    causes: list[Cause] = field(default_factory=list)

    async def __call__(self, query: LookUpTree) -> str:
        self.asked.append(query)
        self.causes.append(current_cause())
        await asyncio.sleep(self.slow_s)
        name: str = self.answers(query)
        return name

    def transport(self) -> Answering:
        bus = Bus(commands=(), queries=(QueryHandler(LookUpTree, self),), open_work=lambda: None)  # type: ignore[arg-type, return-value]
        published = PublishedQuery(
            contract=GetTreeV1,
            query=LookUpTree,
            ask=lambda asked: LookUpTree(tree_id=asked.tree_id),
            answer=lambda name: TreeV1(name=name, planted=ANSWER.planted),
        )
        return Answering(published, bus)

    def desk(self, question: Question[Any] = GET_TREE) -> Desk:
        desk = Desk("press")
        desk.open(question, self.transport())
        return desk


def raises(error: Exception) -> Callable[[LookUpTree], Any]:
    def answer(_query: LookUpTree) -> Any:
        raise error

    return answer
