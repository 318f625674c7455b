"""The key ring: one first key for everybody, found by every process, asked for once a second at most."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from pydantic import SecretStr
from sqlalchemy import delete, event, func, select

from hedgerow_core.domain import new_id
from hedgerow_core.persistence import Database
from hedgerow_core.security.seal import Seal
from hedgerow_core.testing import FakeClock
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.session import SessionId
from hedgerow_users.infrastructure.jwt_access_tokens import JwtAccessTokens
from hedgerow_users.infrastructure.server_secret import Purpose, users_secret
from hedgerow_users.infrastructure.signing_key_store import SigningKeyStore
from hedgerow_users.infrastructure.signing_keys import LOOK_INTERVAL, SigningKeys
from hedgerow_users.infrastructure.tables import signing_keys

SECRET = users_secret(SecretStr("for tests alone, and so it is no secret"), None, folder=Path("nowhere"))
SEAL = Seal(SECRET, Purpose.SIGNING_KEY_SEAL)


def ring_of(database: Database, clock: FakeClock) -> SigningKeys:
    return SigningKeys(SigningKeyStore(database, SEAL, clock), clock)


async def test_processes_that_start_at_once_agree_on_one_key(database: Database, clock: FakeClock) -> None:
    rings = [ring_of(database, clock) for _ in range(5)]
    kids = {key.kid for key in await asyncio.gather(*(ring.current() for ring in rings for _ in range(2)))}
    async with database.reading() as connection:
        stored = (await connection.execute(select(func.count()).select_from(signing_keys))).scalar_one()
    assert (len(kids), stored) == (1, 1)


async def test_a_key_survives_the_process(database: Database, clock: FakeClock) -> None:
    made = await ring_of(database, clock).current()
    assert (await ring_of(database, clock).current()).public == made.public


async def test_the_key_of_another_process_is_found(database: Database, clock: FakeClock) -> None:
    here, there = ring_of(database, clock), ring_of(database, clock)
    assert await here.find_public("unheard of") is None
    made = await there.current()
    clock.advance(LOOK_INTERVAL)
    assert await here.find_public(made.kid) is not None


async def test_invented_kids_cost_one_look_a_second(database: Database, clock: FakeClock) -> None:
    ring = ring_of(database, clock)
    kid = (await ring.current()).kid
    statements = 0

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    clock.advance(LOOK_INTERVAL)
    for n in range(50):
        assert await ring.find_public(f"invented {n}") is None
        assert await ring.find_public(kid) is not None
    assert statements == 1


async def test_a_clock_set_back_does_not_stop_looking(database: Database, clock: FakeClock) -> None:
    here, there = ring_of(database, clock), ring_of(database, clock)
    assert await here.find_public("unheard of") is None
    clock.advance(-timedelta(days=1))
    assert await here.find_public((await there.current()).kid) is not None


async def test_published_keys_are_never_empty_and_the_same_everywhere(database: Database, clock: FakeClock) -> None:
    here, there = ring_of(database, clock), ring_of(database, clock)
    assert list(await here.published()) == list(await there.published())
    assert len(await here.published()) == 1


async def test_a_removed_key_is_no_longer_believed(database: Database, clock: FakeClock) -> None:
    ring = ring_of(database, clock)
    kid = (await ring.current()).kid
    async with database.transaction() as connection:
        await connection.execute(delete(signing_keys))
    await ring.refresh()
    assert await ring.find_public(kid) is None


@pytest.mark.parametrize("fraction", [timedelta(0), timedelta(microseconds=123_456)])
async def test_an_access_token_is_a_jwt_of_five_minutes(
    database: Database, clock: FakeClock, fraction: timedelta
) -> None:
    clock.advance(fraction)
    keys = ring_of(database, clock)
    tokens = JwtAccessTokens(
        keys, clock, issuer="hedgerow-users", audience="hedgerow", lifetime=timedelta(seconds=300)
    )
    account, session = AccountId(new_id()), SessionId(new_id())
    token = (await tokens.issue(account_id=account, session_id=session, roles=("user",))).token.reveal()
    key = await keys.current()
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "at+jwt", "kid": key.kid}
    claims = jwt.decode(
        token, key.jwk, ["EdDSA"], options={"verify_exp": False, "verify_aud": False, "verify_iat": False}
    )
    now = clock.now().timestamp()
    assert len(claims.pop("jti")) == 36
    assert claims == {
        "iss": "hedgerow-users",
        "aud": "hedgerow",
        "sub": str(account),
        "sid": str(session),
        "iat": now,
        "exp": now + 300,
        "roles": ["user"],
    }
