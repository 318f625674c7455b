"""Where a context is not at home: what its home says of whom to believe, kept level all the time.

A question for news waits at the other side, so that what happens there is felt here at once. What has not been
heard for five seconds is not believed any more (ADR 0015).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Protocol, final

from pydantic import BaseModel

from hedgerow_core.application import RateLimiter
from hedgerow_core.http import CookieMode
from hedgerow_core.identity.confirming import Confirmations
from hedgerow_core.identity.documents import (
    Confirmation,
    IdentityDocument,
    IssuerDocument,
    KeyQuestion,
    News,
    NewsQuestion,
    SigningKeyAnswer,
    SigningKeyQuestion,
    TokenQuestion,
)
from hedgerow_core.identity.remote_issuer import RemoteIssuer
from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import IDENTITY_AGE
from hedgerow_core.security import IdentityUnknown, KeyAuthority, Permission, Principal, TokenIssuer

ANSWER_WITHIN = timedelta(seconds=1)
"""A request waits for it."""
NEWS_WITHIN = timedelta(seconds=2.5)
"""The other side holds the question back for a second."""
ASK_EVERY_S = 0.2
"""At most: behind one address there may be several processes, and what one has told is news to the next."""
DESCRIBED_EVERY_S = 5.0
"""At most, for the same reason."""
EVERYTHING_EVERY_S = 30.0
"""So often all revocations are taken over anew, and those that concern no living token are forgotten."""

_log = log_of(__name__)


class Home(Protocol):
    """The way to the host where the context is at home."""

    async def ask(self, what: str, question: BaseModel | None, *, within: timedelta) -> bytes:
        """The answer, as the `Voucher` of the context has given it. No question: its document.

        Raises:
            UnavailableError: there is none.
        """
        ...


@final
class RemoteIdentity:
    """For whom one context elsewhere vouches. Belongs to one event loop."""

    def __init__(
        self,
        context: str,
        home: Home,
        limiter: RateLimiter,
        *,
        may_vouch: bool = True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Not `may_vouch`: whatever it says, it vouches for nobody here, and is heard of its permissions alone."""
        self.context = context
        self.may_vouch = may_vouch
        self.cookies: Sequence[CookieMode] = ()
        self.permissions: Sequence[Permission] = ()
        self.key_authorities: Sequence[KeyAuthority] = ()
        self.when_changed: Callable[[], None] = lambda: None
        """Called when something else is believed than before."""
        self._home = home
        self._monotonic = monotonic
        self._keys = Confirmations(self._whose_key, limiter=limiter, monotonic=monotonic)
        self._tokens = Confirmations(self._whose_token, monotonic=monotonic)
        self._issuers: Mapping[str, RemoteIssuer] = {}
        self._document: IdentityDocument | None = None
        self._described_by: str | None = None
        self._mark: str | None = None
        self._described_at = self._all_heard_at = self._heard_at = float("-inf")
        self._failing = False

    @property
    def is_known(self) -> bool:
        """Whether its home has said for whom it vouches, ever."""
        return self._document is not None

    @property
    def vouches(self) -> bool:
        """Whether it vouches for anybody, as far as known. Who doesn't may still declare permissions."""
        return self._document is not None and self._document.vouches

    @property
    def issuers(self) -> Sequence[TokenIssuer]:
        """Whose access tokens are believed."""
        return [issuer.as_declared() for issuer in self._issuers.values()]

    @property
    def heard_s_ago(self) -> float:
        """How old our knowledge is."""
        return self._monotonic() - self._heard_at

    async def hear(self) -> None:
        """Ask for news, and take them over.

        Raises:
            UnavailableError: there are none to be had.
            ValueError: what comes is nothing that its home may say.
        """
        asked_at = self._monotonic()
        if not self.vouches:
            await self._describe()
            self._heard_at = asked_at
            if not self.vouches:
                return
        # After an outage, too: a question that is held back would keep others from trying whether it is over.
        everything = self._failing or asked_at - self._all_heard_at >= EVERYTHING_EVERY_S
        news = await self._news(None if everything else self._mark)
        if news.told_by != self._described_by and asked_at - self._described_at >= DESCRIBED_EVERY_S:
            others = await self._describe()
            self._described_by = news.told_by
            if others:  # who must hear everything, and not only what is new
                asked_at, news = self._monotonic(), await self._news(None)
        self._take(news, said_at=min(asked_at + max(0.0, news.held_s), self._monotonic()))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep level while the body runs."""
        keeping_level = asyncio.create_task(self._keep_level())
        IDENTITY_AGE.labels(self.context).set_function(lambda: self.heard_s_ago)
        try:
            yield
        finally:
            IDENTITY_AGE.remove(self.context)
            keeping_level.cancel()
            await asyncio.gather(keeping_level, self._keys.close(), self._tokens.close(), return_exceptions=True)

    async def _keep_level(self) -> None:
        while True:
            asked_at = self._monotonic()
            try:
                await self.hear()
            except Exception as error:
                if not self._failing:
                    _log.warning("identity_unheard", context=self.context, error=type(error).__name__)
                self._failing = True
            else:
                if self._failing:
                    _log.info("identity_heard", context=self.context)
                self._failing = False
            every_s = ASK_EVERY_S if self.vouches or self._failing else DESCRIBED_EVERY_S
            await asyncio.sleep(max(0.0, asked_at + every_s - self._monotonic()))

    async def _news(self, seen: str | None) -> News:
        answer = await self._home.ask("news", NewsQuestion(seen=seen), within=NEWS_WITHIN)
        return News.model_validate_json(answer)

    async def _describe(self) -> bool:
        """Ask for whom it vouches. Whether that is somebody else than before."""
        document = IdentityDocument.model_validate_json(await self._home.ask("", None, within=ANSWER_WITHIN))
        if not self.may_vouch:
            document = document.model_copy(update={"issuers": (), "key_prefixes": (), "cookies": ()})
        self._described_at = self._monotonic()
        if document == self._document:
            return False
        permissions = self._permissions_in(document)
        authorities = [
            KeyAuthority(prefix=prefix, find=self._keys.find, recall=self._keys.recall)
            for prefix in document.key_prefixes
        ]
        self._issuers = {described.issuer: self._issuer(described) for described in document.issuers}
        self.cookies = [CookieMode(access_cookie=name) for name in document.cookies]
        self.permissions, self.key_authorities = permissions, authorities
        self._document = document
        self.when_changed()
        return True

    def _issuer(self, described: IssuerDocument) -> RemoteIssuer:
        """The issuer; as it was, with all that is known of it, if only something else has changed."""
        known = self._issuers.get(described.issuer)
        if known is not None and known.document == described:
            return known
        look = partial(self._signing_key, described.issuer)
        return RemoteIssuer(described, look=look, confirm=self._confirm, monotonic=self._monotonic)

    def _permissions_in(self, document: IdentityDocument) -> Sequence[Permission]:
        """Those that it declares.

        Raises:
            ValueError: the document is another context's, or grants what is not its own.
        """
        foreign = [each.name for each in document.permissions if not each.name.startswith(f"{self.context}:")]
        if document.context != self.context or foreign:
            raise ValueError(f"{self.context} is described as {document.context}, with {foreign} besides its own")
        return [each.permission() for each in document.permissions]

    def _take(self, news: News, *, said_at: float) -> None:
        for name, issuer in self._issuers.items():
            if name in news.issuers:
                issuer.take(news.issuers[name], everything=news.everything, said_at=said_at)
        self._mark, self._heard_at = news.mark, said_at
        if news.everything:
            self._all_heard_at = said_at

    async def _signing_key(self, issuer: str, kid: str) -> Mapping[str, Any] | None:
        question = SigningKeyQuestion(issuer=issuer, kid=kid)
        answer = await self._home.ask("signing-key", question, within=ANSWER_WITHIN)
        with self._understanding():
            return SigningKeyAnswer.model_validate_json(answer).key

    async def _confirm(self, token: str) -> Principal:
        principal = await self._tokens.find(token, "")
        if principal is None:  # of a token its home says why not
            raise self._misunderstood("a token speaks for nobody, and it is not said why")
        return principal

    async def _whose_key(self, key: str, network: str) -> Principal | None:
        question = KeyQuestion(key=key, network=network)
        return self._confirmed(await self._home.ask("key", question, within=ANSWER_WITHIN))

    async def _whose_token(self, token: str, _network: str) -> Principal | None:
        return self._confirmed(await self._home.ask("token", TokenQuestion(token=token), within=ANSWER_WITHIN))

    def _confirmed(self, answer: bytes) -> Principal | None:
        """The principal.

        Raises:
            DomainError: its home says why it is nobody.
        """
        with self._understanding():
            confirmation = Confirmation.model_validate_json(answer)
            error = None if confirmation.error is None else confirmation.error.arrived()
            principal = None if confirmation.principal is None else confirmation.principal.principal()
        if error is not None:
            raise error
        return principal

    @contextmanager
    def _understanding(self) -> Iterator[None]:
        """Around what is read while a request waits.

        Raises:
            IdentityUnknown: it is nothing that a home may say.
        """
        try:
            yield
        except (ValueError, LookupError, TypeError, ArithmeticError) as error:
            # Not the error itself: it quotes what was said, which may be a secret.
            raise self._misunderstood(f"it makes no sense: {type(error).__name__}") from None

    def _misunderstood(self, what: str) -> IdentityUnknown:
        _log.error("identity_misunderstood", context=self.context, reason=what)
        return IdentityUnknown()
