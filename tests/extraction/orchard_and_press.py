"""`orchard` answers what `press` asks: the smallest contexts between which a wire can run. Neither has tables."""

from __future__ import annotations

from pathlib import Path

from tests.garden import install_context

PREAMBLE = """
import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from dependency_injector import containers, providers
from pydantic import BaseModel
from hedgerow_core.application import Query, QueryHandler, current_cause
from hedgerow_core.domain import NotFoundError
from hedgerow_core.http import ContextRouter, public
from hedgerow_core.messaging import LedgerWork
from hedgerow_core.plugin import Handlers, Manifest, hookimpl
from hedgerow_core.questions import AnswerContract, PublishedQuery, QueryContract, Question
"""
ORCHARD = (
    PREAMBLE
    + '''
@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpTree(Query[dict]):
    number: int
    slow_s: float

class Trees:
    def __init__(self):
        self.asked = self.given_up = 0

    async def __call__(self, query):
        self.asked += 1
        try:
            await asyncio.sleep(query.slow_s)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if query.number == 0:
            raise RuntimeError("the secret of the orchard")
        if query.number > 9:
            raise NotFoundError("There is no such tree.", code="orchard.no_such_tree", details={"most": 9})
        cause = current_cause()
        return {"name": f"Tree {query.number}", "actor": cause.actor or "", "trace": cause.correlation_id or ""}

class TreeV1(AnswerContract):
    name: str
    actor: str
    trace: str

class GetTreeV1(QueryContract):
    """A tree by its number."""
    query_name: ClassVar[str] = "orchard.get_tree"
    answer: ClassVar[type[AnswerContract]] = TreeV1
    repeatable: ClassVar[bool] = True
    number: int
    slow_s: float = 0

class CountTreesV1(GetTreeV1):
    """The same, but not to be asked twice where once was meant."""
    query_name: ClassVar[str] = "orchard.count_tree"
    repeatable: ClassVar[bool] = False

class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()
    trees = providers.ThreadSafeSingleton(Trees)

@hookimpl
def manifest():
    return Manifest(name="orchard", version="1.0", core_api=">=0.1,<0.2")

@hookimpl
def container(core):
    return Container(core=core)

@hookimpl
def handlers(container):
    return Handlers(
        work=lambda connection: LedgerWork(
            connection, context="orchard", clock=container.core.clock(), translations={}),
        queries=(QueryHandler(LookUpTree, container.trees()),),
        answers=tuple(
            PublishedQuery(
                contract=contract,
                query=LookUpTree,
                ask=lambda asked: LookUpTree(number=asked.number, slow_s=asked.slow_s),
                answer=lambda tree: TreeV1(**tree),
            )
            for contract in (GetTreeV1, CountTreesV1)
        ),
    )

@hookimpl
def routes(container, bus):
    router, trees = ContextRouter("orchard"), container.trees()

    @router.get("/asked")
    @public
    async def asked() -> dict[str, int]:
        return {"asked": trees.asked, "given_up": trees.given_up}

    return [router]
'''
)
PRESS = (
    PREAMBLE
    + """
class Tree(BaseModel):
    name: str
    actor: str
    trace: str

class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()

@hookimpl
def manifest():
    return Manifest(name="press", version="1.0", core_api=">=0.1,<0.2", requires=("orchard",))

@hookimpl
def container(core):
    return Container(core=core)

@hookimpl
def handlers(container):
    return Handlers(
        work=lambda connection: LedgerWork(
            connection, context="press", clock=container.core.clock(), translations={}),
        asks=(
            Question("orchard.get_tree", as_=Tree, required=True, deadline=timedelta(seconds=1)),
            Question("orchard.count_tree", as_=Tree, deadline=timedelta(seconds=1)),
        ),
    )

@hookimpl
def routes(container, bus):
    router, questions = ContextRouter("press"), container.core.questions()

    @router.get("/trees/{number}")
    @public
    async def tree(number: int, slow_s: float = 0, query: str = "get_tree") -> dict[str, str]:
        found = await questions.ask(f"orchard.{query}", {"number": number, "slow_s": slow_s}, as_=Tree)
        return found.model_dump()

    return [router]
"""
)


def install_orchard_and_press(folder: Path, *, orchard: str = ORCHARD, press: str = PRESS) -> dict[str, str]:
    """Install both below `folder`; returns the setting by which processes find them."""
    install_context(folder, "orchard", orchard)
    install_context(folder, "press", press)
    return {"PYTHONPATH": str(folder)}
