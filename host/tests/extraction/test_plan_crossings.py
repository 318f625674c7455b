"""What the guard has seen while tests ran is there for the plan, with its line, until the test is mended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.plugin import DATABASE_URL
from hedgerow_host.extraction.plan.crossings import FILE, crossed, recall, remember_run, remember_test

STORY = """
from sqlalchemy import text

async def test_story(host_app):
    async with host_app(["users", "billing"], "standalone") as host:
        database = host.context("billing").database
        async with database.transaction() as connection:
            await connection.execute(text("SET LOCAL ROLE NONE"))
            await connection.execute(text("SELECT count(*) FROM {table}"))
"""
LINE = 7
"""Of the transaction in the story."""
CROSSING = {
    "context": "billing",
    "others": ["users"],
    "what": "a transaction of billing has touched users.accounts",
    "place": "/shop/pay.py:12",
}
AT = datetime(2026, 1, 2, tzinfo=UTC)


def run_story(folder: Path, server: DatabaseAddress, table: str) -> int:
    """The exit code of pytest, in a folder that it takes for its root."""
    (folder / "test_story.py").write_text(STORY.format(table=table))
    url = server.url.set(drivername="postgresql").render_as_string(hide_password=False)
    told = [sys.executable, "-m", "pytest", "-q", "-o", "asyncio_mode=auto", "--rootdir", str(folder)]
    options = ["-p", "no:cacheprovider", "-p", "no:schemathesis", "--basetemp", str(folder / "basetemp")]
    environment = {**os.environ, DATABASE_URL: url}
    environment.pop("PYTEST_XDIST_WORKER", None)
    done = subprocess.run([*told, *options, "test_story.py"], cwd=folder, env=environment, capture_output=True)
    return done.returncode


def test_a_crossing_in_a_test_is_left_for_the_plan_until_the_test_is_mended(
    tmp_path: Path, postgres_server: DatabaseAddress
) -> None:
    record = tmp_path / ".hedgerow" / FILE

    assert run_story(tmp_path, postgres_server, "users.accounts") == 1
    (found,) = crossed("billing", recall(record))
    assert found.what == "a transaction of billing has touched users.accounts, seen in test_story.py::test_story"
    assert found.place is not None
    assert (found.place.file, found.place.line) == (tmp_path / "test_story.py", LINE)
    assert [each.kind for each in crossed("users", recall(record))] == ["crossed_transaction"]
    assert list(crossed("garden", recall(record))) == []

    assert run_story(tmp_path, postgres_server, "billing.invoices") == 0
    assert list(crossed("billing", recall(record))) == []
    assert recall(record).watched["billing"] == 2


def test_a_crossing_that_several_tests_meet_is_told_once(tmp_path: Path) -> None:
    for test in ("test_a", "test_b", "test_c"):
        remember_test(tmp_path / FILE, test, [CROSSING])
    remember_test(tmp_path / FILE, "test_b", [])

    (found,) = crossed("billing", recall(tmp_path / FILE))

    assert found.what.endswith("seen in test_a, and in 1 more")
    assert str(found.place) == "/shop/pay.py:12"


def test_a_clean_test_leaves_nothing_and_a_run_what_it_has_watched(tmp_path: Path) -> None:
    file = tmp_path / FILE
    remember_test(file, "test_a", [])
    remember_run(file, {}, AT)
    assert not file.exists()

    remember_run(file, {"billing": 3}, AT)
    remember_run(file, {"billing": 4, "users": 1}, AT)

    assert (recall(file).watched, recall(file).last) == ({"billing": 7, "users": 1}, AT)


def test_a_folder_that_cannot_be_written_to_fails_no_test(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    remember_test(tmp_path / "file" / FILE, "test_a", [CROSSING])

    assert recall(tmp_path / "file" / FILE).crossings == {}


def test_a_line_that_a_killed_process_has_torn_costs_the_others_nothing(tmp_path: Path) -> None:
    file = tmp_path / FILE
    remember_test(file, "test_a", [CROSSING])
    with file.open("a") as opened:
        opened.write(json.dumps({"test": "test_b"})[:9] + "\n")
    remember_run(file, {"billing": 1}, AT)

    assert len(recall(file).crossings) == 1
    assert recall(file).watched == {"billing": 1}
