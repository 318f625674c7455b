"""What a call meets on its way: who may pass, how often and for how long, and how it is told that it may not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio

from core.tests.certificates import signed_by_itself
from hedgerow_core.application import Quota
from hedgerow_core.observability.metrics import GRPC_SECONDS
from hedgerow_core.security import Principal
from hedgerow_core.testing import FakeClock
from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.discovery import load_contexts
from hedgerow_host.exits import HostError
from hedgerow_host.grpc.server import GrpcServer
from hedgerow_host.quarantine import Quarantine
from hedgerow_host.settings import Environment, HostSettings
from hedgerow_host.testing.callers import Doorkeeper, logged_in
from hedgerow_host.wire import remotes_of
from host.tests.grpc.calls import AT_MOST_S, Metadata, channel_to, refused, serving, told
from host.tests.grpc.protos import service, word_of

Install = Callable[..., None]

METHODS = ("Say", "Look", "Prune", "Wait", "Fail", "Hurry", "Reach")
READS = ("Say", "Look", "Wait")
GARDEN = f"""
    import asyncio
    from datetime import timedelta
    from hedgerow_core.application import current_cause
    from hedgerow_core.domain import ConflictError, DomainError, UnavailableError, ValidationError
    from hedgerow_core.domain.errors import PreconditionError
    from hedgerow_core.grpc import GrpcService
    from hedgerow_core.http import throttled
    from host.tests.grpc.protos import service, word_of

    GARDEN = service(*{METHODS}, reads={READS})
    Word = word_of(GARDEN)
    going, open_gate, ended = asyncio.Event(), asyncio.Event(), []
    ERRORS = {{
        "conflict": ConflictError("It is felled.", code="garden.felled", details={{"tree": "elm"}}),
        "late": PreconditionError(7),
        "wrong": ValidationError("It must be a tree.", field="text", code="garden.no_tree"),
        "away": UnavailableError("The gate is shut.", retry_after=timedelta(seconds=90)),
        "rule": DomainError("No.", code="garden.rule"),
        "long": ConflictError("It is long.", code="garden.long", details={{"rings": "o" * 10_000}}),
        "defect": RuntimeError("the password is hawthorn"),
    }}

    @public
    async def say(message, call):
        cause = current_cause()
        return Word(text=f"{{message.text}} {{cause.request_id}} {{cause.correlation_id}} {{cause.user_agent}}")

    @authenticated
    async def look(message, call):
        return Word(text=f"{{call.caller.subject}} {{current_cause().actor}}")

    @authenticated
    async def prune(message, call):
        return message

    @public
    async def wait(message, call):
        going.set()
        try:
            await open_gate.wait()
        except asyncio.CancelledError:
            ended.append(message.text)
            raise
        return message

    @public
    async def fail(message, call):
        raise ERRORS[message.text]

    @public
    @throttled("hurry", per_minute=6, burst=1)
    async def hurry(message, call):
        return message

    @permitted("garden:tree:climb", all_rows="garden:tree:climb_any")
    async def reach(message, call):
        return Word(text=str(call.rows.owner))

    @hookimpl
    def grpc_services(container, bus):
        return [GrpcService(descriptor=GARDEN, endpoints={{
            "Say": say, "Look": look, "Prune": prune, "Wait": wait, "Fail": fail, "Hurry": hurry, "Reach": reach}})]
"""
PERMISSIONS = """permissions=(
    Permission("garden:tree:climb", "user", "Climb"), Permission("garden:tree:climb_any", "admin", "Climb any")),"""
WORD = word_of(service(*METHODS))
A_MINUTE = Quota(name="host", limit=600, period=timedelta(minutes=1), burst=100)


class Garden:
    """The garden, served."""

    def __init__(
        self, assembly: Assembly, server: GrpcServer, channel: grpc.aio.Channel, doorkeeper: Doorkeeper
    ) -> None:
        import try_garden.plugin  # type: ignore[import-not-found]

        self.assembly, self.server, self.channel = assembly, server, channel
        self.plugin = try_garden.plugin
        self._doorkeeper = doorkeeper

    def call(
        self, method: str, text: str = "", *, metadata: Metadata = (), timeout: float | None = AT_MOST_S
    ) -> grpc.aio.UnaryUnaryCall[Any, Any]:
        rpc = self.channel.unary_unary(
            f"/garden.GardenService/{method}", request_serializer=bytes, response_deserializer=WORD.FromString
        )
        return rpc(WORD(text=text).SerializeToString(), metadata=metadata, timeout=timeout)

    def as_somebody(self, role: str = "user", scopes: Collection[str] | None = None) -> tuple[Principal, Metadata]:
        principal = logged_in(role, scopes=scopes)
        return principal, told(self._doorkeeper.token(principal))


def composed(clock: FakeClock, folder: Path, doorkeeper: Doorkeeper, *contexts: str) -> Assembly:
    loaded = load_contexts(contexts)
    return assemble(
        loaded,
        environment=Environment.DEV,
        data_dir=folder,
        clock=clock,
        quota=A_MINUTE,
        issuers=(doorkeeper.issuer,),
        quarantine=Quarantine(contexts),
    )


@pytest_asyncio.fixture
async def garden(install: Install, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Garden]:
    install("garden", GARDEN, manifest=PERMISSIONS)
    doorkeeper = Doorkeeper(clock)
    assembly = composed(clock, tmp_path, doorkeeper, "garden")
    async with serving(assembly) as server, channel_to(server) as channel:
        yield Garden(assembly, server, channel, doorkeeper)


# Who calls


async def test_nobody_passes_who_does_not_say_who_they_are(garden: Garden) -> None:
    ended = await refused(garden.call("Look"))

    assert (ended.status, ended.code) == (grpc.StatusCode.UNAUTHENTICATED, "not_authenticated")


async def test_a_token_that_nobody_here_has_issued_is_refused(garden: Garden, clock: FakeClock) -> None:
    forged = Doorkeeper(clock).token(logged_in("admin"))

    ended = await refused(garden.call("Look", metadata=told(forged)))

    assert (ended.status, ended.code) == (grpc.StatusCode.UNAUTHENTICATED, "invalid_token")


async def test_a_cookie_says_nothing(garden: Garden) -> None:
    _somebody, ((_name, token),) = garden.as_somebody()

    ended = await refused(garden.call("Look", metadata=(("cookie", f"access={token.removeprefix('Bearer ')}"),)))

    assert ended.status is grpc.StatusCode.UNAUTHENTICATED


async def test_who_has_a_token_is_known_to_the_endpoint_and_to_whatever_it_sets_going(garden: Garden) -> None:
    somebody, metadata = garden.as_somebody()

    answer = await garden.call("Look", metadata=metadata)

    assert answer.text == f"{somebody.subject} {somebody.subject}"


@pytest.mark.parametrize(
    ("method", "scope", "lacks"),
    [("Look", "garden:read", "garden:write"), ("Prune", "garden:write", "garden:read")],
)
async def test_a_key_needs_the_scope_of_what_the_proto_says_that_the_method_does(
    garden: Garden, method: str, scope: str, lacks: str
) -> None:
    _owner, fitting = garden.as_somebody(scopes=[scope])
    _other, unfit = garden.as_somebody(scopes=[lacks])

    await garden.call(method, metadata=fitting)
    ended = await refused(garden.call(method, metadata=unfit))

    assert (ended.status, ended.code) == (grpc.StatusCode.PERMISSION_DENIED, "scope_missing")


async def test_who_may_reach_all_rows_does_and_others_reach_their_own(garden: Garden) -> None:
    somebody, metadata = garden.as_somebody()
    _admin, of_admin = garden.as_somebody("admin")
    _nobody, of_nobody = garden.as_somebody("stranger")

    assert (await garden.call("Reach", metadata=metadata)).text == str(somebody.subject)
    assert (await garden.call("Reach", metadata=of_admin)).text == "None"
    ended = await refused(garden.call("Reach", metadata=of_nobody))
    assert (ended.status, ended.code) == (grpc.StatusCode.PERMISSION_DENIED, "not_permitted")


# What is sent


async def test_what_is_no_message_is_told_so_but_to_no_stranger(garden: Garden) -> None:
    rpc = garden.channel.unary_unary("/garden.GardenService/Look")
    _somebody, metadata = garden.as_somebody()

    ended = await refused(rpc(b"\xff\xff", metadata=metadata, timeout=AT_MOST_S))
    of_stranger = await refused(rpc(b"\xff\xff", timeout=AT_MOST_S))
    none = await refused(
        garden.channel.stream_unary("/garden.GardenService/Look")(iter(()), metadata=metadata, timeout=AT_MOST_S)
    )

    assert (none.status, none.code) == (grpc.StatusCode.INVALID_ARGUMENT, "message_unreadable")
    assert (ended.status, ended.code) == (grpc.StatusCode.INVALID_ARGUMENT, "message_unreadable")
    assert of_stranger.status is grpc.StatusCode.UNAUTHENTICATED


async def never_sent() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def test_who_never_sends_its_message_keeps_no_place(garden: Garden) -> None:
    _somebody, metadata = garden.as_somebody()
    async with serving(garden.assembly, longest_call_s=0.2) as server, channel_to(server) as channel:
        look = channel.stream_unary("/garden.GardenService/Look")
        of_stranger = await refused(look(never_sent(), timeout=AT_MOST_S))
        known = await refused(look(never_sent(), metadata=metadata, timeout=None))
        probe = channel.stream_unary("/grpc.health.v1.Health/Check")(never_sent(), timeout=None)

        assert of_stranger.status is grpc.StatusCode.UNAUTHENTICATED
        assert (known.status, known.code) == (grpc.StatusCode.DEADLINE_EXCEEDED, "call_too_slow")
        assert await probe.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_message_that_is_too_large_is_refused_and_one_just_below_is_taken(garden: Garden) -> None:
    fits = await garden.call("Say", "x" * 1_000_000)
    ended = await refused(garden.call("Wait", "x" * 1_100_000))

    assert len(fits.text) > 1_000_000
    assert ended.status is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not garden.plugin.going.is_set()


async def test_calls_are_counted_by_method_and_status(garden: Garden) -> None:
    before = counted()

    await garden.call("Say", "elm")
    await refused(garden.call("Prune", "elm"))

    said, pruned = ("/garden.GardenService/Say", "OK"), ("/garden.GardenService/Prune", "UNAUTHENTICATED")
    assert counted() - before == Counter({said: 1, pruned: 1})


def counted() -> Counter[tuple[str, str]]:
    """How many calls were counted, by what they were and how they ended."""
    samples = [sample for family in GRPC_SECONDS.collect() for sample in family.samples]
    return Counter(
        {
            (sample.labels["call"], sample.labels["code"]): int(sample.value)
            for sample in samples
            if sample.name.endswith("_count")
        }
    )


async def test_what_nobody_serves_is_unimplemented(garden: Garden) -> None:
    assert (await refused(garden.call("Fly"))).status is grpc.StatusCode.UNIMPLEMENTED


# How it is named


async def test_a_call_keeps_the_id_and_the_trace_that_it_comes_with(garden: Garden) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    metadata = (("x-request-id", "me-42"), ("traceparent", f"00-{trace}-b7ad6b7169203331-01"))

    call = garden.call("Say", "hello", metadata=metadata)
    answer, trailing = await call, dict(await call.trailing_metadata())

    assert answer.text.startswith(f"hello me-42 {trace} grpc-python")
    assert trailing["x-request-id"] == "me-42"


async def test_a_call_without_a_name_gets_one_and_a_bad_one_is_not_taken_over(garden: Garden) -> None:
    call = garden.call("Say", metadata=(("x-request-id", "a b"), ("traceparent", "nonsense")))
    await call

    assert len(dict(await call.trailing_metadata())["x-request-id"]) == 32


# How it ends


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        ("conflict", grpc.StatusCode.FAILED_PRECONDITION, "garden.felled"),
        ("late", grpc.StatusCode.ABORTED, "precondition_failed"),
        ("wrong", grpc.StatusCode.INVALID_ARGUMENT, "garden.no_tree"),
        ("away", grpc.StatusCode.UNAVAILABLE, "unavailable"),
        ("rule", grpc.StatusCode.FAILED_PRECONDITION, "garden.rule"),
        ("long", grpc.StatusCode.FAILED_PRECONDITION, "garden.long"),
        ("defect", grpc.StatusCode.INTERNAL, "internal_error"),
    ],
)
async def test_an_error_is_told_by_status_and_code(
    garden: Garden, error: str, status: grpc.StatusCode, code: str
) -> None:
    ended = await refused(garden.call("Fail", error))

    assert (ended.status, ended.code) == (status, code)
    assert "hawthorn" not in str(ended)


async def test_details_say_which_field_was_wrong_when_to_come_back_and_what_to_quote(garden: Garden) -> None:
    wrong, away = await refused(garden.call("Fail", "wrong")), await refused(garden.call("Fail", "away"))
    defect = await refused(garden.call("Fail", "defect"))

    assert wrong.field == "text"
    assert (away.retry_s, away.metadata["retry-after"]) == (90, "90")
    assert len(defect.trace_id) == 32
    assert defect.trace_id in (defect.message or "")


async def test_who_calls_too_often_is_told_when_to_come_back(garden: Garden) -> None:
    call = garden.call("Hurry")
    await call
    ended = await refused(garden.call("Hurry"))

    assert "hurry" in dict(await call.trailing_metadata())["ratelimit"]
    assert (ended.status, ended.code) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "rate_limited")
    assert 0 < ended.retry_s <= 10


@pytest.mark.parametrize(
    ("trusted", "second"), [("127.0.0.1/32", grpc.StatusCode.OK), (None, grpc.StatusCode.RESOURCE_EXHAUSTED)]
)
async def test_callers_are_told_apart_behind_a_proxy_that_is_trusted_and_behind_no_other(
    garden: Garden, trusted: str | None, second: grpc.StatusCode
) -> None:
    async with serving(garden.assembly, trusted_proxies=trusted) as server, channel_to(server) as channel:
        behind = Garden(garden.assembly, server, channel, Doorkeeper(FakeClock()))
        await behind.call("Hurry", metadata=(("x-forwarded-for", "192.0.2.1"),))
        other = behind.call("Hurry", metadata=(("x-forwarded-for", "192.0.2.2"),))

        assert await other.code() is second


# How long it takes


async def test_what_a_caller_waits_for_no_longer_is_cancelled(garden: Garden) -> None:
    async with asyncio.timeout(AT_MOST_S):
        while not garden.plugin.ended:  # on a busy machine it may not even have begun
            ended = await refused(garden.call("Wait", "elm", timeout=0.3))
            await asyncio.sleep(0.1)

    assert ended.status is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_our_own_patience_ends_where_a_caller_sets_no_deadline(garden: Garden) -> None:
    async with serving(garden.assembly, longest_call_s=0.2) as server, channel_to(server) as channel:
        impatient = Garden(garden.assembly, server, channel, Doorkeeper(FakeClock()))
        ended = await refused(impatient.call("Wait", "oak", timeout=None))

    assert (ended.status, ended.code) == (grpc.StatusCode.DEADLINE_EXCEEDED, "call_too_slow")
    assert garden.plugin.ended == ["oak"]


async def test_a_server_that_drains_lets_end_what_has_begun_and_turns_away_what_comes(garden: Garden) -> None:
    begun = garden.call("Wait", "yew")
    await garden.plugin.going.wait()

    draining = asyncio.create_task(garden.server.drain())
    await asyncio.sleep(0)
    late = await refused(garden.call("Say"))
    waits = not draining.done()
    garden.plugin.open_gate.set()

    assert (late.status, late.code) == (grpc.StatusCode.UNAVAILABLE, "shutting_down")
    assert waits
    assert (await begun).text == "yew"
    await draining


async def test_who_calls_and_calls_while_it_drains_is_always_answered(garden: Garden) -> None:
    seen: Counter[grpc.StatusCode] = Counter()
    begun, drained = asyncio.Event(), False

    async def storm() -> None:
        while not drained:
            seen[await garden.call("Say").code()] += 1
            begun.set()

    callers = [asyncio.create_task(storm()) for _ in range(5)]
    await begun.wait()
    await garden.server.drain()
    drained = True
    await asyncio.gather(*callers)

    assert seen[grpc.StatusCode.OK]
    assert grpc.StatusCode.DEADLINE_EXCEEDED not in seen


# Where it is served


async def test_contexts_that_are_out_are_unavailable_and_others_go_on(
    install: Install, clock: FakeClock, tmp_path: Path
) -> None:
    install("garden", GARDEN, manifest=PERMISSIONS)
    install("meadow", "")
    doorkeeper = Doorkeeper(clock)
    assembly = composed(clock, tmp_path, doorkeeper, "garden", "meadow")
    (meadow,) = (one for one in assembly.contexts if one.name == "meadow")
    async with serving(assembly) as server, channel_to(server) as channel:
        garden = Garden(assembly, server, channel, doorkeeper)
        assembly.leave_out([meadow.loaded.installed.problem("is on fire", "water it")], serving=True)
        out = await refused(channel.unary_unary("/meadow.MeadowService/Mow")(b"", timeout=AT_MOST_S))
        answered = await garden.call("Say", "still here")
        (own,) = (one for one in assembly.contexts if one.name == "garden")
        assembly.leave_out([own.loaded.installed.problem("has died", "plant it")], serving=True)
        later = await refused(garden.call("Say"))

    assert (out.status, out.code, out.retry_s) == (grpc.StatusCode.UNAVAILABLE, "context_quarantined", 60)
    assert answered.text.startswith("still here")
    assert (later.status, later.code) == (grpc.StatusCode.UNAVAILABLE, "context_quarantined")


async def test_who_calls_a_context_that_lives_elsewhere_is_told_so_and_not_to_try_again(
    install: Install, clock: FakeClock, tmp_path: Path
) -> None:
    install("garden", GARDEN, manifest=PERMISSIONS)
    settings = HostSettings(remotes={"orchard": {"url": "http://127.0.0.1:9", "optional": True}}, data_dir=tmp_path)
    assembly = assemble(
        load_contexts(["garden"]),
        environment=Environment.DEV,
        data_dir=tmp_path,
        remotes=remotes_of(settings, ["garden"], clock=clock),
    )
    async with serving(assembly) as server, channel_to(server) as channel:
        ended = await refused(channel.unary_unary("/orchard.Orchard/Pick")(b"", timeout=AT_MOST_S))

    assert (ended.status, ended.code) == (grpc.StatusCode.UNIMPLEMENTED, "context_elsewhere")


async def test_with_a_certificate_nobody_is_served_in_the_clear(
    install: Install, clock: FakeClock, tmp_path: Path
) -> None:
    install("garden", GARDEN, manifest=PERMISSIONS)
    certificate, key = signed_by_itself(tmp_path)
    trusting = grpc.ssl_channel_credentials(certificate.read_bytes())
    assembly = composed(clock, tmp_path, Doorkeeper(clock), "garden")
    async with serving(assembly, grpc_tls_cert=certificate, grpc_tls_key=key) as server:
        async with grpc.aio.secure_channel(f"127.0.0.1:{server.port}", trusting) as channel:
            answered = await Garden(assembly, server, channel, Doorkeeper(clock)).call("Say", "shh")
        async with channel_to(server) as channel:
            in_clear = await refused(Garden(assembly, server, channel, Doorkeeper(clock)).call("Say"))

    assert answered.text.startswith("shh")
    assert in_clear.status is grpc.StatusCode.UNAVAILABLE


async def test_files_that_are_no_certificate_end_the_start(
    install: Install, clock: FakeClock, tmp_path: Path
) -> None:
    install("garden", GARDEN, manifest=PERMISSIONS)
    certificate, key = signed_by_itself(tmp_path)
    assembly = composed(clock, tmp_path, Doorkeeper(clock), "garden")
    for files in ((certificate, certificate), (tmp_path / "none.crt", key)):
        with pytest.raises(HostError, match="HEDGEROW_GRPC_TLS_CERT and HEDGEROW_GRPC_TLS_KEY are of no use"):
            async with serving(assembly, grpc_tls_cert=files[0], grpc_tls_key=files[1]):
                pass


async def test_a_taken_port_ends_the_start(garden: Garden) -> None:
    with pytest.raises(HostError, match=f"cannot serve gRPC on 127.0.0.1:{garden.server.port}"):
        async with serving(garden.assembly, grpc_port=garden.server.port):
            pass
