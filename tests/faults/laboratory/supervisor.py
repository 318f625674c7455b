"""Starts `hedgerow` processes of the laboratory, hurts them, and takes every one of them down in the end."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.processes import Process, wait_until_ready

DIES_WITHIN_S = 60.0
CHILD = "tests.faults.laboratory.child"


class Supervisor:
    """The processes of one experiment. A context manager, so that none outlives it."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self.processes: list[Process] = []
        """Every process that was ever started, the dead ones too."""
        self._workers: list[Process] = []

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(self, *_failure: object) -> None:
        for process in self.processes:
            with suppress(ProcessLookupError):
                process.send(signal.SIGKILL)  # ends a stopped process, too
        for process in self.processes:
            process.wait()

    @property
    def alive(self) -> list[Process]:
        """Those that still run, stopped ones included."""
        return [process for process in self.processes if process.running]

    @property
    def workers(self) -> list[Process]:
        """The workers that still run."""
        return [process for process in self.alive if process in self._workers]

    def start(self, *arguments: str, **settings: str) -> Process:
        """Start `hedgerow` with these arguments; `settings` go into its environment. Waits for nothing."""
        process = Process(
            *arguments, folder=self._folder, environment={**self._environment, **settings}, program=CHILD
        )
        self.processes.append(process)
        return process

    def worker(self, **settings: str) -> Process:
        """Start a worker. Waits for nothing: it works as soon as it can."""
        worker = self.start("worker", **settings)
        self._workers.append(worker)
        return worker

    async def api(self, port: int, **settings: str) -> Process:
        """Start an API and wait until it is ready."""
        api = self.start("api", "--port", str(port), **settings)
        await asyncio.to_thread(wait_until_ready, f"http://127.0.0.1:{port}", api)
        return api

    async def ready(self) -> None:
        """Wait until every worker that runs says that it works."""
        for process in self.workers:
            await asyncio.to_thread(process.wait_for, "worker_ready")

    async def died(self, process: Process, why: str, within_s: float = DIES_WITHIN_S) -> int:
        """Wait until the process has ended by itself, for the given reason; returns its exit code."""
        try:
            return await asyncio.to_thread(process.wait, within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still alive after {within_s} s, {why}:\n{process.output[-3000:]}") from None

    def kill(self, process: Process) -> None:
        """SIGKILL, and wait until it is gone."""
        process.send(signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        """Ask all that still run to stop, and wait."""
        for process in self.alive:
            process.send(signal.SIGTERM)
        for process in self.alive:
            with suppress(subprocess.TimeoutExpired):
                process.wait()
