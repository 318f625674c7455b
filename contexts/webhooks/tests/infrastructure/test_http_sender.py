"""The way out, to real receivers: it goes to what was judged, follows nothing, waits so long, reads so much."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from contexts.webhooks.tests.receiver import Answer, Receiver, cut_off, endless, status
from hedgerow_core.testing import FakeClock
from hedgerow_core.testing.servers import free_port
from hedgerow_webhooks.domain.message import MAX_KEPT_ANSWER, Attempt, Failure
from hedgerow_webhooks.domain.target import Target
from hedgerow_webhooks.infrastructure.guarded_network import GuardedNetwork, NameNotFoundError, SystemResolver
from hedgerow_webhooks.infrastructure.http_sender import HttpSender
from hedgerow_webhooks.infrastructure.public_addresses import is_public

HOST = "hooks.example.org"
PATIENT = timedelta(seconds=20)


class Names:
    """A name server that answers as it is told: each answer once, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def sender(
    names: Names | SystemResolver,
    *,
    ports: frozenset[int] = frozenset({443}),
    local_too: bool = False,
    timeout: timedelta = PATIENT,
    authorities: Callable[[], ssl.SSLContext] = ssl.create_default_context,
) -> HttpSender:
    network = GuardedNetwork(names, ports=ports, local_too=local_too)
    return HttpSender(network, FakeClock(), timeout, authorities)


async def post(sender: HttpSender, url: str) -> Attempt:
    try:
        return await sender.send(Target(url), {"webhook-id": "an-id"}, b"{}")
    finally:
        await sender.close()


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["1.1.1.1", "127.0.0.1"],
        ["127.0.0.1", "1.1.1.1"],
    ],
)
async def test_a_name_that_leads_to_us_is_sent_nothing(addresses: list[str]) -> None:
    with Receiver() as receiver:
        attempt = await post(
            sender(Names(addresses), ports=frozenset({receiver.port})), f"http://{HOST}:{receiver.port}/"
        )
        assert (attempt.failure, attempt.status, receiver.received) == (Failure.FORBIDDEN_ADDRESS, None, [])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "localhost", "[::1]"])
async def test_a_number_in_any_clothes_is_judged_by_where_it_leads(host: str) -> None:
    """Should one ever come past the rules for addresses: the machine's own resolver reads all of them."""
    with Receiver() as receiver:
        attempt = await post(
            sender(SystemResolver(), ports=frozenset({receiver.port})), f"http://{host}:{receiver.port}/"
        )
        assert attempt.failure in (Failure.FORBIDDEN_ADDRESS, Failure.NAME_NOT_FOUND)
        assert receiver.received == []


async def test_a_name_that_leads_elsewhere_when_it_is_asked_again_is_not_asked_again() -> None:
    """Rebinding: what was judged is what is connected to."""
    with Receiver() as receiver:
        names = Names(["127.0.0.1"], ["169.254.169.254"])
        attempt = await post(sender(names, local_too=True), f"http://{HOST}:{receiver.port}/")
        assert (attempt.status, names.asked, len(receiver.received)) == (204, [HOST], 1)
        assert receiver.received[0].headers["host"] == f"{HOST}:{receiver.port}", "the name is what is asked for"


async def test_each_message_is_judged_anew() -> None:
    with Receiver() as receiver:
        out = sender(Names(["127.0.0.1"], ["10.0.0.1"]), local_too=True)
        target = Target(f"http://{HOST}:{receiver.port}/")
        first = await out.send(target, {}, b"{}")
        second = await out.send(target, {}, b"{}")
        await out.close()
        assert (first.status, second.failure, len(receiver.received)) == (204, Failure.FORBIDDEN_ADDRESS, 1)


async def test_a_guard_that_looks_up_twice_would_be_deceived() -> None:
    """The mutant of the rule above: it judges one look-up, and connects by another."""

    class Naive(httpcore.AnyIOBackend):
        def __init__(self, names: Names) -> None:
            super().__init__()
            self._names = names

        async def connect_tcp(self, host: str, port: int, *args: Any, **more: Any) -> httpcore.AsyncNetworkStream:
            (judged,) = await self._names.addresses(host, port)
            assert is_public(judged)
            (used,) = await self._names.addresses(host, port)
            return await super().connect_tcp(used, port, *args, **more)

    with Receiver() as receiver:
        names = Names(["1.1.1.1"], ["127.0.0.1"])
        mutant: Any = Naive(names)
        out = HttpSender(mutant, FakeClock(), PATIENT, ssl.create_default_context)
        attempt = await post(out, f"http://{HOST}:{receiver.port}/")
        assert (attempt.status, names.asked, len(receiver.received)) == (204, [HOST, HOST], 1)


async def test_a_port_that_is_not_allowed_is_sent_nothing() -> None:
    names = Names(["1.1.1.1"])
    attempt = await post(sender(names), f"https://{HOST}:6379/")
    assert attempt.failure is Failure.FORBIDDEN_ADDRESS


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_is_not_followed(code: int) -> None:
    with Receiver() as inside, Receiver(status(code, location=inside.url)) as receiver:
        attempt = await post(sender(Names(["127.0.0.1"]), local_too=True), f"http://{HOST}:{receiver.port}/")
        assert (attempt.status, attempt.arrived) == (code, False)
        assert (len(receiver.received), inside.received) == (1, [])


async def test_who_follows_redirects_would_be_led_inside() -> None:
    """The twin of the rule above: these receivers do lead there."""
    with Receiver() as inside, Receiver(status(307, location=inside.url)) as receiver:
        async with httpx.AsyncClient(follow_redirects=True, trust_env=False) as naive:
            await naive.post(receiver.url)
        assert len(inside.received) == 1


@pytest.mark.parametrize("answer", [endless(head=False, chunk=b"", pause_s=0.05), endless(head=True)])
async def test_who_never_comes_to_an_end_is_cut_off_in_time(answer: Answer) -> None:
    with Receiver(answer) as receiver:
        started = time.monotonic()
        attempt = await post(
            sender(Names(["127.0.0.1"]), local_too=True, timeout=timedelta(seconds=0.4)),
            f"http://{HOST}:{receiver.port}/",
        )
        assert attempt.failure in (Failure.TOO_SLOW, Failure.CUT_OFF)
        assert time.monotonic() - started < 10, "and not when the receiver wants"
        assert not attempt.arrived


async def test_of_a_body_without_end_the_beginning_is_kept_and_nothing_more_is_read() -> None:
    with Receiver(endless(head=False, chunk=b"\x00" * 4096, pause_s=0)) as receiver:
        attempt = await post(sender(Names(["127.0.0.1"]), local_too=True), f"http://{HOST}:{receiver.port}/")
        assert (attempt.status, len(attempt.answer)) == (200, MAX_KEPT_ANSWER)
        assert "\x00" not in attempt.answer, "PostgreSQL could not hold it"


async def test_who_does_not_answer_is_told_apart_without_naming_what_was_found() -> None:
    async def failing(answer: Answer) -> Failure | None:
        with Receiver(answer) as receiver:
            out = sender(Names(["127.0.0.1"]), local_too=True)
            return (await post(out, f"http://{HOST}:{receiver.port}/")).failure

    class Nowhere(Names):
        async def addresses(self, host: str, port: int) -> Sequence[str]:
            raise NameNotFoundError

    assert await failing(cut_off) is Failure.CUT_OFF
    nobody = await post(sender(Names(["127.0.0.1"]), local_too=True), f"http://{HOST}:{free_port()}/")
    assert nobody.failure is Failure.NOT_CONNECTED
    assert (await post(sender(Nowhere([])), f"https://{HOST}/")).failure is Failure.NAME_NOT_FOUND


async def test_a_name_server_that_hangs_uses_up_the_time_of_one_message() -> None:
    class Hanging(Names):
        async def addresses(self, host: str, port: int) -> Sequence[str]:
            await asyncio.sleep(60)
            raise AssertionError

    attempt = await post(sender(Hanging([]), timeout=timedelta(seconds=0.2)), f"https://{HOST}/")
    assert attempt.failure is Failure.TOO_SLOW


def certificate_for(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a receiver of this name shows, and what believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer_name=subject, subject_name=subject, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("10.9.9.9"))]),
            False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + private)
    shows = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shows.load_cert_chain(file)
    return shows, ssl.create_default_context(cafile=str(file))


async def test_the_certificate_must_be_that_of_the_name_although_the_connection_goes_to_an_address(
    tmp_path: Path,
) -> None:
    shows, believes = certificate_for(HOST, tmp_path)
    with Receiver(certificate=shows) as receiver:
        ours = sender(Names(["127.0.0.1"]), local_too=True, authorities=lambda: believes)
        assert (await post(ours, f"https://{HOST}:{receiver.port}/")).status == 204

        another = sender(Names(["127.0.0.1"]), local_too=True, authorities=lambda: believes)
        refused = await post(another, f"https://other.example.org:{receiver.port}/")
        unknown = sender(Names(["127.0.0.1"]), local_too=True)
        unbelieved = await post(unknown, f"https://{HOST}:{receiver.port}/")
        assert {refused.failure, unbelieved.failure} == {Failure.NOT_CONNECTED}
        assert len(receiver.received) == 1
