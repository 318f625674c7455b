"""Signing keys change hands: published first, signing later, believed until the last token is gone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr
from sqlalchemy import select, update

from hedgerow_core.persistence import Database
from hedgerow_core.security.seal import Seal
from hedgerow_core.testing import FakeClock
from hedgerow_users.application.signing_key_view import KeyState, SigningKeysUnreadable
from hedgerow_users.infrastructure.server_secret import Purpose, users_secret
from hedgerow_users.infrastructure.signing_key_store import (
    PUBLISHED_AFTER_RETIREMENT,
    SIGNS_AFTER,
    SigningKeyStore,
)
from hedgerow_users.infrastructure.signing_keys import SigningKeys
from hedgerow_users.infrastructure.tables import signing_keys

OLD, NEW = SecretStr("the secret of last year, long enough"), SecretStr("the secret of this year, long enough")
NEXT, SIGNING, RETIRED, UNREADABLE = KeyState.NEXT, KeyState.SIGNING, KeyState.RETIRED, KeyState.UNREADABLE
A_MOMENT = timedelta(microseconds=1)


def seal(secret: SecretStr = OLD, previous: SecretStr | None = None) -> Seal:
    return Seal(users_secret(secret, previous, folder=Path("nowhere")), Purpose.SIGNING_KEY_SEAL)


def ring_of(
    database: Database, clock: FakeClock, secret: SecretStr = OLD, previous: SecretStr | None = None
) -> SigningKeys:
    return SigningKeys(SigningKeyStore(database, seal(secret, previous), clock), clock)


async def states(ring: SigningKeys) -> list[KeyState]:
    return [view.state for view in await ring.views()]


async def test_a_new_key_is_published_at_once_and_signs_when_every_process_knows_it(
    database: Database, clock: FakeClock
) -> None:
    operator, api = ring_of(database, clock), ring_of(database, clock)
    first = (await api.current()).kid
    clock.advance(timedelta(days=1))
    second = (await operator.rotate())[-1].kid
    await api.refresh()
    assert [key.kid for key in await api.published()] == [first, second]
    assert ((await api.current()).kid, await states(api)) == (first, [SIGNING, NEXT])
    clock.advance(SIGNS_AFTER)
    assert ((await api.current()).kid, await states(api)) == (second, [RETIRED, SIGNING])


async def test_the_old_key_is_believed_until_its_last_token_is_gone(database: Database, clock: FakeClock) -> None:
    ring = ring_of(database, clock)
    first = (await ring.current()).kid
    (view, _new) = await ring.rotate()
    clock.advance(SIGNS_AFTER + PUBLISHED_AFTER_RETIREMENT - A_MOMENT)
    await ring.refresh()
    assert await ring.find_public(first) is not None
    assert view.published_until == clock.now() + A_MOMENT
    clock.advance(A_MOMENT)
    await ring.refresh()
    assert await ring.find_public(first) is None
    assert await states(ring) == [SIGNING]


async def test_a_key_that_nobody_needs_is_deleted_by_the_next_rotation(
    database: Database, clock: FakeClock
) -> None:
    ring = ring_of(database, clock)
    await ring.current()
    for _ in range(3):
        await ring.rotate()
        clock.advance(timedelta(days=1))
    async with database.reading() as connection:
        assert len((await connection.execute(select(signing_keys.c.kid))).all()) == 2


async def test_two_rotations_at_once_leave_the_last_one_signing(database: Database, clock: FakeClock) -> None:
    ring = ring_of(database, clock)
    await ring.current()
    for _ in range(2):
        await ring.rotate()
        clock.advance(timedelta(seconds=1))
    assert await states(ring) == [SIGNING, NEXT, NEXT]
    clock.advance(SIGNS_AFTER)
    assert await states(ring) == [RETIRED, RETIRED, SIGNING]


async def test_the_table_holds_no_private_key_in_the_clear(database: Database, clock: FakeClock) -> None:
    key = await ring_of(database, clock).current()
    private = key.private.private_bytes_raw()
    async with database.reading() as connection:
        stored = (await connection.execute(select(signing_keys.c.sealed_private_key))).scalar_one()
    assert private not in stored
    assert seal().open(key.kid, stored) == private


def test_a_sealed_key_opens_under_its_own_name_and_secret_only() -> None:
    private = Ed25519PrivateKey.generate().private_bytes_raw()
    sealed = seal(OLD).close("k1", private)
    tampered = bytes([sealed[0] ^ 1]) + sealed[1:]
    assert seal(OLD).open("k1", sealed) == private
    assert seal(NEW, previous=OLD).open("k1", sealed) == private
    assert seal(OLD).open("k2", sealed) is None
    assert seal(NEW).open("k1", sealed) is None
    assert seal(OLD).open("k1", tampered) is None
    assert seal(OLD).close("k1", private) != sealed, "a nonce came twice"


async def test_a_replaced_secret_keeps_the_keys_as_long_as_it_names_the_one_before(
    database: Database, clock: FakeClock
) -> None:
    made = await ring_of(database, clock, OLD).current()
    assert (await ring_of(database, clock, NEW, previous=OLD).current()).public == made.public
    with pytest.raises(SigningKeysUnreadable):
        await ring_of(database, clock, NEW).current()


async def test_after_a_rotation_the_secret_before_is_no_longer_needed(database: Database, clock: FakeClock) -> None:
    await ring_of(database, clock, OLD).current()
    await ring_of(database, clock, NEW, previous=OLD).rotate()
    clock.advance(SIGNS_AFTER)
    ring = ring_of(database, clock, NEW)
    assert await states(ring) == [UNREADABLE, SIGNING]
    signing = (await ring.views())[-1]
    assert (await ring.current()).kid == signing.kid
    assert [key.kid for key in await ring.published()] == [signing.kid]


async def test_who_can_write_the_table_but_lacks_the_secret_makes_no_key(
    database: Database, clock: FakeClock
) -> None:
    key = await ring_of(database, clock).current()
    forged = seal(NEW).close(key.kid, Ed25519PrivateKey.generate().private_bytes_raw())
    async with database.transaction() as connection:
        await connection.execute(update(signing_keys).values(sealed_private_key=forged))
    ring = ring_of(database, clock)
    assert await ring.find_public(key.kid) is None
    with pytest.raises(SigningKeysUnreadable):
        await ring.current()


async def test_a_key_that_leaked_is_dropped_at_once_and_a_new_one_signs(
    database: Database, clock: FakeClock
) -> None:
    operator, api = ring_of(database, clock), ring_of(database, clock)
    leaked = (await api.current()).kid
    clock.advance(timedelta(days=1))
    (view,) = await operator.revoke(leaked) or ()
    await api.refresh()
    assert ((await api.current()).kid, view.state) == (view.kid, SIGNING)
    assert [key.kid for key in await api.published()] == [view.kid]
    clock.advance(timedelta(seconds=2))
    assert await api.find_public(leaked) is None


async def test_a_leaked_key_that_signs_no_more_goes_alone(database: Database, clock: FakeClock) -> None:
    ring = ring_of(database, clock)
    old = (await ring.current()).kid
    new = (await ring.rotate())[-1].kid
    clock.advance(SIGNS_AFTER)
    assert [view.kid for view in await ring.revoke(old) or ()] == [new]
    assert await ring.revoke(old) is None
    assert await ring.revoke("made up") is None


async def test_after_the_newest_key_leaked_no_retired_one_signs_again(database: Database, clock: FakeClock) -> None:
    ring = ring_of(database, clock)
    old = (await ring.current()).kid
    leaked = (await ring.rotate())[-1].kid
    clock.advance(SIGNS_AFTER)
    views = {view.kid: view.state for view in await ring.revoke(leaked) or ()}
    await ring.refresh()
    assert views.pop(old) is RETIRED
    assert list(views.items()) == [((await ring.current()).kid, SIGNING)]
