"""The map as Mermaid, which forges and editors draw. What the picture only counts stands by name in comments.

So a line that changes says what has changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hedgerow_host.context_map.context_map import ContextMap, Kind, MappedContext, without_context

_ARROWS = {Kind.EVENTS: "-->", Kind.QUERIES: "-.->"}
_FACT = re.compile(r"^    (?:%% (.+)|context_(\w+)\[.*)$", re.MULTILINE)
_ELSEWHERE = "    classDef elsewhere stroke-dasharray: 4 4"


def mermaid(shown: ContextMap) -> str:
    """The text of the diagram."""
    return "\n".join(_lines(shown)) + "\n"


def _lines(shown: ContextMap) -> Iterator[str]:
    yield "flowchart LR"
    for context in shown.contexts:
        yield f'    {_node(context.name)}["{"<br/>".join([f"<b>{context.name}</b>", *context.facts])}"]'
        yield from (f"    %% {fact}" for fact in _facts(shown, context))
    for relation in shown.relations:
        label = "<br/>".join(map(without_context, relation.names))
        arrow = _ARROWS[relation.kind]
        yield f'    {_node(relation.source)} {arrow}|"{label}"| {_node(relation.target)}'
    if elsewhere := [_node(context.name) for context in shown.contexts if not context.hosted]:
        yield _ELSEWHERE
        yield f"    class {','.join(elsewhere)} elsewhere"


def facts_in(text: str) -> list[str]:
    """What a diagram of ours says, in words: `billing hears users.user_registered v1`."""
    return [f"there is {node}" if node else fact for fact, node in _FACT.findall(text)]


def _facts(shown: ContextMap, context: MappedContext) -> Iterator[str]:
    for verb, names in (
        ("publishes", context.publishes),
        ("hears", shown.heard_by(context.name)),
        ("answers", context.answers),
        ("asks", shown.asked_by(context.name)),
        ("stores", context.tables),
    ):
        yield from (f"{context.name} {verb} {name}" for name in names)


def _node(name: str) -> str:
    """Mermaid has words of its own (`end`, `class`), which a context may be called as well."""
    return f"context_{name}"
