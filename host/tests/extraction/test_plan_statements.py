"""Statements that PostgreSQL has counted are held against the walls; where it counts none, the plan says so.

pg_stat_statements does not come with the embedded server, so this takes one of the machine.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import text

from hedgerow_core.messaging import Relay, Subscription
from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing.plugin import NOT_PROVEN
from hedgerow_core.testing.servers import free_port, run_sql
from hedgerow_host.discovery import load_contexts
from hedgerow_host.extraction.plan.database import InDatabase, look_at_database
from hedgerow_host.migrate import runner_for

Install = Callable[..., None]


def programs() -> Path | None:
    """Where a PostgreSQL of this machine has its programs, if it also brings pg_stat_statements."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    complete = [each.parent for each in found if (each.parents[1] / "lib/pg_stat_statements.so").is_file()]
    return complete[-1] if complete else None


@pytest.fixture(scope="module")
def counting_server() -> Iterator[DatabaseAddress]:
    """A PostgreSQL that counts statements."""
    bin_folder = programs()
    if bin_folder is None:
        pytest.skip(f"{NOT_PROVEN}pg_stat_statements (no PostgreSQL of this machine brings it)")
    user = "postgres" if os.getuid() == 0 else None  # PostgreSQL refuses to be root
    with TemporaryDirectory(prefix="hedgerow-") as folder:
        if user:
            shutil.chown(folder, user)
        data, port = Path(folder) / "data", free_port()
        subprocess.run(
            [bin_folder / "initdb", "-D", data, "-U", "owner", "-A", "trust", "--no-sync"],
            user=user,
            check=True,
            capture_output=True,
        )
        options = f"-p {port} -k {folder} -h 127.0.0.1 -c shared_preload_libraries=pg_stat_statements -F"
        control = [bin_folder / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-o", options, "-l", data / "log", "start"], user=user, check=True)
        try:
            yield DatabaseAddress.parse(f"postgresql://owner@127.0.0.1:{port}/postgres")
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], user=user, check=True)


def look(address: DatabaseAddress) -> InDatabase:
    (garden,) = [each for each in load_contexts(["garden", "market"]) if each.name == "garden"]
    return asyncio.run(look_at_database(address, garden))


async def as_context(address: DatabaseAddress, context: str, statement: str) -> None:
    database = Database(address, context)
    async with database.transaction() as connection:
        await connection.execute(text(statement), {"id": 1})
    await database.close()


async def relay(address: DatabaseAddress) -> None:
    """What garden's own relay asks of market's outbox, which it may."""

    async def nothing(*_arguments: object) -> None: ...

    database = Database(address, "garden")
    heard = Subscription(name="garden.note", event="market.sold", model=dict, handle=nothing)  # type: ignore[arg-type]
    relay = Relay(database, "market", [heard], holder="test")
    await relay.open()
    await relay.step()
    await relay.close()
    await database.close()


def test_statements_that_name_another_contexts_table_are_found_with_how_often(
    install: Install, counting_server: DatabaseAddress
) -> None:
    install("garden", "")
    install("market", "")
    asyncio.run(runner_for(counting_server, load_contexts(["garden", "market"])).apply())
    assert look(counting_server).looked_at["pg_stat_statements"].startswith("not looked at: this database has no")

    run_sql(
        counting_server,
        "CREATE EXTENSION pg_stat_statements",
        "CREATE TABLE market.stalls (id int PRIMARY KEY)",
        "GRANT SELECT ON market.stalls TO hedgerow_garden",
    )
    asyncio.run(relay(counting_server))
    asyncio.run(as_context(counting_server, "garden", "SELECT count(*) FROM deliveries"))
    clean = look(counting_server)
    assert [each.kind for each in clean.obstacles] == ["foreign_right"]
    assert "statements of" in clean.looked_at["pg_stat_statements"]

    for _time in range(3):
        asyncio.run(as_context(counting_server, "garden", "SELECT 1 FROM market.stalls WHERE id = :id"))
    run_sql(counting_server, "REVOKE SELECT ON market.stalls FROM hedgerow_garden")

    (found,) = look(counting_server).obstacles
    assert (found.kind, found.subject) == ("foreign_table_in_statement", "garden")
    assert found.object == "pg_stat_statements of hedgerow_garden"
    assert found.what.startswith("has named market.stalls 3 times: SELECT ")
    assert found.what.endswith(" FROM market.stalls WHERE id = $1")
