"""The operator's drill names nothing that isn't there: verbs, options, subscriptions, metrics."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import typer.main

from hedgerow_core.observability.metrics import REGISTRY
from hedgerow_host.catalog import compose
from hedgerow_host.cli.verbs import app
from hedgerow_host.settings import HostSettings
from tests.deployment.broken import broken
from tests.docs.markdown import DOCS, blocks

PAGE = (DOCS / "how-to/operate.md").read_text()


@cache
def root() -> Any:
    return typer.main.get_command(app)


@cache
def subscriptions() -> frozenset[str]:
    """Of the contexts that the demo data is about."""
    contexts = compose(HostSettings(contexts=("users", "billing")))[0].contexts
    heard = {one.name for context in contexts for one in context.subscriptions.subscribes}
    return frozenset(heard | {one.task.name for context in contexts for one in context.handlers.tasks})


def unknown_commands(page: str) -> Iterator[str]:
    lines = [line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]
    told = re.findall(r"`(hedgerow [a-z][^`]*)`", page)
    for line in [*(line for line in lines if line.startswith("hedgerow ")), *told]:
        words = [word for word in shlex.split(line)[1:] if not word.startswith("$")]
        command = root()
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        options = {name for option in command.params for name in option.opts}
        if getattr(command, "commands", None):
            yield f"no verb: {line}"
        yield from (f"no option {word}: {line}" for word in words if word.startswith("--") and word not in options)


def unknown_names(page: str) -> Iterator[str]:
    named = re.findall(r"(?:--subscription|pause|resume|replay) ([a-z_]+\.[a-z_]+)", page)
    yield from (f"nobody is {name}" for name in named if name not in subscriptions())
    read = re.findall(r"/\^(hedgerow_\w+?)_(?:sum|count)/", page)
    yield from (f"nothing is called {name}" for name in {*read} - {family.name for family in REGISTRY.collect()})


def test_the_drill_names_what_there_is() -> None:
    assert [*unknown_commands(PAGE), *unknown_names(PAGE)] == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("hedgerow deliveries pause", "hedgerow deliveries halt", "no verb: hedgerow deliveries halt"),
        ("--dry-run", "--try-run", "no option --try-run"),
        ("`hedgerow tasks list`", "`hedgerow tasks show-all`", "no verb: hedgerow tasks show-all"),
        ("pause billing.copy_registered_user", "pause billing.copy_user", "nobody is billing.copy_user"),
        ("handler_duration_seconds_sum", "handler_seconds_sum", "nothing is called hedgerow_handler_seconds"),
    ],
)
def test_a_drill_that_names_something_else_is_noticed(old: str, new: str, complaint: str) -> None:
    page = broken(PAGE, old, new)

    assert any(complaint in found for found in (*unknown_commands(page), *unknown_names(page)))
