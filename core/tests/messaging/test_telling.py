"""What operators are told of a failure is short where it stands in a list, and names our code, not a library's."""

from __future__ import annotations

import asyncio
import re
import traceback
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hedgerow_core.messaging.telling import broken_off, message_of, place_of, reason_of, trace_of
from hedgerow_core.persistence import Database


async def raised_by(shop: Database, statement: str) -> DBAPIError:
    with pytest.raises(DBAPIError) as refused:
        async with shop.transaction() as connection:
            await connection.execute(text(statement))
    return refused.value


async def a_broken_deadline() -> TimeoutError:
    async def hangs() -> None:
        await asyncio.sleep(60)

    with pytest.raises(TimeoutError) as over:
        async with asyncio.timeout(0.01):
            await hangs()
    return over.value


async def test_a_statement_that_fails_is_told_in_the_words_of_postgresql_without_the_statement(
    shop: Database,
) -> None:
    error = await raised_by(shop, "SELECT 1 / 0 AS quotient")

    assert message_of(error) == "division by zero"
    assert "quotient" in str(error), "the twin: SQLAlchemy's message has it"
    assert "quotient" in trace_of(error)


def test_an_error_without_a_message_is_told_by_its_name() -> None:
    assert reason_of(ValueError()) == "ValueError"
    assert reason_of(ValueError("no such plant")) == "ValueError: no such plant"


async def test_a_deadline_that_passed_says_how_long_it_was_and_where_the_code_stood() -> None:
    error = broken_off(await a_broken_deadline(), timedelta(seconds=60))

    assert reason_of(error).startswith("TimeoutError: broken off after 60 s")
    assert re.fullmatch(r"test_telling.py:\d+ in hangs", place_of(error) or "")
    assert "in hangs" in trace_of(error)


async def test_of_a_way_through_libraries_a_trace_has_the_first_frame_and_the_last(shop: Database) -> None:
    error = await raised_by(shop, "SELECT 1 / 0")

    of_libraries = re.findall(r'File ".*site-packages', trace_of(error))
    whole = re.findall(r'File ".*site-packages', "".join(traceback.format_exception(error)))

    assert 0 < len(of_libraries) < len(whole) / 2
    assert "test_telling.py" in trace_of(error)
