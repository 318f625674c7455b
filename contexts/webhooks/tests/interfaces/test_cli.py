"""What an operator can do beside the database, by the same bus as requests; no address is printed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from click.testing import Result
from typer.testing import CliRunner

from contexts.webhooks.tests.conftest import Pays, Register
from contexts.webhooks.tests.receiver import Receiver, status
from hedgerow_core.testing import Rows
from hedgerow_host.testing import HostApp, Person, Scenario
from hedgerow_webhooks import plugin

pytestmark = pytest.mark.asyncio(loop_scope="module")

Type = Callable[..., Awaitable[Result]]


@pytest_asyncio.fixture(loop_scope="module")
async def type_in(host: HostApp) -> Type:
    """`hedgerow webhooks …` on the host of the test."""
    context, loop = host.context("webhooks"), asyncio.get_running_loop()

    def run(work: Callable[[Any, Any], Awaitable[Any]]) -> Any:
        async def working() -> Any:
            return await work(context.container, context.bus)

        return asyncio.run_coroutine_threadsafe(working(), loop).result(30)

    async def type_in(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, plugin.cli(run), arguments)

    return type_in


async def test_an_operator_sees_what_failed_and_has_it_sent_again(
    customer: Person,
    receiver: Receiver,
    register: Register,
    pays: Pays,
    scenario: Scenario,
    rows: Rows,
    type_in: Type,
) -> None:
    receiver.now_answers(status(500))
    endpoint = await register(customer, receiver.url)
    await pays(customer.id)
    await rows("UPDATE messages SET status = 'failed'")

    listed = await type_in("endpoints", "--owner", str(customer.id))
    assert (listed.exit_code, endpoint["id"] in listed.output, receiver.url in listed.output) == (0, True, False)
    (message,) = json.loads((await type_in("messages", endpoint["id"], "--status", "failed", "--json")).output)
    assert (message["status"], message["last"]) == ("failed", 500)

    receiver.now_answers(status(200))
    again = await type_in("redeliver-failed", endpoint["id"], "--since", "2026-01-01")
    assert (again.exit_code, again.output) == (0, "1 messages are sent again\n")
    await scenario.quiet()
    await type_in("redeliver", message["id"])
    await scenario.quiet()
    assert [len(receiver.received), len({each.id for each in receiver.received})] == [3, 1]
    assert json.loads((await type_in("endpoints", "--json")).output)[0]["status"] == "enabled"
    wrong = await type_in("redeliver-failed", endpoint["id"], "--since", "yesterday")
    assert wrong.exit_code == 2
    done = await rows("SELECT action FROM audit_entries WHERE action LIKE '%redelivered' ORDER BY id")
    assert [row.action for row in done] == ["webhooks.failed_redelivered", "webhooks.message_redelivered"]


async def test_secrets_are_sealed_anew_and_it_is_said_how_many_do_not_open(
    customer: Person, register: Register, rows: Rows, type_in: Type
) -> None:
    endpoint = await register(customer, "https://hooks.example.org/")
    count = len(await rows("SELECT 1 FROM endpoint_secrets"))
    sealed = await type_in("reseal")
    assert (sealed.exit_code, sealed.output) == (0, f"{count} secrets sealed anew, 0 do not open\n")
    await rows("UPDATE endpoint_secrets SET sealed = '\\x00' WHERE endpoint_id = :id", id=endpoint["id"])
    assert (await type_in("reseal")).exit_code == 1
