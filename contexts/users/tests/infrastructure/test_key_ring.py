"""How often the database is asked about keys: rarely for those that work, and less for those that never did."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, text, update

from contexts.users.tests.key_corpus import forged_keys
from hedgerow_core.application import Claim, Verdict
from hedgerow_core.domain import RateLimitError, UnavailableError
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.messaging import unit_of_work
from hedgerow_core.persistence import Database
from hedgerow_core.testing import FakeClock
from hedgerow_users.container import UsersContainer
from hedgerow_users.domain.account import Account
from hedgerow_users.domain.api_key import ApiKey, KeyOwner
from hedgerow_users.domain.api_key_text import KeyText, checksum_of
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import Name
from hedgerow_users.infrastructure import key_ring
from hedgerow_users.infrastructure.key_ring import BELIEVED_FOR_S, FIRST_LOOKS, KeyRing
from hedgerow_users.infrastructure.key_uses import KeyUses
from hedgerow_users.infrastructure.tables import api_keys

HERE, THERE = "192.0.2.1", "198.51.100.1"
now = 1_000.0


@pytest.fixture
async def key(container: UsersContainer, database: Database, clock: FakeClock) -> str:
    """The key of somebody new."""
    account = Account.register(email=Email("ada@example.org"), name=Name("Ada"), password_hash=None, at=clock.now())
    owner = KeyOwner(account_id=account.id)
    made, kept = ApiKey.make(
        owner, name=Name("x"), scopes=["users:read"], lifetime=timedelta(days=1), at=clock.now()
    )
    async with unit_of_work(database, container.work, lambda: None) as work:
        await work.accounts.add(account)
        await work.api_keys.add(kept)
    return made.secret.reveal()


def ring_on(database: Database, clock: FakeClock, **more: bool) -> KeyRing:
    limiter = InProcessLimiter(now_us=lambda: round(now * 1e6))
    return KeyRing(database, limiter, clock, KeyUses(database), monotonic=lambda: now, **more)


@pytest.fixture
def ring(database: Database, clock: FakeClock) -> KeyRing:
    return ring_on(database, clock)


@contextmanager
def questions(database: Database) -> Iterator[list[str]]:
    """The statements about keys that are sent meanwhile."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "api_keys" in statement:
            asked.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield asked
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_however_many_come_with_a_key_it_is_asked_about_once_in_half_a_second(
    ring: KeyRing, key: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with questions(database) as asked:
        found = await asyncio.gather(*(ring.find(key, HERE) for _ in range(50)))
        monkeypatch.setitem(globals(), "now", now + BELIEVED_FOR_S)
        await ring.find(key, HERE)
        assert (len(asked), {principal.scopes for principal in found if principal}) == (
            1,
            {frozenset({"users:read"})},
        )
        monkeypatch.setitem(globals(), "now", now + 0.01)
        await asyncio.gather(*(ring.find(key, HERE) for _ in range(50)))
    assert len(asked) == 2


async def test_what_is_no_whole_key_asks_nobody(ring: KeyRing, key: str, database: Database) -> None:
    wrong = [key[:-1] + ("a" if key[-1] != "a" else "b"), key[:-1], key + "a", "hgk_", "hgk_" + "\ud800" * 57]
    with questions(database) as asked:
        assert [await ring.find(text, HERE) for text in wrong * 40] == [None] * 200
    assert asked == []


async def test_a_key_of_the_right_name_with_another_secret_is_not_good(ring: KeyRing, key: str) -> None:
    forged = key[:12] + ("a" if key[12] != "a" else "b") + key[13:-6]
    assert await ring.find(forged + checksum_of(forged), HERE) is None
    assert await ring.find(key, HERE) is not None, "the twin"


async def test_guessing_is_bounded_by_network_and_shuts_nobody_out_who_works_already(
    ring: KeyRing, key: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await ring.find(key, HERE) is not None
    guesses = [KeyText.new().secret.reveal() for _ in range(200)]
    with questions(database) as asked:
        outcomes = await asyncio.gather(*(ring.find(guess, HERE) for guess in guesses), return_exceptions=True)
    assert len(asked) == FIRST_LOOKS.burst - 1, "the good key was looked at, too"
    assert {type(outcome) for outcome in outcomes} == {type(None), RateLimitError}

    monkeypatch.setitem(globals(), "now", now + 1)
    assert await ring.find(key, HERE) is not None
    assert await ring.find(guesses[-1], THERE) is None, "another network"


async def test_the_bound_on_guessing_can_fail(database: Database, clock: FakeClock) -> None:
    ring = KeyRing(database, Lenient(), clock, KeyUses(database))
    with questions(database) as asked:
        for _ in range(FIRST_LOOKS.burst + 5):
            await ring.find(KeyText.new().secret.reveal(), HERE)
    assert len(asked) == FIRST_LOOKS.burst + 5


async def test_a_revoked_key_is_a_guess_like_any_other(
    ring: KeyRing, key: str, database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await ring.find(key, HERE) is not None
    async with database.transaction() as connection:
        await connection.execute(update(api_keys).values(revoked_at=clock.now()))
    assert await ring.find(key, HERE) is not None, "the twin: for half a second nobody asks"
    monkeypatch.setitem(globals(), "now", now + BELIEVED_FOR_S + 0.01)

    assert await ring.find(key, HERE) is None
    for _ in range(FIRST_LOOKS.burst - 1):
        assert await ring.find(key, HERE) is None
    with pytest.raises(RateLimitError):
        await ring.find(key, HERE)


async def test_while_the_database_is_away_no_key_is_believed_for_long(
    ring: KeyRing, key: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await ring.find(key, HERE) is not None
    monkeypatch.setitem(globals(), "now", now + BELIEVED_FOR_S + 0.01)
    async with database.transaction() as connection:
        await connection.execute(text("SET LOCAL lock_timeout = '1s'"))
        await connection.execute(text("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await ring.find(key, HERE)
    assert await ring.find(key, HERE) is not None, "who went away has not taken the answer along"


async def test_where_addresses_must_be_confirmed_a_key_waits_for_it(
    key: str, database: Database, clock: FakeClock
) -> None:
    strict = ring_on(database, clock, require_verified_email=True)
    assert await strict.find(key, HERE) is None
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE accounts SET verified_at = now()"))
    assert await strict.find(key, HERE) is not None


async def test_uses_that_could_not_be_written_wait(
    key: str, database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    uses = KeyUses(database)
    ring = KeyRing(database, InProcessLimiter(), clock, uses)
    await ring.find(key, HERE)

    def away() -> None:
        raise UnavailableError("away", retry_after=timedelta(seconds=1))

    with monkeypatch.context() as gone:
        gone.setattr(database, "transaction", away)
        with pytest.raises(UnavailableError):
            await uses.write()
    await uses.write()
    assert await last_use(database) == clock.now()


async def test_a_key_is_found_by_its_index(database: Database) -> None:
    async with database.reading() as connection:
        await connection.execute(text("SET enable_seqscan = off"))
        plan = (await connection.execute(text("EXPLAIN SELECT 1 FROM api_keys WHERE public_id = 'x'"))).scalars()
        assert "uq_api_keys_public_id" in "\n".join(plan)


class Lenient:
    """A limiter that counts nothing, so that every forged key is looked at."""

    async def spend(self, *_claims: Claim) -> Verdict:
        return Verdict(retry_after=timedelta(0), standings=())

    def give_back(self, _claim: Claim) -> None: ...


async def believed(database: Database, clock: FakeClock, keys: Iterable[str]) -> list[str]:
    ring = KeyRing(database, Lenient(), clock, KeyUses(database))
    return [text for text in keys if await ring.find(text, HERE) is not None]


async def test_no_key_of_the_corpus_is_believed(key: str, database: Database, clock: FakeClock) -> None:
    corpus = set(forged_keys(key)) - {key}

    assert len(corpus) >= 300
    assert await believed(database, clock, corpus) == []
    assert await believed(database, clock, [key]) == [key], "the twin"


async def test_the_corpus_finds_a_ring_that_compares_names_alone(
    key: str, database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_ring, "compare_digest", lambda _one, _other: True)

    assert len(await believed(database, clock, forged_keys(key))) > 40


async def test_writing_uses_down_waits_for_nobody(key: str, database: Database, clock: FakeClock) -> None:
    uses = KeyUses(database)
    await KeyRing(database, Lenient(), clock, uses).find(key, HERE)
    async with database.transaction() as connection:
        await connection.execute(text("SELECT 1 FROM api_keys FOR UPDATE"))
        async with asyncio.timeout(2):
            await uses.write()
    assert await last_use(database) is None, "whoever changes a key at that moment wins"
    await KeyRing(database, Lenient(), clock, uses).find(key, HERE)
    await uses.write()
    assert await last_use(database) == clock.now()


async def last_use(database: Database) -> object:
    async with database.reading() as connection:
        return (await connection.execute(text("SELECT last_used_at FROM api_keys"))).scalar_one()
