"""The bus finds the one handler of a message and runs it inside its behaviours and one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from hedgerow_core.application import Bus, Command, CommandHandler, Query, QueryHandler, Step
from hedgerow_core.application.bus import DuplicateHandlerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant(Command[str]):
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountPlants(Query[int]):
    pass


class Story:
    """Notes in which order things happen."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @asynccontextmanager
    async def open_work(self) -> AsyncIterator[str]:
        self.lines.append("begin")
        try:
            yield "work"
        except BaseException:
            self.lines.append("rollback")
            raise
        self.lines.append("commit")

    async def plant(self, command: Plant, work: str) -> str:
        self.lines.append(f"plant {command.what} in {work}")
        if command.what == "concrete":
            raise ValueError("nothing grows from it")
        return f"a {command.what}"

    async def count(self, _query: CountPlants) -> int:
        self.lines.append("count")
        return 3

    def behaviour(self, name: str) -> Any:
        async def around(message: object, proceed: Step) -> Any:
            self.lines.append(f"{name} before")
            answer = await proceed(message)
            self.lines.append(f"{name} after")
            return answer

        return around

    def bus(self, *behaviours: str) -> Bus:
        return Bus(
            commands=[CommandHandler(Plant, self.plant)],
            queries=[QueryHandler(CountPlants, self.count)],
            open_work=self.open_work,
            behaviours=[self.behaviour(name) for name in behaviours],
        )


async def test_a_command_runs_in_one_transaction_and_answers_after_the_commit() -> None:
    story = Story()

    assert await story.bus().execute(Plant(what="rose")) == "a rose"
    assert story.lines == ["begin", "plant rose in work", "commit"]


async def test_a_command_that_fails_is_rolled_back() -> None:
    story = Story()

    with pytest.raises(ValueError, match="nothing grows"):
        await story.bus().execute(Plant(what="concrete"))

    assert story.lines[-1] == "rollback"


async def test_a_query_opens_no_transaction() -> None:
    story = Story()

    assert await story.bus().ask(CountPlants()) == 3
    assert story.lines == ["count"]


async def test_behaviours_surround_the_transaction_the_first_outermost() -> None:
    story = Story()

    await story.bus("log", "trace").execute(Plant(what="rose"))

    assert story.lines == [
        "log before",
        "trace before",
        "begin",
        "plant rose in work",
        "commit",
        "trace after",
        "log after",
    ]


def test_a_second_handler_for_a_message_is_refused_and_named() -> None:
    story = Story()

    with pytest.raises(DuplicateHandlerError, match=r"Plant already has a handler, and .*Story\.plant claims it"):
        Bus(
            commands=[CommandHandler(Plant, story.plant), CommandHandler(Plant, story.plant)],
            queries=[],
            open_work=story.open_work,
        )
