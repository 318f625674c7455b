"""Databases of tests lie in memory where there is room, and what killed runs have left there is cleared away."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest

from hedgerow_core.persistence.embedded import LOCK
from hedgerow_core.testing import servers
from hedgerow_core.testing.servers import folder_for_postgres


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(servers, "MEMORY", tmp_path)
    monkeypatch.setattr(servers, "ROOM_BYTES", 0)
    return tmp_path


def left_over(memory: Path, name: str = "hedgerow-test-postgres-old", *, age_s: float = 3600) -> Path:
    folder = memory / name
    (folder / "postgres").mkdir(parents=True)
    (folder / LOCK).touch()
    os.utime(folder, (time.time() - age_s,) * 2)
    return folder


def test_a_folder_lies_in_memory_and_is_gone_afterwards(memory: Path) -> None:
    with folder_for_postgres() as folder:
        assert folder.parent == memory
    assert not folder.exists()


def test_without_room_it_lies_elsewhere(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "ROOM_BYTES", 1 << 60)
    with folder_for_postgres() as folder:
        assert folder.parent != memory


def test_what_a_killed_run_has_left_is_cleared_away(memory: Path) -> None:
    folder = left_over(memory)
    with folder_for_postgres():
        assert not folder.exists()


def test_what_is_used_young_or_not_of_a_test_stays(memory: Path) -> None:
    young = left_over(memory, "hedgerow-test-postgres-young", age_s=1)
    somebody_elses = left_over(memory, "hedgerow-demo")
    unlocked = left_over(memory, "hedgerow-test-postgres-unlocked")
    (unlocked / LOCK).unlink()
    os.utime(unlocked, (time.time() - 3600,) * 2)
    used = left_over(memory)
    with (used / LOCK).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with folder_for_postgres():
            assert all(folder.exists() for folder in (young, somebody_elses, unlocked, used))
