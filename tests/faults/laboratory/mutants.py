"""Builds of the product that are broken on purpose, each in one statement or function. A child applies one by name.

An experiment that stays green on its mutant checks nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from hedgerow_core.messaging import RemoteRelay, cursors, deliveries, remote_cursors
from hedgerow_core.messaging.dispatcher import Dispatcher
from hedgerow_core.messaging.turn import Turn
from hedgerow_core.messaging.work import LedgerWork

WINDOW_S = 0.03
"""How long a mutant's gap between two transactions stays open: time enough for a kill to fall into it."""


def completes_without_token() -> None:
    """Whoever comes to the end completes, also under a lease that has gone to somebody else."""
    _change("_COMPLETE", "AND state = 'processing' AND token = :token", "")

    async def complete(self: Turn, connection: Any, ids: Any) -> None:
        await deliveries.complete(connection, self.claim, ids)

    Turn.complete = complete  # type: ignore[method-assign]


def forgets_orphans() -> None:
    """What a dead worker left in `processing` is never claimed again."""
    for claim in ("_CLAIM", "_CLAIM_ORPHANS"):
        _change(claim, "'pending', 'processing', 'retry_wait'", "'pending', 'retry_wait'")


def effect_apart_from_state() -> None:
    """The effect is committed first, and the delivery's state in a transaction after it."""
    sound = deliveries.complete

    async def complete(connection: Any, *args: Any, **kwargs: Any) -> None:
        await _commit_here(connection)
        await sound(connection, *args, **kwargs)

    deliveries.complete = complete


def cursor_before_carry() -> None:
    """The relay moves its cursor and commits that, and carries the events afterwards."""
    sound = cursors.lead

    async def lead(connection: Any, publisher: str, names: Any, *, holder: str) -> Any:
        led = await sound(connection, publisher, names, holder=holder)
        for cursor, their_names in led.items():
            await cursors.move(connection, publisher, their_names, cursor, page_end=None)
        await _commit_here(connection)
        return led

    cursors.lead = lead


def remote_cursor_before_carry() -> None:
    """The same with a publisher in another host."""
    sound = RemoteRelay._carry

    async def carry(self: RemoteRelay, connection: Any, reading: Any, led: Any) -> None:
        head = reading.page.head
        await remote_cursors.move(connection, self._publisher, reading.staying, reading.after, head)
        await _commit_here(connection)
        await sound(self, connection, reading, led)

    RemoteRelay._carry = carry  # type: ignore[method-assign]


def leads_without_lease() -> None:
    """The relay takes cursors that another one leads."""
    sound = str(cursors._TAKE_LEASES)
    guard = "AND (holder = :holder OR expires_at < clock_timestamp())"
    assert guard in sound
    cursors._TAKE_LEASES = text(sound.replace(guard, "")).bindparams(cursors._NAMES)


def never_resends() -> None:
    """A hint is sent once; nobody notices that it was lost."""

    def should_hint(self: Dispatcher, due: Any) -> bool:
        token, _at = self._hinted.get((due.subscription, due.partition), (-1, 0.0))
        return bool(token != due.token)

    Dispatcher._should_hint = should_hint  # type: ignore[method-assign]


def publishes_after_commit() -> None:
    """The aggregate is committed first, and its events are written afterwards."""
    sound = LedgerWork.flush

    async def flush(self: LedgerWork) -> None:
        await _commit_here(self.connection)
        await sound(self)

    LedgerWork.flush = flush  # type: ignore[method-assign]


def looks_before_hashing() -> None:
    """Whoever writes an address that is unknown (login) or taken (registration) is answered without any hashing."""
    from hedgerow_users.application.commands.register_user import RegisterUser
    from hedgerow_users.infrastructure.argon2_hasher import Argon2Hasher

    sound = Argon2Hasher.matches
    seen: set[str] = set()

    async def matches(self: Argon2Hasher, password: Any, known: Any) -> bool:
        return False if known is None else await sound(self, password, known)

    register = RegisterUser.__call__

    async def call(self: RegisterUser, *, email: str, **rest: Any) -> None:
        if email not in seen:
            seen.add(email)
            await register(self, email=email, **rest)

    Argon2Hasher.matches = matches  # type: ignore[method-assign]
    RegisterUser.__call__ = call  # type: ignore[method-assign]


def logs_what_is_presented() -> None:
    """Somebody looked for a mistake in logging in, and left a line behind."""
    from hedgerow_core.observability import log_of
    from hedgerow_users.application.commands.log_in import LogIn

    sound = LogIn.__call__

    async def call(self: LogIn, *, password: Any, **rest: Any) -> Any:
        log_of(__name__).info("login_tried", password=password.reveal())
        return await sound(self, password=password, **rest)

    LogIn.__call__ = call  # type: ignore[method-assign]


def quotes_passwords_in_errors() -> None:
    """Mail that can't leave says everything about where it should have gone: the ledger keeps the error."""
    from hedgerow_users.application.mail_ports import MailNotSent
    from hedgerow_users.infrastructure.mail.smtp_mailer import SmtpMailer

    sound = SmtpMailer.send

    async def send(self: SmtpMailer, message: Any) -> None:
        try:
            await sound(self, message)
        except MailNotSent as error:
            password = self._address.password
            raise MailNotSent(f"{error} {password and password.reveal()}") from error

    SmtpMailer.send = send  # type: ignore[method-assign]


MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__: mutant
    for mutant in (
        completes_without_token,
        forgets_orphans,
        effect_apart_from_state,
        cursor_before_carry,
        remote_cursor_before_carry,
        leads_without_lease,
        never_resends,
        publishes_after_commit,
        looks_before_hashing,
        logs_what_is_presented,
        quotes_passwords_in_errors,
    )
}


def _change(constant: str, part: str, instead: str) -> None:
    sound = str(getattr(deliveries, constant))
    assert part in sound, f"{constant} no longer says {part!r}: the mutant must follow the product"
    setattr(deliveries, constant, text(sound.replace(part, instead)))


async def _commit_here(connection: Any) -> None:
    """Commit on the wire; the driver believes that its transaction goes on, and commits the rest later."""
    await connection.execute(text("COMMIT"))
    await asyncio.sleep(WINDOW_S)
    await connection.execute(text("BEGIN"))
