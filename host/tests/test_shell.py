"""The prompt of `hedgerow shell`: what one may write at it, and what one is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from hedgerow_core.persistence import Database
from hedgerow_core.persistence.sandbox import SandboxDatabase
from hedgerow_host.assembly import assemble
from hedgerow_host.catalog import compose
from hedgerow_host.discovery import load_contexts
from hedgerow_host.settings import Environment, HostSettings
from hedgerow_host.shell import Prompt, names_for

Install = Callable[..., None]

GARDEN = """
    from hedgerow_core.application import Query, QueryHandler

    @dataclass(frozen=True)
    class Count(Query[int]):
        beds: int

    async def count(query):
        if query.beds < 0:
            raise RuntimeError("fewer than none")
        return query.beds

    @hookimpl
    def handlers(container):
        return Handlers(work=lambda connection: None, queries=(QueryHandler(Count, count),))
"""


@pytest.fixture
def prompt(install: Install) -> Iterator[Prompt]:
    install("garden", GARDEN)
    assembly, _routes = compose(HostSettings(contexts=("garden",)))
    with asyncio.Runner() as runner:
        yield Prompt(runner, names_for(assembly))


def answer(prompt: Prompt, capsys: pytest.CaptureFixture[str], *lines: str) -> str:
    """What is shown after these lines."""
    for line in lines:
        prompt.push(line)
    shown = capsys.readouterr()
    return shown.out + shown.err


def test_messages_are_known_by_name_and_run_by_their_context(
    prompt: Prompt, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(prompt, capsys, "beds = await run(Count(3))", "beds + 1") == "4\n"


def test_contexts_are_known_by_name(prompt: Prompt, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(prompt, capsys, "garden.container.core.context()") == "'garden'\n"
    assert answer(prompt, capsys, "await garden.bus.ask(Count(2))") == "2\n"


def test_statements_of_several_lines_wait_for_their_end(prompt: Prompt, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(prompt, capsys, "for beds in (1, 2):", "    print(await run(Count(beds)))", "") == "1\n2\n"


def test_what_goes_wrong_is_shown_from_where_it_was_typed_on_and_one_goes_on(
    prompt: Prompt, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = answer(prompt, capsys, "await run(Count(-1))")

    assert shown.startswith('Traceback (most recent call last):\n  File "<hedgerow>", line 1')
    assert shown.endswith("RuntimeError: fewer than none\n")
    assert answer(prompt, capsys, "1 + 1") == "2\n"


def test_whoever_wants_to_leave_may(prompt: Prompt) -> None:
    with pytest.raises(SystemExit):
        prompt.push("exit(4)")


@pytest.mark.parametrize("kind", [Database, SandboxDatabase])
def test_every_context_gets_a_database_of_the_kind_that_is_wanted(
    install: Install, tmp_path: object, kind: type[Database]
) -> None:
    install("garden", GARDEN)
    assembly = assemble(
        load_contexts(["garden"]), environment=Environment.DEV, data_dir=HostSettings().data_dir, database=kind
    )

    assert [type(context.database) for context in assembly.contexts] == [kind]
