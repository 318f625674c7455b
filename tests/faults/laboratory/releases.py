"""Releases of `shelf`, each installed in a folder of its own, and the locks that others wait behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from tests.faults.laboratory.bench import CODE, ROOT

REVISIONS = {1: 1, 2: 3, 3: 3, 4: 4}
"""How many of them each release brings."""
_POLL_S = 0.02
_IN_THE_WAY = """
    SELECT pid, relation, mode, granted FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE relnamespace = 'shelf'::regnamespace AND relkind IN ('r', 'p')
    AND mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""

RENAME_AT_ONCE = {
    "0002_names.py": 'op.execute("ALTER TABLE books RENAME COLUMN title TO name")',
    "0003_by_name.py": 'op.execute("ALTER INDEX books_by_title RENAME TO books_by_name")',
}
_BUILD = 'op.execute("CREATE INDEX books_by_name ON books (name)")'
LOCK_FOR_LONG = {"0003_by_name.py": f'{_BUILD}\n    op.execute("SELECT pg_sleep(1.5)")'}
"""As building the index of a large table would."""


def install_release(folder: Path, release: int, instead: dict[str, str]) -> dict[str, str]:
    """Put a release there; the settings of processes that run it. `instead` are steps up in the place of others."""
    place = folder / f"release_{release}"
    shutil.copytree(CODE / "lab_shelf", place / "lab_shelf", ignore=shutil.ignore_patterns("__pycache__"))
    versions = place / "lab_shelf" / "migrations" / "versions"
    for revision in sorted(versions.iterdir())[REVISIONS[release] :]:
        revision.unlink()
    for name, step in instead.items():
        if (versions / name).exists():
            head = (CODE / "lab_shelf/migrations/versions" / name).read_text().partition("def upgrade")[0]
            (versions / name).write_text(f"from alembic import op\n{head}def upgrade() -> None:\n    {step}\n")
    metadata = place / f"lab_shelf-{release}.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: lab-shelf\nVersion: {release}.0\n")
    (metadata / "entry_points.txt").write_text("[hedgerow.contexts]\nshelf = lab_shelf\n")
    path = os.pathsep.join(map(str, (place, ROOT, os.environ.get("PYTHONPATH", ""))))
    return {"PYTHONPATH": path, "LAB_SHELF_RELEASE": str(release), "HEDGEROW_CONTEXTS": "shelf"}


@dataclass(slots=True)
class Locks:
    """For how long a lock was held or waited for behind which others had to wait."""

    longest_s: float = 0.0
    seen: dict[tuple[object, ...], float] = field(default_factory=dict)

    def saw(self, locks: set[tuple[object, ...]]) -> None:
        """What is there now."""
        now = time.monotonic()
        self.seen = {lock: self.seen.get(lock, now) for lock in locks}
        self.longest_s = max([self.longest_s, *(now - since for since in self.seen.values())])


@asynccontextmanager
async def watched_locks(url: str) -> AsyncIterator[Locks]:
    """Meanwhile, look at the locks on tables of `shelf`."""
    locks, done = Locks(), asyncio.Event()
    connection = await asyncpg.connect(url)

    async def look() -> None:
        while not done.is_set():
            locks.saw({tuple(row) for row in await connection.fetch(_IN_THE_WAY)})
            await asyncio.sleep(_POLL_S)

    async with asyncio.TaskGroup() as group:
        group.create_task(look())
        try:
            yield locks
        finally:
            done.set()
    await connection.close()
