"""How a session starts, whatever its owner has shown besides: a password, or an operator's link."""

from __future__ import annotations

from datetime import timedelta
from typing import final

from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.second_proof import SecondProof
from hedgerow_users.application.session_tokens import LiveSession, live_session
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import Account
from hedgerow_users.domain.account_errors import AccountDeactivated
from hedgerow_users.domain.client import Client
from hedgerow_users.domain.proof_errors import EmailNotVerified
from hedgerow_users.domain.second_factor import SecondFactorPolicy
from hedgerow_users.domain.second_factor_errors import CodeMissing, InvalidCode, SecondFactorRequired, WrongCode
from hedgerow_users.domain.session import RefreshToken, Session


@final
class SessionStart:
    """The rules that every login keeps."""

    def __init__(
        self,
        clock: Clock,
        refresh_token_lifetime: timedelta,
        proof: SecondProof,
        policy: SecondFactorPolicy,
        *,
        require_verified_email: bool = False,
    ) -> None:
        self._clock = clock
        self._lifetime = refresh_token_lifetime
        self._proof = proof
        self._policy = policy
        self._require_verified_email = require_verified_email

    async def begin(
        self, account: Account, code: Secret | None, client: Client, work: UsersUnitOfWork
    ) -> LiveSession:
        """Start a session for an account that is held: no change of its factor comes in between.

        Raises:
            AccountDeactivated: an administrator has closed the account.
            EmailNotVerified: nobody has confirmed its address, and the settings demand it.
            SecondFactorRequired: the account has a second factor, and no code was given.
            InvalidCode: the code is wrong or used.
        """
        if not account.is_active:
            raise AccountDeactivated
        if self._require_verified_email and account.verified_at is None:
            raise EmailNotVerified
        proven = await self._prove(account, code, work)
        now = self._clock.now()
        session = Session.start(account.id, at=now, client=client, proven=proven)
        secret, token = RefreshToken.issue(session, at=now, lifetime=self._lifetime)
        await work.sessions.add(session)
        await work.sessions.add_token(token)
        return live_session(session, account, secret, self._policy)

    async def _prove(self, account: Account, code: Secret | None, work: UsersUnitOfWork) -> bool:
        try:
            return await self._proof.besides_password(account, code, work)
        except CodeMissing:
            raise SecondFactorRequired from None
        except WrongCode:
            raise InvalidCode from None
