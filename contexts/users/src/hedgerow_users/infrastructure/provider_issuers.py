"""Identity providers as issuers of tokens: what core's verifier asks about them, answered from here.

What a token introduces is looked up once in half a second, whoever asks how often: so long, and no longer, may
somebody who was shut out, or whose roles were taken away, go on.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import final

from hedgerow_core.domain import AuthenticationError, Clock, Secret
from hedgerow_core.security import Claims, Principal, TokenIssuer, TokenVerifier
from hedgerow_users.application.commands.provision_account import RecognizeIdentity
from hedgerow_users.application.introduction import Introduction
from hedgerow_users.domain.identity_errors import UnusableIdentityToken
from hedgerow_users.domain.identity_provider import ABSENT, IdentityProvider
from hedgerow_users.domain.second_factor import SecondFactorPolicy
from hedgerow_users.infrastructure.key_documents import KeyDocuments
from hedgerow_users.infrastructure.provider_keys import provider_keys

BELIEVED_FOR_S = 0.5
SEVERAL_FACTORS = "mfa"
"""The authentication method reference of RFC 8176 §2."""
MOST_REMEMBERED = 10_000
"""About 5 MB. Beyond it the one that was looked up longest ago is looked up again."""


@final
class ProviderIssuers:
    """All configured providers. Belongs to one event loop: `close` it on that loop."""

    def __init__(
        self,
        providers: Sequence[IdentityProvider] | None,
        recognize: RecognizeIdentity,
        clock: Clock,
        policy: SecondFactorPolicy,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keys = {
            provider.name: provider_keys(provider.name, KeyDocuments(provider).fetch, monotonic)
            for provider in providers or ()
        }
        self.issuers: Sequence[TokenIssuer] = [
            TokenIssuer(
                issuer=provider.issuer,
                audience=provider.audience,
                find_key=self._keys[provider.name].find,
                algorithms=frozenset(provider.algorithms),
                types=frozenset(None if typ == ABSENT else typ.lower() for typ in provider.typ),
                parties=provider.parties,
                resolve=Recognized(provider.name, recognize, policy, monotonic),
            )
            for provider in providers or ()
        ]
        self._name_of = {provider.issuer: provider.name for provider in providers or ()}
        self._verifier = TokenVerifier([replace(issuer, resolve=None) for issuer in self.issuers], clock)

    async def read(self, token: Secret) -> Introduction:
        """Whom a token introduces (port `ProviderTokens`)."""
        try:
            claims = await self._verifier.claims(token.reveal())
        except AuthenticationError as error:
            raise UnusableIdentityToken from error
        return Introduction.read(self._name_of[claims["iss"]], claims["sub"], claims)

    async def close(self) -> None:
        """Wait for no keys any more."""
        for keys in self._keys.values():
            await keys.close()


class Recognized:
    """Whom the tokens of one provider speak for; remembers for half a second what it was told."""

    def __init__(
        self,
        provider: str,
        recognize: RecognizeIdentity,
        policy: SecondFactorPolicy,
        monotonic: Callable[[], float],
    ) -> None:
        self._provider = provider
        self._recognize = recognize
        self._policy = policy
        self._monotonic = monotonic
        self._known: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    async def __call__(self, claims: Claims) -> Principal:
        """The principal of a good token: one without a session, with the roles that its account has here.

        Roles that wait for a second factor are carried only if the provider says that it has asked for one.

        Raises:
            IdentityWithoutEmail, IdentityNotLinked: somebody new, who gets no account.
            AccountGone, AccountDeactivated: the account may not be used.
        """
        subject, started = str(claims["sub"]), self._monotonic()
        looked_up_at, principal = self._known.get(subject, (float("-inf"), None))
        if principal is not None and self._is_fresh(looked_up_at, started):
            return self._as_proven(principal, claims)
        known = await self._recognize(Introduction.read(self._provider, subject, claims))
        principal = Principal(subject=known.demand_usable(), session=None, roles=known.roles)
        self._remember(subject, started, principal)
        return self._as_proven(principal, claims)

    def _as_proven(self, principal: Principal, claims: Claims) -> Principal:
        methods = claims.get("amr")
        proven = isinstance(methods, list) and SEVERAL_FACTORS in methods
        roles = self._policy.carried(tuple(sorted(principal.roles)), proven=proven)
        return replace(principal, roles=frozenset(roles))

    def _is_fresh(self, looked_up_at: float, now: float) -> bool:
        return now - looked_up_at < BELIEVED_FOR_S

    def _remember(self, subject: str, started: float, principal: Principal) -> None:
        """From when the question was put: what happened since then is not in the answer."""
        self._known[subject] = (started, principal)
        self._known.move_to_end(subject)
        while len(self._known) > MOST_REMEMBERED:
            self._known.popitem(last=False)
