"""What a host knows of callers for whom another host vouches, and for how long it goes by that."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from core.tests.identity.estate import PREFIX, Garden, Lane, Watch, somebody
from hedgerow_core.domain import AuthenticationError, SystemClock, UnavailableError
from hedgerow_core.http import CookieMode
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.identity import RemoteIdentity, Voucher
from hedgerow_core.identity.hearing import DESCRIBED_EVERY_S, EVERYTHING_EVERY_S
from hedgerow_core.identity.remote_issuer import KEPT_FOR_S, LOOK_EVERY_S
from hedgerow_core.identity.telling import HELD_S
from hedgerow_core.security import BELIEVED_FOR_S, EVERYBODY, IdentityUnknown, Permission, Principal, TokenVerifier

LONG = timedelta(minutes=1)
GARBLED = [
    b"<html>",
    b"[]",
    b'{"error": 7}',
    b'{"error": {"kind": "precondition", "code": "x", "message": "y"}}',
    b'{"error": {"kind": "rate_limit", "code": "x", "message": "y", "retry_after_s": 1e300}}',
    b'{"principal": {"subject": "rose"}}',
]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def garden(watch: Watch) -> Garden:
    return Garden(watch)


@pytest.fixture
def lane(garden: Garden) -> Lane:
    return Lane(garden.voucher())


@pytest.fixture
async def identity(lane: Lane, watch: Watch) -> RemoteIdentity:
    identity = RemoteIdentity("garden", lane, InProcessLimiter(), monotonic=watch)
    await identity.hear()
    return identity


async def verified(identity: RemoteIdentity, token: str) -> Principal:
    return await TokenVerifier(identity.issuers, SystemClock()).verify(token)


async def code_of(identity: RemoteIdentity, token: str) -> str:
    with pytest.raises(AuthenticationError) as refused:
        await verified(identity, token)
    return refused.value.code


async def test_a_token_speaks_for_the_same_as_at_home(garden: Garden, identity: RemoteIdentity) -> None:
    who = somebody()

    assert await verified(identity, garden.token(who)) == who
    assert await code_of(identity, garden.token(who, aud="elsewhere")) == "invalid_token"


async def test_what_is_believed_is_what_the_home_describes(garden: Garden, watch: Watch) -> None:
    garden.cookies = [CookieMode(access_cookie="leaf")]
    identity = RemoteIdentity("garden", Lane(garden.voucher()), InProcessLimiter(), monotonic=watch)
    assert not identity.is_known

    await identity.hear()

    assert identity.is_known
    assert [authority.prefix for authority in identity.key_authorities] == [PREFIX]
    assert identity.cookies == garden.cookies
    assert identity.permissions == garden.permissions


@pytest.mark.parametrize("of", ["subject", "session", "everybody"])
async def test_who_is_shut_out_at_home_is_shut_out_here(garden: Garden, identity: RemoteIdentity, of: str) -> None:
    who, other = somebody(), somebody()
    tokens = [garden.token(each) for each in (who, other)]

    garden.revoke({"subject": who.subject, "session": who.session or EVERYBODY, "everybody": EVERYBODY}[of])
    assert await verified(identity, tokens[0]) == who, "the twin: who has not heard does not know"
    await identity.hear()

    assert await code_of(identity, tokens[0]) == "token_revoked"
    if of != "everybody":
        assert await verified(identity, tokens[1]) == other


async def test_a_revocation_up_to_a_moment_leaves_later_tokens_alone(
    garden: Garden, identity: RemoteIdentity
) -> None:
    who, moment = somebody(), time.time()
    garden.revoke(who.subject, before=moment)
    await identity.hear()

    assert await code_of(identity, garden.token(who, iat=moment - 0.001)) == "token_revoked"
    assert await verified(identity, garden.token(who, iat=moment)) == who


async def test_a_question_for_news_waits_and_is_answered_as_soon_as_there_are_any(
    garden: Garden, identity: RemoteIdentity
) -> None:
    started = time.monotonic()
    hearing = asyncio.create_task(identity.hear())
    await asyncio.sleep(0.1)
    assert not hearing.done()

    garden.revoke(somebody().subject)
    await hearing
    assert time.monotonic() - started < HELD_S / 2

    await identity.hear()
    assert time.monotonic() - started >= HELD_S, "with nothing to tell, it is held for a second"


async def test_only_what_is_new_is_told_and_now_and_then_everything(
    garden: Garden, identity: RemoteIdentity, lane: Lane, watch: Watch
) -> None:
    first, second = somebody().subject, somebody().subject
    for subject in (first, second):
        garden.revoke(subject)
        await identity.hear()
    assert told(lane) == {str(second)}

    watch.ahead += EVERYTHING_EVERY_S
    await identity.hear()
    assert told(lane) == {str(first), str(second)}


def told(lane: Lane) -> set[str]:
    return set(json.loads(lane.news[-1])["issuers"]["garden"]["revoked"])


async def test_what_the_home_forgets_is_forgotten(garden: Garden, identity: RemoteIdentity, watch: Watch) -> None:
    who = somebody()
    token = garden.token(who)
    garden.revoke(who.subject)
    await identity.hear()
    garden.revoked = {}
    watch.ahead += EVERYTHING_EVERY_S
    await identity.hear()

    assert await verified(identity, token) == who


async def test_a_process_that_has_not_read_it_yet_does_not_undo_a_revocation(watch: Watch) -> None:
    quick, late = Garden(watch), Garden(watch)
    late.pairs = quick.pairs
    lane = Lane(quick.voucher(), late.voucher())
    identity = RemoteIdentity("garden", lane, InProcessLimiter(), monotonic=watch)
    who = somebody()
    quick.revoke(who.subject)
    for _ in range(5):
        await identity.hear()
    assert await code_of(identity, quick.token(who)) == "token_revoked"

    watch.ahead += KEPT_FOR_S
    for _ in range(2):
        await identity.hear()
        late_answered = lane.said.total() % 2 == 1
        if late_answered:
            assert await verified(identity, quick.token(who)) == who, "the twin: in the end it counts who is asked"


async def test_nobody_is_believed_five_seconds_after_the_last_news(
    garden: Garden, identity: RemoteIdentity, watch: Watch
) -> None:
    token = garden.token(somebody())
    watch.ahead += BELIEVED_FOR_S - 0.5
    await verified(identity, token)
    watch.ahead += 1.0
    with pytest.raises(IdentityUnknown):
        await verified(identity, token)

    await identity.hear()
    await verified(identity, token)


async def test_news_are_as_old_as_what_the_home_has_read(
    garden: Garden, identity: RemoteIdentity, watch: Watch
) -> None:
    garden.read_at = watch() - BELIEVED_FOR_S - 0.1
    await identity.hear()

    with pytest.raises(IdentityUnknown):
        await verified(identity, garden.token(somebody()))


async def test_a_home_that_has_read_nothing_makes_nobody_known(garden: Garden, identity: RemoteIdentity) -> None:
    garden.read_at = float("-inf")
    await identity.hear()

    with pytest.raises(IdentityUnknown):
        await verified(identity, garden.token(somebody()))


async def test_a_new_key_is_known_before_it_signs_and_a_withdrawn_one_no_longer(
    garden: Garden, identity: RemoteIdentity
) -> None:
    who, old = somebody(), garden.token(somebody())
    garden.pairs["k2"] = Garden(garden.watch).pairs["k1"]
    await identity.hear()
    assert await verified(identity, garden.token(who, kid="k2")) == who
    assert garden.asked["k2"] == 0, "nobody had to ask for it"

    del garden.pairs["k1"]
    await identity.hear()
    assert await code_of(identity, old) == "invalid_token"


async def test_a_key_that_no_news_have_named_is_asked_for_once_a_second(
    garden: Garden, identity: RemoteIdentity, lane: Lane, watch: Watch
) -> None:
    who = somebody()
    forged = Garden(watch)
    forged.pairs = {f"f{number}": forged.pairs["k1"] for number in range(20)}
    for kid in forged.pairs:
        assert await code_of(identity, forged.token(who, kid=kid)) == "invalid_token"
    assert lane.said["signing-key"] == 1

    watch.ahead += LOOK_EVERY_S
    garden.pairs["k9"] = Garden(watch).pairs["k1"]
    found = await asyncio.gather(*(verified(identity, garden.token(who, kid="k9")) for _ in range(20)))
    assert set(found) == {who}
    assert lane.said["signing-key"] == 2


async def test_private_halves_and_what_cannot_be_known_elsewhere_stay_at_home(watch: Watch) -> None:
    garden = Garden(watch)
    hidden = garden.issuer(issuer="hidden", keys=None)
    blind = garden.issuer(issuer="blind", revocations=None)
    lane = Lane(garden.voucher(garden.issuer(), hidden, blind))
    identity = RemoteIdentity("garden", lane, InProcessLimiter(), monotonic=watch)
    await identity.hear()

    assert [issuer.issuer for issuer in identity.issuers] == ["garden"]
    (key,) = json.loads(lane.news[-1])["issuers"]["garden"]["keys"]
    assert key.keys() == {"kty", "crv", "x", "kid", "use", "alg"}


async def test_an_issuer_whose_people_only_its_home_knows_has_every_token_confirmed_there(watch: Watch) -> None:
    garden, who, calls = Garden(watch), somebody(), []

    async def resolve(claims: object) -> Principal:
        calls.append(claims)
        if garden.broken is not None:
            raise AuthenticationError("Nobody.", code="garden.weed")
        return who

    lane = Lane(garden.voucher(garden.issuer(resolve=resolve, is_revoked=None, revocations=None)))
    identity = RemoteIdentity("garden", lane, InProcessLimiter(), monotonic=watch)
    await identity.hear()

    token = garden.token(somebody())
    assert {await verified(identity, token) for _ in range(5)} == {who}
    assert len(calls) == 1
    assert await code_of(identity, garden.token(who)[:-4] + "AAAA") == "invalid_token"
    assert lane.said["token"] == 1, "what is not even signed gets no further than here"

    garden.broken = UnavailableError("-", retry_after=LONG)
    assert await code_of(identity, garden.token(somebody())) == "garden.weed", "its error keeps kind and code"


@pytest.mark.parametrize("garbled", GARBLED)
async def test_a_home_that_says_nonsense_of_a_caller_has_said_nothing(
    garden: Garden, identity: RemoteIdentity, lane: Lane, garbled: bytes
) -> None:
    garden.pairs["k9"] = Garden(garden.watch).pairs["k1"]
    lane.garbled = garbled
    (keys,) = identity.key_authorities

    with capture_logs() as logs, pytest.raises(IdentityUnknown):
        await keys.find(f"{PREFIX}1", "192.0.2.1")
    with pytest.raises(IdentityUnknown):
        await verified(identity, garden.token(somebody(), kid="k9"))

    assert [log["event"] for log in logs] == ["identity_misunderstood"]


async def test_of_a_token_its_home_must_say_why_it_speaks_for_nobody(watch: Watch) -> None:
    garden = Garden(watch)

    async def resolve(_claims: object) -> Principal:
        raise NotImplementedError

    lane = Lane(garden.voucher(garden.issuer(resolve=resolve, is_revoked=None, revocations=None)))
    identity = RemoteIdentity("garden", lane, InProcessLimiter(), monotonic=watch)
    await identity.hear()
    lane.garbled = b"{}"

    with pytest.raises(IdentityUnknown):
        await verified(identity, garden.token(somebody()))


async def test_a_home_that_starts_anew_with_other_settings_is_read_anew(
    garden: Garden, identity: RemoteIdentity, lane: Lane, watch: Watch
) -> None:
    who, changes = somebody(), 0
    garden.revoke(who.subject)
    garden.permissions = [*garden.permissions, Permission("garden:rose:plant", "user", "Plant roses")]

    def count() -> None:
        nonlocal changes
        changes += 1

    identity.when_changed = count
    (before,) = identity.issuers
    lane.vouchers = [garden.voucher()]
    watch.ahead += DESCRIBED_EVERY_S
    await identity.hear()
    await identity.hear()

    assert changes == 1
    assert await before.find_key("k1") is not None, "what has not changed knows what it knew"
    assert identity.permissions == garden.permissions
    assert await code_of(identity, garden.token(who)) == "token_revoked", "and everything was told anew"


@pytest.mark.parametrize(
    "nonsense",
    [
        {"context": "orchard"},
        {"permissions": [{"name": "orchard:apple:pick", "role": "user", "summary": ""}]},
        {"permissions": [{"name": "garden:rose:cut", "role": "gardener", "summary": ""}]},
        {"key_prefixes": ["e"]},
        {"issuers": [{"issuer": "garden", "audience": "here", "algorithms": ["HS256"], "types": ["at+jwt"]}]},
    ],
)
async def test_a_home_that_claims_what_is_not_its_own_is_not_believed_at_all(
    garden: Garden, watch: Watch, nonsense: dict[str, object]
) -> None:
    said = json.loads(garden.voucher().document().model_dump_json()) | nonsense

    class Liar(Lane):
        async def ask(self, what: str, question: object, **within: object) -> bytes:
            return json.dumps(said).encode() if what == "" else b"{}"

    identity = RemoteIdentity("garden", Liar(), InProcessLimiter(), monotonic=watch)
    with pytest.raises(ValueError, match=r"."):
        await identity.hear()
    assert (identity.is_known, identity.issuers, identity.key_authorities) == (False, [], ())


async def test_who_may_not_vouch_is_heard_of_its_permissions_alone(
    garden: Garden, lane: Lane, watch: Watch
) -> None:
    identity = RemoteIdentity("garden", lane, InProcessLimiter(), may_vouch=False, monotonic=watch)
    await identity.hear()

    assert identity.permissions == garden.permissions
    assert (identity.issuers, identity.key_authorities, identity.cookies) == ([], [], [])
    assert lane.said == {"": 1}, "nor is it asked for news"


async def test_it_keeps_level_by_itself_and_comes_back_after_an_outage(
    garden: Garden, lane: Lane, watch: Watch
) -> None:
    identity, who = RemoteIdentity("garden", lane, InProcessLimiter(), monotonic=watch), somebody()
    lane.away = True
    async with identity.running(), asyncio.timeout(5):
        await asyncio.sleep(0.3)
        assert not identity.is_known
        lane.away = False
        await until(lambda: identity.is_known)

        garden.revoke(who.subject)
        (issuer,) = identity.issuers
        assert issuer.is_revoked is not None
        is_revoked = issuer.is_revoked
        await until(lambda: identity.heard_s_ago < BELIEVED_FOR_S and is_revoked(who, time.time()))


async def test_a_context_that_vouches_for_nobody_is_only_asked_what_it_permits(
    garden: Garden, watch: Watch
) -> None:
    voucher = Voucher(
        "garden", issuers=(), keys=(), cookies=(), permissions=garden.permissions, clock=SystemClock()
    )
    lane = Lane(voucher)
    identity = RemoteIdentity("garden", lane, InProcessLimiter(), monotonic=watch)
    await identity.hear()
    await identity.hear()

    assert identity.permissions == garden.permissions
    assert lane.said == {"": 2}


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - it is to be noticed, not told
        await asyncio.sleep(0.01)
