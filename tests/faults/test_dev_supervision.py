"""`hedgerow dev` takes down all it started, however it ends, and starts again on what was left."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import httpx
import psutil

from hedgerow_core.testing.servers import free_port
from tests import forker
from tests.garden import GARDEN, install_garden
from tests.processes import Process, run, running
from tests.story import expect, play, sign_up

GONE_WITHIN_S = 15.0


def family_of(process: Process) -> list[psutil.Process]:
    """Everything that a running `hedgerow dev` has started, PostgreSQL included."""
    root = psutil.Process(process.pid)
    data = os.fspath(Path(root.cwd()) / ".hedgerow")
    servers = [p for p in psutil.process_iter(["name"]) if _is_postgres(p) and data in " ".join(_command(p))]
    return [root, *root.children(recursive=True), *servers]


def _is_postgres(process: psutil.Process) -> bool:
    return bool(process.info["name"] == "postgres")  # as it was when listed: others come and go


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def wait_until_gone(family: list[psutil.Process]) -> list[psutil.Process]:
    """Those that are still there after the grace period. A zombie is gone: whoever adopted it takes its time."""
    deadline = time.monotonic() + GONE_WITHIN_S
    while (alive := [process for process in family if _lives(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def started_dev(folder: Path, port: int) -> Process:
    process = Process("dev", "--port", str(port), folder=folder, environment={})
    process.wait_for("Ctrl-C stops everything.")
    return process


def test_ctrl_c_stops_everything(tmp_path: Path) -> None:
    process = started_dev(tmp_path, free_port())
    family = family_of(process)
    assert any(member.name() == "postgres" for member in family)

    process.send(signal.SIGINT)

    assert process.wait() == 0
    assert wait_until_gone(family) == []


def test_when_the_parent_is_killed_child_and_postgres_follow_and_the_next_start_has_the_data(
    tmp_path: Path,
) -> None:
    port = free_port()
    process = started_dev(tmp_path, port)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        shopper = sign_up(client)
        family = family_of(process)

        process.send(signal.SIGKILL)
        process.wait()

        assert wait_until_gone(family) == []
        with running("dev", "--port", str(port), folder=tmp_path, environment={}) as again:
            again.wait_for("Ctrl-C stops everything.")
            expect(shopper.get("/v1/users/me"), 200)


def test_when_everything_but_postgres_is_killed_the_next_start_adopts_it(tmp_path: Path) -> None:
    port = free_port()
    process = started_dev(tmp_path, port)
    family = family_of(process)
    postgres = [member for member in family if member.name() == "postgres"]
    for member in family:
        if member not in postgres:
            member.kill()
    process.wait()

    with running("dev", "--port", str(port), folder=tmp_path, environment={}) as again:
        again.wait_for("Ctrl-C stops everything.")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            play(client)

    assert wait_until_gone(postgres) == []


def test_a_server_that_is_killed_is_started_again(tmp_path: Path) -> None:
    port = free_port()
    with running("dev", "--port", str(port), folder=tmp_path, environment={}) as host:
        host.wait_for("Ctrl-C stops everything.")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            shopper = sign_up(client)
            serving = next(p for p in family_of(host)[1:] if forker.__name__ in _command(p))

            serving.kill()
            host.wait_for("server_killed")

            expect(shopper.get("/v1/users/me"), 200)


def test_a_data_folder_in_use_is_refused_with_the_process_that_uses_it(tmp_path: Path) -> None:
    with running("dev", "--port", str(free_port()), folder=tmp_path, environment={}) as first:
        first.wait_for("Ctrl-C stops everything.")

        second = run("dev", "--port", "0", folder=tmp_path, environment={})
        planned = run("migrate", "--check", folder=tmp_path, environment={})

    assert second.returncode == 3
    assert f"in use by process {first.pid}" in second.stderr
    assert planned.returncode == 0


def test_changed_code_is_served_without_a_restart_of_postgres(tmp_path: Path) -> None:
    source = install_garden(tmp_path / "src", GARDEN.replace("ANSWER", "hawthorn"))
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1/garden/plant"
    environment = {"PYTHONPATH": os.fspath(tmp_path / "src"), "HEDGEROW_CONTEXTS": "garden"}
    with running("dev", "--port", str(port), folder=tmp_path, environment=environment) as host:
        host.wait_for("Ctrl-C stops everything.")
        servers = {member.pid for member in family_of(host) if member.name() == "postgres"}
        before = httpx.get(url).json()
        source.write_text(GARDEN.replace("ANSWER", "blackthorn"))
        deadline = time.monotonic() + 30
        while (after := _answer(url)) != "blackthorn":
            assert time.monotonic() < deadline, after
            time.sleep(0.1)
        assert {member.pid for member in family_of(host) if member.name() == "postgres"} & servers

    assert before == "hawthorn"


def _answer(url: str) -> object:
    try:
        return httpx.get(url, timeout=5).json()
    except (httpx.TransportError, ValueError) as error:
        return error
