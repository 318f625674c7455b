"""Contexts that ask each other are brought together at start; what can't be asked is found there, with its fix."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hedgerow_core.application.questions import QueryNotHere
from hedgerow_core.domain import NotFoundError
from hedgerow_host.assembly import Assembly
from hedgerow_host.catalog import compose, context_rows, notes_on
from hedgerow_host.checks import check
from hedgerow_host.checks.findings import Finding
from hedgerow_host.contract_diff import compare
from hedgerow_host.contracts import as_json, contract_of, from_json
from hedgerow_host.problems import CompositionError, Problem
from hedgerow_host.settings import HostSettings

Install = Callable[..., None]

IMPORTS = """
from hedgerow_core.application import Query, QueryHandler
from hedgerow_core.domain import NotFoundError
from hedgerow_core.questions import AnswerContract, PublishedQuery, QueryContract, Question
"""
ORCHARD = (
    IMPORTS
    + '''
@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpTree(Query[str]):
    number: int

async def look_up_tree(query):
    if query.number > 9:
        raise NotFoundError("There is no such tree", code="orchard.no_such_tree")
    return f"Tree {query.number}"

class TreeV1(AnswerContract):
    name: str
    height: int | None = None

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
'''
)
PRESS = (
    IMPORTS
    + """
class Tree(BaseModel):
    name: str

@dataclass(frozen=True, slots=True, kw_only=True)
class NameOf(Query[str]):
    number: int

class NameOfHandler:
    def __init__(self, questions):
        self.questions = questions

    async def __call__(self, query):
        tree = await self.questions.ask("orchard.get_tree", {"number": query.number}, as_=Tree)
        return tree.name

class PressContainer(Container):
    name_of = providers.Singleton(NameOfHandler, questions=Container.core.questions)

@hookimpl
def container(core):
    return PressContainer(core=core)

def work(connection): ...

@hookimpl
def handlers(container):
    return Handlers(
        work=work,
        queries=(QueryHandler(NameOf, container.name_of()),),
        asks=(Question("orchard.get_tree", as_=Tree),),
    )
"""
)


QUESTION = 'Question("orchard.get_tree", as_=Tree)'


def findings_of(*contexts: str) -> list[Finding]:
    findings, _assembly = check(HostSettings(contexts=contexts))
    return findings


def composed(*contexts: str) -> Assembly:
    assembly, _routes = compose(HostSettings(contexts=contexts))
    return assembly


def the_problem_of(*contexts: str) -> Problem:
    with pytest.raises(CompositionError) as refused:
        composed(*contexts)
    (problem,) = refused.value.problems
    assert problem.fix
    return problem


async def name_of_tree(assembly: Assembly, number: int) -> str:
    """Ask `press`, which asks `orchard`."""
    (press,) = (context for context in assembly.contexts if context.name == "press")
    module: Any = press.loaded.module
    name: str = await press.bus.ask(module.NameOf(number=number))
    return name


@pytest.mark.parametrize("order", [("orchard", "press"), ("press", "orchard")])
async def test_a_context_asks_another_by_name(install: Install, order: tuple[str, str]) -> None:
    install("orchard", ORCHARD)
    install("press", PRESS)

    assembly = composed(*order)

    assert await name_of_tree(assembly, 7) == "Tree 7"
    with pytest.raises(NotFoundError) as none:
        await name_of_tree(assembly, 10)
    assert none.value.code == "orchard.no_such_tree"


async def test_who_is_not_hosted_is_noted_and_found_and_asking_says_what_to_do(install: Install) -> None:
    install("press", PRESS)

    assembly = composed("press")

    assert notes_on(assembly, "press") == ["orchard is not hosted here: orchard.get_tree can't be asked"]
    (found,) = [one for one in findings_of("press") if one.number == "W003"]
    assert (found.id, found.subject) == ("press.W003", "orchard.get_tree")
    with pytest.raises(QueryNotHere, match="orchard is not hosted here"):
        await name_of_tree(assembly, 7)


async def test_nothing_is_noted_of_who_is_hosted(install: Install) -> None:
    install("orchard", ORCHARD)
    install("press", PRESS)

    assembly = composed("orchard", "press")

    assert notes_on(assembly, "press") == []
    assert [one for one in findings_of("orchard", "press") if one.number == "W003"] == []


def test_a_question_that_is_required_keeps_the_host_from_starting_alone(install: Install) -> None:
    install("press", PRESS.replace(QUESTION, 'Question("orchard.get_tree", as_=Tree, required=True)'))

    problem = the_problem_of("press")

    assert problem.subject == "press"
    assert "requires an answer to orchard.get_tree" in problem.what
    assert "install orchard" in problem.fix
    install("orchard", ORCHARD)
    composed("orchard", "press")


CHANGEABLE = "    model_config = {'frozen': False}\n"


@pytest.mark.parametrize(
    ("sound", "unsound", "what"),
    [
        ('"orchard.get_tree"', '"press.get_tree"', "is not a name for a query of orchard"),
        ('"orchard.get_tree"', '"orchard.Get Tree"', "is not a name for a query of orchard"),
        ("answers=(GET_TREE,)", "answers=(GET_TREE, GET_TREE)", "is answered twice"),
        ('"""A tree by its number."""', "", "does not say what it answers"),
        ("    name: str\n", CHANGEABLE + "    name: str\n", "TreeV1 can be changed"),
        ("    number: int\n\nGET", CHANGEABLE + "    number: int\n\nGET", "GetTreeV1 can be changed"),
        ("query=LookUpTree,", "query=Query,", "is answered by Query, which nobody handles"),
        ("    name: str\n", "    name: __import__('typing').Callable[[], int]\n", "has no JSON Schema"),
    ],
)
def test_a_published_query_that_breaks_a_rule_is_refused(
    install: Install, sound: str, unsound: str, what: str
) -> None:
    assert ORCHARD.count(sound) == 1
    install("orchard", ORCHARD.replace(sound, unsound))

    assert what in the_problem_of("orchard").what


def test_a_question_that_its_publisher_does_not_answer_is_refused(install: Install) -> None:
    install("orchard", ORCHARD)
    install("press", PRESS.replace(QUESTION, 'Question("orchard.get_tree", as_=Tree, version=2)'))

    problem = the_problem_of("orchard", "press")

    assert (problem.subject, "version 2" in problem.what) == ("press asks orchard.get_tree", True)
    assert "orchard.get_tree v1" in problem.fix


def test_a_model_that_can_not_read_the_answer_is_refused_and_the_field_named(install: Install) -> None:
    install("orchard", ORCHARD)
    install("press", PRESS.replace("    name: str\n", "    name: str\n    height: int\n"))

    problem = the_problem_of("orchard", "press")

    assert "can't read the answer" in problem.what
    assert "height" in problem.what
    assert [one.id for one in findings_of("orchard", "press")] == ["press.E002"]


def test_contexts_are_listed_with_what_they_answer_and_ask(install: Install) -> None:
    install("orchard", ORCHARD)
    install("press", PRESS)

    rows = {row["name"]: row for row in context_rows(*compose(HostSettings(contexts=("orchard", "press"))))}

    assert (rows["orchard"]["answers"], rows["orchard"]["asks"]) == (["orchard.get_tree"], [])
    assert (rows["press"]["answers"], rows["press"]["asks"]) == ([], ["orchard.get_tree"])


def written(assembly: Assembly) -> dict[str, str]:
    return {
        context.name: as_json(contract_of(context.name, "1.0", context.subscriptions, context.handlers))
        for context in assembly.contexts
    }


def test_answers_and_questions_stand_in_the_contract_file_and_can_be_read_again(install: Install) -> None:
    install("orchard", ORCHARD)
    install("press", PRESS)

    files = written(composed("orchard", "press"))

    assert [one["query"] for one in json.loads(files["orchard"])["answers"]] == ["orchard.get_tree"]
    assert [one["query"] for one in json.loads(files["press"])["asks"]] == ["orchard.get_tree"]
    for text in files.values():
        assert as_json(from_json(text)) == text


def test_two_builds_are_compared_by_their_answers_too(install: Install) -> None:
    install("orchard", ORCHARD)
    install("press", PRESS)
    old = {name: from_json(text) for name, text in written(composed("orchard", "press")).items()}
    other = json.loads(as_json(old["orchard"]))
    del other["answers"][0]["answer"]["properties"]["name"]
    other["answers"][0]["answer"]["required"] = ["height"]
    other["answers"][0]["parameters"]["properties"]["number"]["maximum"] = 5
    new = {**old, "orchard": from_json(json.dumps(other))}

    difference = compare(old, new)

    (broken,) = difference.breaks
    assert (broken.subject, broken.field) == ("press asks orchard.get_tree", "name")
    assert any("takes other parameters" in note.what for note in difference.notes)
    assert not compare(old, old).breaks
    assert not compare(old, old).notes
