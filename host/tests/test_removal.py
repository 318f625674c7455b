"""Who depends on a context that is to be removed is named, with what it needs of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.discovery import load_contexts
from hedgerow_host.removal import dependents_of
from hedgerow_host.settings import Environment

Install = Callable[..., None]

ORCHARD = '''
from hedgerow_core.application import Query, QueryHandler
from hedgerow_core.questions import AnswerContract, PublishedQuery, QueryContract

class TreeFelledV1(EventContract):
    """A tree is gone."""
    event_type: ClassVar[str] = "orchard.tree_felled"
    number: int

@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpTree(Query[str]):
    number: int

async def look_up_tree(query):
    return "Tree"

class TreeV1(AnswerContract):
    name: str

class GetTreeV1(QueryContract):
    """A tree by its number."""
    query_name: ClassVar[str] = "orchard.get_tree"
    answer: ClassVar[type[AnswerContract]] = TreeV1
    number: int

GET_TREE = PublishedQuery(
    contract=GetTreeV1,
    query=LookUpTree,
    ask=lambda asked: LookUpTree(number=asked.number),
    answer=lambda name: TreeV1(name=name),
)

def work(connection): ...

@hookimpl
def handlers(container):
    return Handlers(work=work, queries=(QueryHandler(LookUpTree, look_up_tree),), answers=(GET_TREE,))

@hookimpl
def subscriptions():
    return Subscriptions(publishes=(TreeFelledV1,))
'''
LISTENS = """
class Felled(BaseModel):
    number: int

async def note(event, envelope, work): ...

@hookimpl
def subscriptions():
    return Subscriptions(subscribes=(
        Subscription(name="press.note_felled_tree", event="orchard.tree_felled", model=Felled, handle=note),))
"""
ASKS = """
from hedgerow_core.questions import Question

class Tree(BaseModel):
    name: str

def work(connection): ...

@hookimpl
def handlers(container):
    return Handlers(work=work, asks=(Question("orchard.get_tree", Tree),))
"""


def assembled(tmp_path: Path, *names: str) -> Assembly:
    return assemble(load_contexts(names), environment=Environment.DEV, data_dir=tmp_path)


def test_who_requires_it_hears_it_or_asks_it_is_named(install: Install, tmp_path: Path) -> None:
    install("orchard", ORCHARD)
    install("press", LISTENS)
    install("shop", ASKS)
    install("mill", "", manifest='requires=("orchard",)')
    install("meadow", "")
    assembly = assembled(tmp_path, "orchard", "press", "shop", "mill", "meadow")

    assert {str(one).partition("\n")[0] for one in dependents_of("orchard", assembly)} == {
        "mill requires orchard",
        "press hears orchard.tree_felled through press.note_felled_tree",
        "shop asks orchard.get_tree",
    }
    assert dependents_of("meadow", assembly) == []
