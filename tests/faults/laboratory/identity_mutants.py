"""Builds of users and of the host's front door that are broken on purpose; see `mutants`."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any


def checks_then_updates() -> None:
    """A refresh token is looked at, and marked as used afterwards; each caller gets a successor of its own."""
    from sqlalchemy import update

    from hedgerow_core.domain import Secret
    from hedgerow_users.infrastructure.refresh_successors import HmacRefreshSuccessors
    from hedgerow_users.infrastructure.session_repository import SessionRepository
    from hedgerow_users.infrastructure.tables import refresh_tokens

    async def redeem(self: Any, token_hash: bytes, client: Any, *, at: Any) -> Any:
        found = await self.find_token(token_hash)
        if found is None or found.used_at is not None:
            return None
        await asyncio.sleep(0.02)
        used = update(refresh_tokens).where(refresh_tokens.c.hash == token_hash)
        await self._connection.execute(used.values(used_at=at, used_by=client.fingerprint))
        return found

    SessionRepository.redeem = redeem  # type: ignore[method-assign]
    HmacRefreshSuccessors.of = lambda *_: [Secret(secrets.token_urlsafe(32))]  # type: ignore[method-assign]


def counts_no_guesses() -> None:
    """Whoever wants to may try passwords for as long as the network's quota allows."""
    from hedgerow_users.application.login_guard import GuardedLogIn

    async def unguarded(self: Any, *, network: str, **options: Any) -> Any:
        return await self._log_in(**options)

    GuardedLogIn.__call__ = unguarded  # type: ignore[method-assign, assignment]


def hashes_on_the_loop() -> None:
    """A password is hashed where every other request waits."""
    from hedgerow_users.infrastructure.argon2_hasher import Argon2Hasher

    async def in_no_thread(_self: Any, work: Callable[[], Any]) -> Any:
        return work()

    Argon2Hasher._in_a_thread = in_no_thread  # type: ignore[method-assign]


def reads_revocations_seldom() -> None:
    """A process learns of revocations every three seconds."""
    from hedgerow_users.infrastructure import keeping_up

    keeping_up.REVOCATIONS_EVERY_S = 3.0


def hears_of_no_revocations() -> None:
    """A host without users takes over its keys, and not whom it has shut out."""
    from hedgerow_core.identity.remote_issuer import RemoteIssuer

    sound = RemoteIssuer.take

    def take(self: Any, news: Any, **options: Any) -> None:
        sound(self, news.model_copy(update={"revoked": {}}), **options)

    RemoteIssuer.take = take  # type: ignore[method-assign]


def confirms_keys_once() -> None:
    """A host without users asks about an API key once, and goes by that for ever."""
    from hedgerow_core.identity import confirming

    confirming.CONFIRMED_FOR_S = 3600.0


def believes_what_nobody_confirms() -> None:
    """A host without users goes on with what it heard of it, however long ago."""
    from hedgerow_core.identity import confirming, remote_issuer
    from hedgerow_core.security import revocations

    remote_issuer.BELIEVED_FOR_S = confirming.BELIEVED_FOR_S = revocations.BELIEVED_FOR_S = 3600.0


def listens_for_ever() -> None:
    """uvicorn as it comes, and bodies without a deadline."""
    from hedgerow_core.http.middleware import RequestBoundary
    from hedgerow_host import api

    _default(RequestBoundary, "body_within_s", 3600.0)
    api.PatientProtocol = "httptools"  # type: ignore[misc, assignment]


def takes_everything() -> None:
    """uvicorn as it comes, bodies of any size and JSON of any depth."""
    from hedgerow_core.http import json_bodies
    from hedgerow_core.http.middleware import RequestBoundary
    from hedgerow_host import api

    _default(RequestBoundary, "max_body_bytes", 1 << 40)
    json_bodies.MAX_DEPTH = 1 << 30
    api.PatientProtocol = "httptools"  # type: ignore[misc, assignment]


def forgets_answers() -> None:
    """Answers to requests with a key are looked up, and kept by nobody."""
    from hedgerow_core.messaging.answers import RecordedAnswers

    async def nothing(*_arguments: Any) -> None:
        return None

    RecordedAnswers.recall = RecordedAnswers.record = nothing  # type: ignore[method-assign, assignment]


def _default(of: type, option: str, value: Any) -> None:
    defaults = of.__init__.__kwdefaults__  # type: ignore[misc]
    assert option in defaults, f"{of.__name__} has no {option} any more: the mutant must follow the product"
    defaults[option] = value


def patience_of(seconds: float) -> None:
    """The front door's deadlines, all of them this long: the short tier has no half minute."""
    from hedgerow_core.http.middleware import RequestBoundary
    from hedgerow_host.patient_protocol import PatientProtocol

    PatientProtocol.headers_within_s = PatientProtocol.read_within_s = seconds
    _default(RequestBoundary, "body_within_s", seconds)


IDENTITY_MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant
    for mutant in (
        checks_then_updates,
        counts_no_guesses,
        hashes_on_the_loop,
        reads_revocations_seldom,
        hears_of_no_revocations,
        confirms_keys_once,
        believes_what_nobody_confirms,
        listens_for_ever,
        takes_everything,
        forgets_answers,
    )
}
