"""Log in by a link that an operator gave out. It stands for the password, and for nothing more.

An account with a second factor is asked for its code, and a role that needs one is not carried without: a link may
have been read over a shoulder, and whoever has lost the factor, too, has it reset by a command of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.link_ports import LinkMint
from hedgerow_users.application.mails import Notice
from hedgerow_users.application.second_factor_ports import CodeGuesses
from hedgerow_users.application.session_tokens import LiveSession, SessionTokens, tokens_for
from hedgerow_users.application.starting import SessionStart
from hedgerow_users.application.tasks.send_notice import SendNotice
from hedgerow_users.application.token_ports import AccessTokens
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.client import UNKNOWN_CLIENT, Client
from hedgerow_users.domain.link import Purpose, hash_of
from hedgerow_users.domain.proof_errors import InvalidLink


@final
class LogInByLink:
    """Counts guesses at codes, then redeems the link and starts a session."""

    def __init__(
        self, bus: Bus, links: LinkMint, access_tokens: AccessTokens, guesses: CodeGuesses, clock: Clock
    ) -> None:
        self._bus = bus
        self._links = links
        self._access_tokens = access_tokens
        self._guesses = guesses
        self._clock = clock

    async def __call__(
        self, *, token: Secret, code: Secret | None = None, client: Client = UNKNOWN_CLIENT
    ) -> SessionTokens:
        """Log somebody in.

        Raises:
            InvalidLink: the token is not, or no longer, good.
            SecondFactorRequired, InvalidCode: the code is missing or no good; the link is as good as before.
            AccountDeactivated, EmailNotVerified: the account may not be used.
            RateLimitError: too many codes were guessed at this account.
        """
        hash = hash_of(token)
        if code is not None:
            owner = await self._links.owner_of(hash, Purpose.LOG_IN, at=self._clock.now())
            if owner is None:
                raise InvalidLink
            await self._guesses.spend(owner)
        session = await self._bus.execute(RedeemLoginLink(token_hash=hash, code=code, client=client))
        return await tokens_for(session, self._access_tokens)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RedeemLoginLink(Command[LiveSession]):
    """Start a session for whoever a link stands for. Internal: the edge calls `LogInByLink`."""

    token_hash: bytes
    code: Secret | None
    client: Client


@final
class RedeemLoginLinkHandler:
    """Uses the link up in the transaction that starts the session; the owner is told."""

    def __init__(self, start: SessionStart, clock: Clock) -> None:
        self._start = start
        self._clock = clock

    async def __call__(self, command: RedeemLoginLink, work: UsersUnitOfWork) -> LiveSession:
        """Handle the command.

        Raises:
            InvalidLink: somebody else was faster, or the account has another address, or none, by now.
            AccountDeactivated, EmailNotVerified, SecondFactorRequired, InvalidCode: as `SessionStart.begin`.
        """
        link = await work.links.redeem(command.token_hash, Purpose.LOG_IN, at=self._clock.now())
        account = await work.accounts.hold(link.account_id) if link else None
        if link is None or account is None or account.email != link.email:
            raise InvalidLink
        session = await self._start.begin(account, command.code, command.client, work)
        await work.tasks.enqueue(SendNotice(email=account.email.address, about=Notice.LOGIN_LINK_USED))
        return session
