"""Slows guessing down without locking the owner out: a network that an account has logged in from is counted apart.

An account is a hash of the address that was written, so that an unknown one is throttled like a known one and the
answer tells nothing.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import final

from hedgerow_core.application import Claim, Quota, RateLimiter
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.commands.log_in import LogIn
from hedgerow_users.application.password_ports import PasswordHasher
from hedgerow_users.application.session_ports import KnownNetworks
from hedgerow_users.application.session_tokens import SessionTokens
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountDeactivated
from hedgerow_users.domain.client import UNKNOWN_CLIENT, Client
from hedgerow_users.domain.proof_errors import EmailNotVerified
from hedgerow_users.domain.second_factor_errors import InvalidCode, SecondFactorRequired

REMEMBERED_FOR = timedelta(days=90)
"""Since the last login from there."""
_HOUR = timedelta(hours=1)
FROM_ANYWHERE = Quota(name="login.account", limit=10, period=_HOUR, burst=10)
"""Guesses at one account, from all networks together that it is not known to log in from."""
FROM_KNOWN_NETWORK = Quota(name="login.known_network", limit=10, period=_HOUR, burst=10)
"""Guesses at one account from one network that it has logged in from: a stranger elsewhere can't use them up."""
AT_CODES = Quota(name="login.code", limit=10, period=_HOUR, burst=10)
"""Guesses at the second factor of one account, from known and unknown networks together: whoever guesses has the
password already, and three of a million codes are good at any moment."""

RIGHT_PASSWORD = (SecondFactorRequired, InvalidCode, AccountDeactivated, EmailNotVerified)
"""Who hears one of these knows the password, and has not guessed at it."""


@final
class GuardedLogIn:
    """Logs somebody in who has guesses left."""

    def __init__(
        self, log_in: LogIn, hasher: PasswordHasher, limiter: RateLimiter, networks: KnownNetworks, clock: Clock
    ) -> None:
        self._log_in = log_in
        self._hasher = hasher
        self._limiter = limiter
        self._networks = networks
        self._clock = clock

    async def __call__(
        self,
        *,
        email: str,
        password: Secret,
        network: str,
        code: Secret | None = None,
        client: Client = UNKNOWN_CLIENT,
    ) -> SessionTokens:
        """Log somebody in, from this network and client.

        Raises:
            RateLimitError: too many guesses at this account; nothing was compared. Or too many at its codes.
            InvalidCredentials, SecondFactorRequired, InvalidCode, HashingBusy: as `LogIn` does.
        """
        self._hasher.demand_room()  # in a storm of logins, one that must be refused costs next to nothing
        account = hashlib.sha256(email.strip().lower().encode(errors="replace")).digest()
        place = hashlib.sha256(account + network.encode()).digest()
        known = await self._networks.knows(place, since=self._clock.now() - REMEMBERED_FOR)
        claim = Claim(FROM_KNOWN_NETWORK, place.hex()) if known else Claim(FROM_ANYWHERE, account.hex())
        (await self._limiter.spend(claim)).demand()
        try:
            tokens = await self._log_in(email=email, password=password, code=code, client=client)
        except RIGHT_PASSWORD:
            self._limiter.give_back(claim)
            raise
        self._limiter.give_back(claim)
        now = self._clock.now()
        await self._networks.remember(place, at=now, forget_before=now - REMEMBERED_FOR)
        return tokens


@final
class CodeGuard:
    """Counts guesses at second factors (port `CodeGuesses`)."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter

    async def spend(self, account_id: AccountId) -> None:
        """Take one guess.

        Raises:
            RateLimitError: none is left.
        """
        claim = Claim(AT_CODES, hashlib.sha256(account_id.bytes).hexdigest())
        (await self._limiter.spend(claim)).demand()
