"""The worker's own port: it says whether it works, to whoever asks, however they ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from hedgerow_core.testing.servers import LOCALHOST
from hedgerow_host.assembly import assemble
from hedgerow_host.listening import bound_socket
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import Environment
from hedgerow_host.watch import Watch
from hedgerow_host.worker_probes import answering_probes

OFFER = {"Connection": "Upgrade", "Upgrade": "websocket"}


@pytest.fixture
async def prober() -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who asks a worker of nothing."""
    assembly = assemble([], environment=Environment.TEST, data_dir=Path())
    with bound_socket(LOCALHOST, 0) as listening:
        readiness = Readiness(assembly, Watch(assembly))
        async with (
            answering_probes(readiness, listening),
            httpx.AsyncClient(base_url=f"http://{LOCALHOST}:{listening.getsockname()[1]}") as client,
        ):
            yield client


@pytest.mark.parametrize("headers", [{}, OFFER])
async def test_a_probe_is_answered_in_http_also_with_an_offer_to_switch(
    prober: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    said = await prober.get("/livez", headers=headers)

    assert (said.status_code, said.json()) == (200, {"status": "alive"})


async def test_nothing_but_probes_is_answered(prober: httpx.AsyncClient) -> None:
    assert (await prober.get("/v1/users/me")).status_code == 404
