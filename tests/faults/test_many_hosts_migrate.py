"""Experiment 43: twenty hosts that start together on one database: one migrates, and all come up."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from hedgerow_billing import plugin as billing
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import MigratedDatabases, Stairway
from hedgerow_users import plugin as users
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import MUTANT
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.schemas import hash_of
from tests.faults.laboratory.servers import plain_url
from tests.faults.laboratory.sizes import size
from tests.faults.laboratory.supervisor import Supervisor

HISTORIES = {"users": (users.migrations(),), "billing": (billing.migrations(),)}
WITHIN_S = 120.0


async def older(address: DatabaseAddress) -> None:
    """As of some releases ago."""
    await Stairway(address, "users", users.migrations()).up_to("users_0004")
    await Stairway(address, "billing", billing.migrations()).up_to("billing_0001")


@pytest.mark.parametrize(
    ("start", "mutant"), [("empty", None), ("older", None), ("empty", "migrates_without_lock")]
)
def test_one_of_twenty_hosts_migrates_and_all_come_up(
    fresh_database: DatabaseAddress,
    migrated_databases: MigratedDatabases,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    start: str,
    mutant: str | None,
) -> None:
    if start == "older":
        asyncio.run(older(fresh_database))
    hosts = size("many_hosts.mutant_hosts" if mutant else "many_hosts.hosts")
    settings = {MUTANT: mutant} if mutant else {}
    environment = {"HEDGEROW_DATABASE_URL": plain_url(fresh_database), **settings}
    with Supervisor(tmp_path, environment) as supervisor:
        processes = [supervisor.start("migrate", "--json") for _ in range(hosts)]
        codes = [process.wait(WITHIN_S) for process in processes]
        up = [json.loads(process.output) for process in processes if process.wait() == 0]

    migrated = sum(bool(steps) for steps in up)
    with migrated_databases.copy(**HISTORIES) as expected:
        same = hash_of(fresh_database, *HISTORIES) == hash_of(expected, *HISTORIES)
    line = (
        f"{hosts} hosts at once on a database that is {start}: {codes.count(0)} came up, {migrated} of them "
        f"migrated; the schema is {'as expected' if same else 'another'}"
    )
    finding = Measured(codes.count(0) == hosts and migrated == 1 and same, line)
    verdict("43 many hosts", finding, seed=seed, mutant=mutant)
