"""The fault laboratory's fixtures: `verdict` writes down what an experiment found, `seed` throws its dice."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hedgerow_billing import plugin as billing
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing import MigratedDatabases
from tests.faults.laboratory import evidence
from tests.faults.laboratory.bench import CONTEXTS, history_of
from tests.faults.laboratory.evidence import Row
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.servers import version_of_postgres, version_of_redis
from tests.faults.laboratory.sizes import LONG, SCALE, new_seed

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence"


@pytest.fixture(scope="session")
def verdict(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: DatabaseAddress,
    redis_url: str,
) -> Iterator[Records]:
    """Call it with what an experiment found; the long tier leaves it in `docs/evidence`."""
    records = Records(tmp_path_factory.mktemp("histories"))
    yield records
    if LONG and SCALE >= 1 and records.records:
        machine = {
            "cores": str(os.cpu_count()),
            "PostgreSQL": version_of_postgres(postgres_server),
            "Redis": version_of_redis(redis_url),
        }
        date, commit = datetime.now(UTC).date().isoformat(), _commit()
        rows = [Row.of(record, date=date, commit=commit) for record in records.records]
        evidence.write(EVIDENCE, rows, machine)


@pytest.fixture
def source_and_sink(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    """A database for the ledger's stage, with both its contexts."""
    with migrated_databases.copy(source=(), sink=()) as address:
        yield address


@pytest.fixture
def laboratory_database(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    """A database for a laboratory."""
    with migrated_databases.copy(**{name: (history_of(name),) for name in CONTEXTS}) as address:
        yield address


@pytest.fixture
def billing_alone(migrated_databases: MigratedDatabases) -> Iterator[DatabaseAddress]:
    """A database for a till, with billing only."""
    with migrated_databases.copy(billing=(billing.migrations(),)) as address:
        yield address


@pytest.fixture
def seed() -> int:
    """A number for all dice of the experiment. `FAULTS_SEED` repeats one."""
    return new_seed()


def _commit() -> str:
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=EVIDENCE, capture_output=True, text=True, check=True)
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--", ":(top)", ":(top,exclude)docs/evidence"],
        cwd=EVIDENCE,
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip() + (" with uncommitted changes" if changed.stdout.strip() else "")
