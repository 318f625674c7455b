"""Where in the code questions are asked that a move puts on the network, and where that happens again and again."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hedgerow_host.checks.findings import Place
from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.extraction.plan.sources import Source

LOOPS = (ast.For, ast.AsyncFor, ast.While)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
TOO_COMMON = frozenset({*dir(dict), *dir(list), *dir(set), *dir(str), "handle"})
"""A call of `get` says nothing about whose it is."""


@dataclass(frozen=True, slots=True)
class AskSite:
    """A line that asks another context."""

    asker: str
    query: str
    place: Place
    function: str
    """In which function or method, by its own name alone."""
    loops: bool


@dataclass(frozen=True, slots=True)
class _Call:
    node: ast.Call
    function: str
    loops: bool

    @property
    def name(self) -> str:
        return getattr(self.node.func, "attr", getattr(self.node.func, "id", ""))


def ask_sites(context: str, sources: Sequence[Source]) -> list[AskSite]:
    """Where the context asks others, and others ask it."""
    return [
        AskSite(source.context, query, source.place(call.node), call.function, call.loops)
        for source in sources
        for call in _calls(source.tree)
        if call.name == "ask" and call.node.args and (query := source.text_of(call.node.args[0]))
        if _crosses(query, source.context, context)
    ]


def chatty(sites: Sequence[AskSite], sources: Sequence[Source]) -> Iterator[Obstacle]:
    """What asks in a loop, itself or by a function that it calls, and what asks several questions in a row."""
    for site in sites:
        if site.loops:
            yield _in_loop(site.asker, site.query, site.place, "asks")
    yield from _loops_around(sites, sources)
    together: dict[tuple[str, object, str], list[AskSite]] = defaultdict(list)
    for site in sites:
        together[site.asker, site.place.file, site.function].append(site)
    for (asker, _file, function), asked in together.items():
        if len(asked) > 1:
            yield Obstacle(
                kind="many_questions",
                subject=asker,
                what=f"asks {len(asked)} questions in {function}: "
                f"{', '.join(dict.fromkeys(site.query for site in asked))}",
                fix="ask them at the same time, or one that answers all",
                place=asked[0].place,
            )


def _loops_around(sites: Sequence[AskSite], sources: Sequence[Source]) -> Iterator[Obstacle]:
    """Calls, in a loop, of functions that ask; known by their names, as a port and its adapter share them."""
    asking = {(site.asker, site.function): site for site in sites if site.function not in TOO_COMMON}
    for source in sources:
        for call in _calls(source.tree):
            site = asking.get((source.context, call.name))
            if site and call.loops:
                how = f"calls {call.name}, which asks"
                yield _in_loop(source.context, site.query, source.place(call.node), how)


def _in_loop(asker: str, query: str, place: Place, how: str) -> Obstacle:
    return Obstacle(
        kind="question_in_loop",
        subject=asker,
        what=f"{how} {query} in a loop",
        fix="ask once for all of them, or keep a copy of your own from its events",
        place=place,
    )


def _crosses(query: str, asker: str, context: str) -> bool:
    publisher, dot, _ = query.partition(".")
    return bool(dot) and publisher != asker and context in (publisher, asker)


def _calls(node: ast.AST, function: str = "the module", loops: bool = False) -> Iterator[_Call]:
    """Every call, with the function that it stands in and whether it is run more than once there."""
    if isinstance(node, ast.Call):
        yield _Call(node, function, loops)
    if isinstance(node, FUNCTIONS):
        function, loops = getattr(node, "name", function), loops and isinstance(node, ast.Lambda)
    if isinstance(node, COMPREHENSIONS):
        first = node.generators[0].iter
        yield from _calls(first, function, loops)
        for child in _inside(node):
            yield from _calls(child, function, loops=True) if child is not first else ()
        return
    once = _run_once(node)
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, function, loops or (isinstance(node, LOOPS) and child not in once))


def _run_once(node: ast.AST) -> Sequence[ast.AST]:
    """What belongs to a loop and runs a single time: what it goes through, and what comes after it."""
    match node:
        case ast.For() | ast.AsyncFor():
            return [node.iter, *node.orelse]
        case ast.While():
            return node.orelse
    return ()


def _inside(comprehension: ast.AST) -> Iterator[ast.AST]:
    """Its parts, and the parts of its generators."""
    for child in ast.iter_child_nodes(comprehension):
        yield from ast.iter_child_nodes(child) if isinstance(child, ast.comprehension) else (child,)
