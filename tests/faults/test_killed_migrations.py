"""Experiment 44: SIGKILL before any statement of a migration; whoever comes next reaches the same schema."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

import pytest

from hedgerow_billing import plugin as billing
from hedgerow_core.messaging import LEDGER
from hedgerow_core.persistence import ContextMigrations, DatabaseAddress, MigrationRunner, RevisionFailed
from hedgerow_core.testing.servers import database_for_test
from tests.faults.laboratory.checker import Measured
from tests.faults.laboratory.child import DIES_BEFORE, MUTANT
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.schemas import hash_of
from tests.faults.laboratory.servers import plain_url
from tests.faults.laboratory.sizes import size
from tests.faults.laboratory.statements import COMMIT, each_statement
from tests.faults.laboratory.supervisor import Supervisor

MIDST = "CREATE TABLE payments"
"""In the midst of a revision: what has come before it is no revision yet."""


def runner_of(address: DatabaseAddress) -> MigrationRunner:
    return MigrationRunner(address, [ContextMigrations("billing", [LEDGER, billing.migrations()])])


@pytest.mark.parametrize("mutant", [None, "commits_each_statement"])
def test_a_migration_may_be_killed_before_any_statement(
    postgres_server: DatabaseAddress,
    fresh_database: DatabaseAddress,
    tmp_path: Path,
    verdict: Records,
    seed: int,
    mutant: str | None,
) -> None:
    statements: list[str] = []
    with each_statement(statements.append):
        asyncio.run(runner_of(fresh_database).apply())
    expected = hash_of(fresh_database, "billing")
    points = range(1, len(statements) + 1)
    chosen = random.Random(seed).sample(points, min(size("killed_migrations.sample"), len(points)))
    if mutant:
        chosen = [1 + next(nth for nth, sql in enumerate(statements) if MIDST in sql)]

    others = []
    for point in chosen:
        found = killed_and_run_again(postgres_server, tmp_path / str(point), point, mutant)
        if found != expected:
            others.append(f"before {' '.join(statements[point - 1].split())[:60]}: {found}")
    line = f"killed at {len(chosen)} of {len(points)} places: {len(others)} times another schema {others[:3]}"
    commits = statements.count(COMMIT)
    verdict("44 killed migrations", Measured(not others, line), seed=seed, mutant=mutant, commits=commits)


def killed_and_run_again(server: DatabaseAddress, folder: Path, point: int, mutant: str | None) -> str:
    """The schema's hash, or why there is none."""
    folder.mkdir()
    settings = {MUTANT: mutant} if mutant else {}
    with database_for_test(server) as address:
        environment = {"HEDGEROW_DATABASE_URL": plain_url(address), "HEDGEROW_CONTEXTS": "billing", **settings}
        with Supervisor(folder, environment) as supervisor:
            process = supervisor.start("migrate", **{DIES_BEFORE: str(point)})
            assert process.wait() == -signal.SIGKILL, f"alive after statement {point}:\n{process.output}"
        try:
            asyncio.run(runner_of(address).apply())
        except RevisionFailed as failed:
            return str(failed).partition("\n")[0]
        return hash_of(address, "billing")
