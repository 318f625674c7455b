"""The map as a tree, for a terminal: every context with what it tells, to whom, and what it stores."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from hedgerow_host.context_map.context_map import ContextMap, MappedContext, without_context

WIDTH = 100
GUIDES = "dim"


def tree(shown: ContextMap, *, colored: bool = False) -> str:
    """The tree as text."""
    page = StringIO()
    console = Console(
        file=page,
        width=WIDTH,
        force_terminal=colored,
        color_system="standard" if colored else None,
        highlight=False,
    )
    for context in shown.contexts:
        title = Text(context.name, style="bold" if context.hosted else "italic")
        root = Tree(
            title if context.hosted else title + Text(" (not hosted here)", style="dim"), guide_style=GUIDES
        )
        for heading, lines in _branches(context, shown):
            branch = root.add(Text(heading, style="cyan"))
            for line in lines:
                branch.add(Text(line))
        console.print(root)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + "\n"


def _branches(context: MappedContext, shown: ContextMap) -> Iterator[tuple[str, list[str]]]:
    found = {
        "publishes": [_told(name, shown.hearers(name)) for name in context.publishes],
        "answers": [_told(name, shown.askers(name)) for name in context.answers],
        "hears": shown.heard_by(context.name),
        "asks": shown.asked_by(context.name),
        "stores": [", ".join(context.tables)] if context.tables else [],
    }
    return ((heading, lines) for heading, lines in found.items() if lines)


def _told(name: str, others: list[str]) -> str:
    return f"{without_context(name)} → {', '.join(others)}" if others else without_context(name)
