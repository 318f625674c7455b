"""Probes answer quickly whatever PostgreSQL does: an orchestrator that waits would restart what is healthy."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from hedgerow_core.persistence.embedded import embedded_postgres
from hedgerow_host.readiness import ANSWER_WITHIN_S
from tests.conftest import NO_MAIL, Production, url_of
from tests.processes import run

SLACK_S = 1.5
"""For a busy machine."""
PROBES = 20


@contextmanager
def silent(folder: Path) -> Iterator[None]:
    """PostgreSQL stands still: it takes connections and answers nothing."""
    postmaster = psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))
    stopped = [postmaster, *postmaster.children(recursive=True)]
    for process in stopped:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in stopped:
            process.send_signal(signal.SIGCONT)


def test_probes_of_an_api_whose_database_has_gone_silent_are_answered_in_time(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with embedded_postgres(data) as postgres:
        environment = {"HEDGEROW_DATABASE_URL": url_of(postgres.address), "USERS_SMTP_URL": NO_MAIL}
        production = Production(tmp_path, environment)
        assert run("migrate", folder=tmp_path, environment=production.environment).returncode == 0
        with production.api() as (api, client), ThreadPoolExecutor(PROBES) as prober:

            def probe(path: str) -> tuple[httpx.Response, float]:
                started = time.monotonic()
                return client.get(path), time.monotonic() - started

            with silent(data):
                alive, alive_in = probe("/livez")
                answers = list(prober.map(probe, ["/readyz"] * PROBES))
                open_connections = len(psutil.Process(api.pid).net_connections(kind="unix"))
                login = {"email": "ann@example.com", "password": "correct horse"}
                with pytest.raises(httpx.ReadTimeout):  # the twin: what needs the database does wait
                    client.post("/v1/users/login", json=login, timeout=ANSWER_WITHIN_S + SLACK_S)
            back_by = time.monotonic() + 10
            while client.get("/readyz").status_code != httpx.codes.OK:
                assert time.monotonic() < back_by, "it never became ready again"

    assert (alive.status_code, alive_in < SLACK_S) == (200, True)
    for unready, took in answers:
        assert unready.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert unready.json()["checks"]["database"] == "database_silent"
        assert took < ANSWER_WITHIN_S + SLACK_S
    assert open_connections < PROBES, "probes that pile up would take all connections"
