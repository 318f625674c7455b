"""Secrets stand nowhere in the clear, open under their own row and server secret only, and are sealed anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from contexts.webhooks.tests.conftest import LOCAL, PAID, Register, paid
from contexts.webhooks.tests.receiver import Receiver, status
from hedgerow_core.domain import new_id
from hedgerow_core.testing import Rows
from hedgerow_host.testing import HostApp, HostAppFactory, Person, Scenario
from hedgerow_webhooks.application.sending import SecretUnreadable
from hedgerow_webhooks.domain.signing_secret import SigningSecret
from hedgerow_webhooks.infrastructure.signing_secrets import SealedSecrets

OLD, NEW = SecretStr("the secret of last year, long enough"), SecretStr("the secret of this year, long enough")
CANARY = "canary-in-a-path"
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'webhooks'"


def sealed_under(current: SecretStr, previous: SecretStr | None = None) -> SealedSecrets:
    return SealedSecrets(current, previous, folder=Path("nowhere"))


def test_a_secret_opens_for_its_endpoint_and_row_under_its_server_secret_only() -> None:
    endpoint, row, secret = new_id(), new_id(), SigningSecret.new()
    sealed = sealed_under(OLD).close(endpoint, row, secret)

    for seals in (sealed_under(OLD), sealed_under(NEW, OLD)):
        assert seals.open(endpoint, row, sealed) == secret
    for seal, of, at in ((NEW, endpoint, row), (OLD, new_id(), row), (OLD, endpoint, new_id())):
        with pytest.raises(SecretUnreadable, match="WEBHOOKS_SECRET_PREVIOUS"):
            sealed_under(seal).open(of, at, sealed)


async def test_what_is_sealed_anew_opens_without_the_secret_of_before(
    host: HostApp, customer: Person, register: Register, rows: Rows
) -> None:
    await register(customer, "https://hooks.example.org/")
    database, container = host.context("webhooks").database, host.context("webhooks").container
    (row,) = await rows("SELECT id, endpoint_id, sealed FROM endpoint_secrets")
    secret = container.secrets().open(row.endpoint_id, row.id, row.sealed)
    await rows(
        "UPDATE endpoint_secrets SET sealed = :s", s=sealed_under(OLD).close(row.endpoint_id, row.id, secret)
    )

    assert await sealed_under(NEW).reseal(database) == (0, 1), "nothing is lost that does not open"
    assert await sealed_under(NEW, OLD).reseal(database) == (1, 0)
    (row,) = await rows("SELECT id, endpoint_id, sealed FROM endpoint_secrets")
    assert sealed_under(NEW).open(row.endpoint_id, row.id, row.sealed) == secret


async def test_a_secret_that_does_not_open_waits_in_the_ledger_for_who_can_mend_it(
    customer: Person, receiver: Receiver, register: Register, scenario: Scenario, rows: Rows
) -> None:
    await register(customer, receiver.url)
    (row,) = await rows("SELECT sealed FROM endpoint_secrets")
    await rows("UPDATE endpoint_secrets SET sealed = :s", s=bytes(len(row.sealed)))
    await scenario.happens(PAID, despite_failures=True, **paid(customer.id))
    waiting = await rows("SELECT state, errors FROM deliveries WHERE type = 'webhooks.send_message'")
    assert [(each.state, "SecretUnreadable" in str(each.errors)) for each in waiting] == [("retry_wait", True)]
    assert receiver.received == []


async def test_no_secret_stands_in_a_log_a_row_or_an_event(
    host_app: HostAppFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    """The path of an address may be as good as a password, too: it stands in its own column, and nowhere else."""
    server_secret = "canary of the server, which is long enough"
    settings = {**LOCAL, "WEBHOOKS_SECRET": server_secret}
    async with host_app("webhooks", "standalone", settings=settings) as host:
        with Receiver(status(500), status(410)) as receiver:
            scenario, customer = Scenario(host), host.someone()
            await scenario.quiet()
            body = {"url": f"{receiver.url}/{CANARY}", "events": [PAID]}
            made = (await customer.post("/v1/webhooks/endpoints", json=body)).json()
            url = f"/v1/webhooks/endpoints/{made['id']}"
            rotated = (await customer.post(f"{url}/rotate-secret")).json()
            await customer.patch(url, json={"url": f"https://user:{CANARY}@hooks.example.org/"})
            for _ in range(2):
                await scenario.happens(PAID, **paid(customer.id))
            assert scenario.published("webhooks.endpoint_disabled"), "the story went to its end"
        async with host.context("webhooks").database.reading() as connection:
            names = (await connection.exec_driver_sql(TABLES)).scalars().all()
            tables = {
                name: str((await connection.exec_driver_sql(f'SELECT t::text FROM "{name}" t')).all())
                for name in names
            }
    log = capfd.readouterr()
    seen = {**tables, "log": log.out + log.err}
    assert "webhook_endpoint_disabled" in seen["log"], "the search is not blind"
    assert [name for name, text in seen.items() if CANARY in text] == ["endpoints"]
    for secret in (made["secret"], rotated["secret"], server_secret):
        for form in (secret, secret.removeprefix("whsec_")):
            assert [name for name, text in seen.items() if form in text] == []
