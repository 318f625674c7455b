"""The fault laboratory's fixtures: `verdict` writes down what an experiment found, `seed` throws its dice."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hedgerow_core.persistence import DatabaseAddress
from tests.faults.laboratory.records import Records
from tests.faults.laboratory.servers import version_of_postgres, version_of_redis
from tests.faults.laboratory.sizes import LONG, SCALE, new_seed

EVIDENCE = Path(__file__).parents[2] / "docs" / "evidence" / "faults.md"


@pytest.fixture(scope="session")
def verdict(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: DatabaseAddress,
    redis_url: str,
) -> Iterator[Records]:
    """Call it with what an experiment found; the long tier leaves `docs/evidence/faults.md` behind."""
    records = Records(tmp_path_factory.mktemp("histories"))
    yield records
    # A part of the experiments, or smaller ones, is no evidence for all.
    whole = request.config.args == [str(Path(__file__).parent.relative_to(request.config.rootpath))]
    if LONG and whole and SCALE >= 1:
        machine = {
            "cores": str(os.cpu_count()),
            "PostgreSQL": version_of_postgres(postgres_server),
            "Redis": version_of_redis(redis_url),
        }
        page = records.evidence(date=datetime.now(UTC).date().isoformat(), commit=_commit(), machine=machine)
        EVIDENCE.write_text(page)


@pytest.fixture
def seed() -> int:
    """A number for all dice of the experiment. `FAULTS_SEED` repeats one."""
    return new_seed()


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=EVIDENCE.parent, capture_output=True, text=True, check=True
    )
    changed = subprocess.run(
        ["git", "status", "--porcelain"], cwd=EVIDENCE.parent, capture_output=True, text=True, check=True
    )
    return told.stdout.strip() + (" with uncommitted changes" if changed.stdout.strip() else "")
