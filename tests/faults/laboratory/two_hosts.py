"""The laboratory in two hosts: `source` and `sink` each with a database, an API and workers of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hedgerow_core.persistence import Database, DatabaseAddress
from hedgerow_core.testing.servers import free_port
from tests.faults.laboratory.bench import Bench, install_contexts, migrated, python_path
from tests.faults.laboratory.servers import plain_url
from tests.faults.laboratory.supervisor import Supervisor
from tests.processes import Process

SECRET = "for experiments alone, and so it is no secret"
OTHER = {"source": "sink", "sink": "source"}


@dataclass(frozen=True, slots=True)
class Host:
    """What runs for one of the contexts."""

    supervisor: Supervisor
    port: int

    async def api(self) -> Process:
        """Start its API and wait until it is ready."""
        return await self.supervisor.api(self.port)

    def start_api(self) -> Process:
        """Start its API. Waits for nothing."""
        return self.supervisor.start("api", "--port", str(self.port))


@dataclass(frozen=True, slots=True)
class TwoHosts(Bench):
    """Both, and what they left behind in their databases."""

    hosts: dict[str, Host]
    addresses: dict[str, DatabaseAddress]

    def address_of(self, sql: str) -> DatabaseAddress:
        """At the host whose tables are named."""
        return self.addresses["sink" if " sink." in sql else "source"]

    async def start(self) -> None:
        """Both APIs, and a worker of each, ready."""
        for host in self.hosts.values():
            host.start_api()
        await asyncio.gather(*(self._started(host) for host in self.hosts.values()))

    async def _started(self, host: Host) -> None:
        host.supervisor.worker()
        await host.supervisor.ready()


@asynccontextmanager
async def two_hosts(
    addresses: dict[str, DatabaseAddress], broker_url: str, folder: Path, **settings: str
) -> AsyncIterator[TwoHosts]:
    """Two migrated databases, and a supervisor for each. Each host starts without the other, if need be."""
    install_contexts(folder)
    ports = {name: free_port() for name in addresses}
    async with AsyncExitStack() as stack:
        hosts = {}
        for name, address in addresses.items():
            await migrated(address, name)
            other = f"HEDGEROW_REMOTES__{OTHER[name].upper()}"
            (logs := folder / name).mkdir()
            environment = {
                "HEDGEROW_DATABASE_URL": plain_url(address),
                "HEDGEROW_BROKER_URL": broker_url,
                "HEDGEROW_CONTEXTS": name,
                "HEDGEROW_HOST_SECRET": f"{SECRET}: {name}",
                f"{other}__URL": f"http://127.0.0.1:{ports[OTHER[name]]}",
                f"{other}__OPTIONAL": "true",
                "PYTHONPATH": python_path(folder),
                **settings,
            }
            hosts[name] = Host(stack.enter_context(Supervisor(logs, environment)), ports[name])
        source = Database(addresses["source"], "source")
        stack.push_async_callback(source.close)
        yield TwoHosts(addresses["source"], source, hosts["sink"].supervisor, hosts, addresses)
