"""RabbitMQ is the one server that doesn't come along: where it lacks, the test run says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hedgerow_core.testing.plugin import NOT_PROVEN
from hedgerow_core.testing.rabbitmq import RabbitMqMissingError, RabbitMqServer, rabbitmq_program


def summary_of(code: str, folder: Path) -> list[str]:
    """The lines that a test run over `code` ends with."""
    (folder / "test_it.py").write_text(code)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:schemathesis",
        "--rootdir",
        str(folder),
        "test_it.py",
    ]
    ran = subprocess.run(command, cwd=folder, env=dict(os.environ), capture_output=True, text=True, check=False)
    return ran.stdout.splitlines()


def test_what_was_not_proven_is_named_once_at_the_end(tmp_path: Path) -> None:
    lines = summary_of(
        """
import psutil
import pytest
from hedgerow_core.testing.plugin import NOT_PROVEN

@pytest.fixture
def missing():
    pytest.skip(f"{NOT_PROVEN}RabbitMQ (no server: none here)")

@pytest.mark.parametrize("rule", range(3))
def test_it(rule, missing): ...
""",
        tmp_path,
    )

    assert "NOT PROVEN HERE: RabbitMQ (no server: none here): 3 tests skipped" in lines


def test_an_ordinary_skip_is_not_made_a_fuss_of(tmp_path: Path) -> None:
    lines = summary_of("import pytest\ndef test_it(): pytest.skip('not on a Sunday')", tmp_path)

    assert not [line for line in lines if "NOT PROVEN" in line]
    assert [line for line in lines if "1 skipped" in line]


def test_a_machine_without_rabbitmq_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(RabbitMqMissingError, match="no rabbitmq-server"):
        rabbitmq_program(places=())


def test_a_rabbitmq_of_the_machine_is_found(tmp_path: Path) -> None:
    program = tmp_path / "rabbitmq-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)

    assert rabbitmq_program(places=[str(tmp_path)]) == str(program)


def test_a_server_leaves_no_process_behind(tmp_path: Path) -> None:
    try:
        rabbitmq_program()
    except RabbitMqMissingError as error:
        pytest.skip(f"{NOT_PROVEN}RabbitMQ (no server: {error})")
    server = RabbitMqServer(tmp_path)
    server.start()
    ours = [process for process in psutil.process_iter(["name"]) if home_of(process) == str(tmp_path)]

    server.stop()

    assert {"epmd", "beam.smp"} <= {process.info["name"] for process in ours}
    assert [p for p in psutil.wait_procs(ours, timeout=5)[1] if p.status() != psutil.STATUS_ZOMBIE] == []


def home_of(process: psutil.Process) -> str:
    """What tells our node's processes from others: they were started with its folder as home."""
    try:
        return process.environ().get("HOME", "")
    except psutil.Error:
        return ""
