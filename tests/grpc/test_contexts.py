"""What users and billing serve over gRPC, for whom, and for whom not; on a real database, over a real channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import grpc.aio
import httpx
import pytest
import pytest_asyncio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from hedgerow_billing.domain.invoice import InvoiceStatus
from hedgerow_billing.interfaces.proto import billing_pb2
from hedgerow_billing.interfaces.proto.billing_pb2 import GetInvoiceRequest, Invoice
from hedgerow_core.domain import new_id
from hedgerow_host.grpc.methods import methods_of
from hedgerow_host.testing import HostApp, HostAppFactory, Person
from hedgerow_users.interfaces.proto.users_pb2 import GetUserRequest, User
from host.tests.grpc.calls import AT_MOST_S, Metadata, channel_to, refused, serving, told

ANN = {"email": "ann@example.com", "password": "correct horse battery staple"}
INVOICE = {
    "currency": "EUR",
    "lines": [{"description": "Hawthorn", "quantity": 2, "unit_price": 1250, "tax_rate": "19"}],
}
POLICY = {
    "/users.UserService/GetUser": "authenticated",
    "/billing.InvoiceService/GetInvoice": "billing:invoice:read, billing:invoice:read_any",
}
"""Who may call what, written by hand: a new method without a line fails."""


class Services:
    """Both services, called over one channel."""

    def __init__(self, host: HostApp, channel: grpc.aio.Channel) -> None:
        self.host, self.channel = host, channel
        self.get_user = channel.unary_unary(
            "/users.UserService/GetUser",
            request_serializer=GetUserRequest.SerializeToString,
            response_deserializer=User.FromString,
        )
        self.get_invoice = channel.unary_unary(
            "/billing.InvoiceService/GetInvoice",
            request_serializer=GetInvoiceRequest.SerializeToString,
            response_deserializer=Invoice.FromString,
        )

    def user(self, id: str = "", *, metadata: Metadata) -> grpc.aio.UnaryUnaryCall[Any, Any]:
        return self.get_user(GetUserRequest(id=id), metadata=metadata, timeout=AT_MOST_S)

    def invoice(self, id: object, *, by: Person) -> grpc.aio.UnaryUnaryCall[Any, Any]:
        metadata = told(self.host.doorkeeper.token(by.principal))
        return self.get_invoice(GetInvoiceRequest(id=str(id)), metadata=metadata, timeout=AT_MOST_S)


@pytest_asyncio.fixture
async def services(host_app: HostAppFactory) -> AsyncIterator[Services]:
    async with (
        host_app(("users", "billing"), "standalone") as host,
        serving(host.assembly) as server,
        channel_to(server) as channel,
    ):
        yield Services(host, channel)


async def ann_of(host: HostApp) -> httpx.AsyncClient:
    """Somebody with an account of her own, who has logged in."""
    client = host.anonymous
    await client.post("/v1/users/register", json=ANN | {"name": "Ann"})
    tokens = (await client.post("/v1/users/login", json=ANN)).json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    return client


def metadata_of(client: httpx.AsyncClient) -> Metadata:
    return (("authorization", client.headers["Authorization"]),)


async def test_every_method_has_its_line_in_the_policy(services: Services) -> None:
    assert {method.path: str(method.access) for method in methods_of(services.host.assembly)} == POLICY


async def test_an_account_is_told_to_its_owner_by_token_and_by_key_until_they_are_taken_back(
    services: Services,
) -> None:
    ann = await ann_of(services.host)
    me = (await ann.get("/v1/users/me")).json()
    made = (await ann.post("/v1/users/me/keys", json={"name": "reader", "scopes": ["users:read"]})).json()
    by_token, by_key = metadata_of(ann), told(made["key"])

    user = await services.user(metadata=by_token)
    same = await services.user(me["id"], metadata=by_key)
    other = await refused(services.user(str(new_id()), metadata=by_token))
    wrong = await refused(services.user("42", metadata=by_token))

    assert (user.id, user.email, user.name, [*user.roles]) == (me["id"], me["email"], "Ann", ["user"])
    assert user.created_at.ToJsonString() == me["created_at"]
    assert not user.HasField("verified_at")
    assert same == user
    assert (other.status, other.code) == (grpc.StatusCode.NOT_FOUND, "users.account_not_found")
    assert (wrong.status, wrong.field) == (grpc.StatusCode.INVALID_ARGUMENT, "id")

    await ann.delete(f"/v1/users/me/keys/{made['id']}")
    assert (await until_refused(services, by_key)).code == "invalid_key"
    await ann.post("/v1/users/logout-everywhere")
    assert (await until_refused(services, by_token)).code == "token_revoked"


async def until_refused(services: Services, metadata: Metadata) -> Any:
    """How it ends as soon as it is known here that a credential was taken back."""
    async with asyncio.timeout(AT_MOST_S):
        while await services.user(metadata=metadata).code() is grpc.StatusCode.OK:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return await refused(services.user(metadata=metadata))


async def test_an_invoice_is_told_to_its_customer_and_to_who_looks_after_all(services: Services) -> None:
    customer, admin = services.host.someone(), services.host.someone("admin")
    drawn = (await customer.post("/v1/billing/invoices", json=INVOICE)).json()
    opened = (await customer.post(f"/v1/billing/invoices/{drawn['id']}/open")).json()

    invoice = await services.invoice(drawn["id"], by=customer)

    assert (invoice.id, invoice.number, invoice.due_on) == (drawn["id"], opened["number"], opened["due_on"])
    assert UUID(invoice.customer_id) == customer.id
    assert invoice.status == billing_pb2.INVOICE_STATUS_OPEN
    assert (invoice.net.amount, invoice.tax.amount, invoice.total.amount) == (2500, 475, 2975)
    assert [(line.description, line.quantity, line.amount) for line in invoice.lines] == [("Hawthorn", 2, 2500)]
    assert invoice.opened_at.ToJsonString() == opened["opened_at"]
    assert not invoice.HasField("paid_at")
    assert await services.invoice(drawn["id"], by=admin) == invoice


async def test_a_foreign_invoice_looks_exactly_like_none(services: Services) -> None:
    drawn = (await services.host.someone().post("/v1/billing/invoices", json=INVOICE)).json()
    stranger = services.host.someone()

    foreign = await refused(services.invoice(drawn["id"], by=stranger))
    missing = await refused(services.invoice(new_id(), by=stranger))

    assert (foreign.status, foreign.code) == (grpc.StatusCode.NOT_FOUND, "billing.invoice_not_found")
    assert (foreign.status, foreign.code, foreign.message) == (missing.status, missing.code, missing.message)


async def test_a_key_without_the_scope_reads_no_invoice(services: Services) -> None:
    reader = services.host.someone(scopes=["users:read"])

    ended = await refused(services.invoice(new_id(), by=reader))

    assert (ended.status, ended.code) == (grpc.StatusCode.PERMISSION_DENIED, "scope_missing")


@pytest.mark.parametrize("status", InvoiceStatus)
def test_every_state_of_an_invoice_has_a_number_of_its_own(status: InvoiceStatus) -> None:
    assert billing_pb2.InvoiceStatus.Value(f"INVOICE_STATUS_{status.upper()}") > 0


async def test_health_is_that_of_the_process_a_context_or_a_service_and_has_no_stream(services: Services) -> None:
    health = HealthStub(services.channel)

    async def health_of(name: str) -> Any:
        return (await health.Check(HealthCheckRequest(service=name), timeout=AT_MOST_S)).status

    served = [await health_of(name) for name in ("", "users", "billing.InvoiceService")]
    unknown = health.Check(HealthCheckRequest(service="orchard"), timeout=AT_MOST_S)
    watch = health.Watch(HealthCheckRequest(), timeout=AT_MOST_S)

    assert served == [HealthCheckResponse.SERVING] * 3
    assert await unknown.code() is grpc.StatusCode.NOT_FOUND
    assert await watch.code() is grpc.StatusCode.UNIMPLEMENTED

    (billing,) = (one for one in services.host.assembly.contexts if one.name == "billing")
    services.host.assembly.quarantine.optional = frozenset({"billing"})
    services.host.assembly.leave_out([billing.loaded.installed.problem("is on fire", "water it")], serving=True)
    assert await health_of("billing.InvoiceService") == HealthCheckResponse.NOT_SERVING
    assert await health_of("users.UserService") == HealthCheckResponse.SERVING


async def test_reflection_shows_what_is_served_but_not_where_documents_are_hidden(services: Services) -> None:
    assert await shown_at(services.channel) == {
        "billing.InvoiceService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "users.UserService",
    }
    async with serving(services.host.assembly, docs=False) as server, channel_to(server) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await shown_at(channel)
    assert ended.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def shown_at(channel: grpc.aio.Channel) -> set[str]:
    """The services that reflection lists."""
    asked = iter([ServerReflectionRequest(list_services="")])
    answers = [each async for each in ServerReflectionStub(channel).ServerReflectionInfo(asked, timeout=AT_MOST_S)]
    return {service.name for answer in answers for service in answer.list_services_response.service}
