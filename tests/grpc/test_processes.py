"""gRPC as an operator runs it: beside HTTP, or alone, as real processes that end when they are told to."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import grpc.aio
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from hedgerow_billing.interfaces.proto.billing_pb2 import GetInvoiceRequest, Invoice
from hedgerow_core.testing.servers import free_port
from hedgerow_users.interfaces.proto.users_pb2 import GetUserRequest, User
from host.tests.grpc.calls import told
from tests.conftest import Production
from tests.docs.markdown import DOCS, blocks
from tests.processes import Process, run, running
from tests.story import Shopper, create_invoice

ANSWERS_WITHIN_S = 30.0
PAGE = DOCS / "how-to/serve-grpc.md"


def ready_port(process: Process) -> int:
    """Where it serves gRPC, once it does."""
    process.wait_for("grpc_ready")
    lines = [json.loads(line) for line in process.output.splitlines() if "grpc_ready" in line]
    return int(lines[0]["port"])


def token_of(shopper: Shopper) -> str:
    return str(shopper.tokens["access_token"])


@asynccontextmanager
async def locked(production: Production, table: str) -> AsyncIterator[asyncpg.Connection]:
    """Nobody reads the table while the body runs."""
    connection = await asyncpg.connect(production.environment["HEDGEROW_DATABASE_URL"])
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield connection
    finally:
        await connection.close()


async def test_what_has_begun_is_answered_before_a_process_ends_that_serves_both(
    shared_production: Production, shopper: Shopper
) -> None:
    invoice = create_invoice(shopper)
    port = free_port()
    with running(
        "api",
        "--port",
        str(port),
        "--grpc-port",
        "0",
        folder=shared_production.folder,
        environment=shared_production.environment,
    ) as process:
        grpc_port = await asyncio.to_thread(ready_port, process)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
            health = HealthStub(channel)
            get_invoice = channel.unary_unary(
                "/billing.InvoiceService/GetInvoice",
                request_serializer=GetInvoiceRequest.SerializeToString,
                response_deserializer=Invoice.FromString,
            )
            healthy = await health.Check(HealthCheckRequest(), timeout=ANSWERS_WITHIN_S)
            async with locked(shared_production, "billing.invoices") as other:
                begun = get_invoice(
                    GetInvoiceRequest(id=invoice["id"]),
                    metadata=told(token_of(shopper)),
                    timeout=ANSWERS_WITHIN_S,
                )
                await until_somebody_waits(other)
                process.send(signal.SIGTERM)
                await until_not_serving(health)
            answered = await begun
        code = await asyncio.to_thread(process.wait)

    assert healthy.status == HealthCheckResponse.SERVING
    assert answered.id == invoice["id"]
    assert code == 0


async def until_not_serving(health: HealthStub) -> None:
    """Until it lets nobody in any more."""
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        while (await health.Check(HealthCheckRequest())).status == HealthCheckResponse.SERVING:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def until_somebody_waits(connection: asyncpg.Connection) -> None:
    """Until a statement is held up by a lock."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    async with asyncio.timeout(ANSWERS_WITHIN_S):
        while not await connection.fetchval(waiting):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_grpc_is_served_alone_and_ends_with_0(shared_production: Production, shopper: Shopper) -> None:
    with running(
        "grpc", "--port", "0", folder=shared_production.folder, environment=shared_production.environment
    ) as process:
        port = await asyncio.to_thread(ready_port, process)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            get_user = channel.unary_unary(
                "/users.UserService/GetUser",
                request_serializer=GetUserRequest.SerializeToString,
                response_deserializer=User.FromString,
            )
            me = await get_user(GetUserRequest(), metadata=told(token_of(shopper)), timeout=ANSWERS_WITHIN_S)
        invoice = create_invoice(shopper)
        found = await asyncio.to_thread(asked_as_the_page_does, port, token_of(shopper), str(invoice["id"]))
        code = await asyncio.to_thread(process.end)

    assert found == invoice["id"]
    assert me.id == shopper.get("/v1/users/me").json()["id"]
    assert code == 0


@pytest.mark.parametrize("role", [("grpc", "--port", "0"), ("worker",)])
def test_a_lifespan_that_fails_ends_the_start_with_one_clear_message(
    shared_production: Production, role: tuple[str, ...]
) -> None:
    environment = {**shared_production.environment, "USERS_SMTP_URL": ""}

    ended = run(*role, folder=shared_production.folder, environment=environment)

    assert ended.returncode == 1
    assert "USERS_SMTP_URL is not set" in ended.stderr
    assert "the application did not start" in ended.stderr
    assert "Traceback" not in ended.stderr


def asked_as_the_page_does(port: int, token: str, id: str) -> str:
    """The id of the invoice that the program on the page gets, with another port, token and id."""
    (program,) = (block.text for block in blocks(PAGE.read_text()) if "GetInvoiceRequest(id=" in block.text)
    names: dict[str, Any] = {"token": token}
    exec(program.replace("50051", str(port)).replace("01a2...", id).replace("timeout=5", "timeout=30"), names)
    return str(names["invoice"].id)


def test_a_certificate_without_its_key_is_refused_before_anything_starts(tmp_path: Path) -> None:
    ended = run("grpc", folder=tmp_path, environment={"HEDGEROW_GRPC_TLS_CERT": "server.crt"})

    assert ended.returncode == 2
    assert "HEDGEROW_GRPC_TLS_KEY: is not acceptable: a certificate and its key go together" in ended.stderr
