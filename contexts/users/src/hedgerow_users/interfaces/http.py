"""The routes of this context. Each hands a message on and shapes the answer; no rule is decided here."""

from __future__ import annotations

from http import HTTPStatus
from typing import overload

from fastapi import Request, Response
from pydantic import SecretStr

from hedgerow_core.application import Bus
from hedgerow_core.domain import Secret, ValidationError
from hedgerow_core.http import Caller, ContextRouter, logged_in, public, throttled
from hedgerow_core.http.networks import network_of
from hedgerow_users.application.commands.change_password import ChangePassword
from hedgerow_users.application.commands.log_out import LogOut
from hedgerow_users.application.commands.refresh_session import RefreshSession
from hedgerow_users.application.commands.register_user import RegisterUser
from hedgerow_users.application.login_guard import GuardedLogIn
from hedgerow_users.application.queries.list_public_keys import ListPublicKeys
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.client import Client
from hedgerow_users.interfaces.cookies import Cookies
from hedgerow_users.interfaces.schemas import (
    CookiesAnswer,
    KeySetAnswer,
    LoginBody,
    PasswordChangeBody,
    RefreshTokenBody,
    RegisterBody,
    RegistrationAnswer,
    TokensAnswer,
)

CONTEXT = "users"
KEYS_MAX_AGE_S = 300
"""No longer than an access token lives: a verifier learns of a new key before it meets many of its tokens."""

PASSWORDS_PER_MINUTE = 5
"""By one account: with a stolen token somebody may guess at its password, and each guess costs a hashing thread."""
REGISTRATIONS_PER_MINUTE = 10
"""From one network: a family, or a desk that signs people up; no machine that fills the table."""
LOGINS_PER_MINUTE = 10
"""From one network, whosever accounts they are for: a person needs a few, and each costs a hashing thread 20 ms."""


def accounts_router(*, register_user: RegisterUser, change_password: ChangePassword) -> ContextRouter:
    """Registration, and another password."""
    router = ContextRouter(CONTEXT)

    @router.post("/register", status_code=HTTPStatus.ACCEPTED)
    @public
    @throttled("register", per_minute=REGISTRATIONS_PER_MINUTE)
    async def register(body: RegisterBody) -> RegistrationAnswer:
        """Open an account. The answer is the same if the address has one: then its owner gets a mail."""
        await register_user(email=body.email, password=secret_of(body.password), name=body.name)
        return RegistrationAnswer()

    @router.post("/me/password", status_code=HTTPStatus.NO_CONTENT)
    @logged_in
    @throttled("password", per_minute=PASSWORDS_PER_MINUTE)
    async def change_my_password(caller: Caller, body: PasswordChangeBody) -> None:
        """Set another password. Ends all your sessions, this one included."""
        await change_password(
            account_id=AccountId(caller.subject),
            current=secret_of(body.current_password),
            new=secret_of(body.new_password),
            code=secret_of(body.code),
        )

    return router


def sessions_router(
    bus: Bus, *, log_in: GuardedLogIn, refresh_session: RefreshSession, cookies: Cookies
) -> ContextRouter:
    """Getting, renewing and giving back tokens."""
    router = ContextRouter(CONTEXT)

    @router.post("/login")
    @public
    @throttled("login", per_minute=LOGINS_PER_MINUTE)
    async def login(body: LoginBody, request: Request, response: Response) -> TokensAnswer | CookiesAnswer:
        """Start a session."""
        if body.cookies:
            cookies.demand(request)
        before = cookies.refresh_token_in(request) if body.cookies else None
        tokens = await log_in(
            email=body.email,
            password=secret_of(body.password),
            code=secret_of(body.code),
            network=network_of(request.scope),
            client=client_of(request),
        )
        if before is not None:
            # Its cookie is overwritten: nobody could go on with that session, or end it.
            await bus.execute(LogOut(refresh_token=before))
        keep_out_of_caches(response)
        return cookies.hand_out(response, tokens) if body.cookies else TokensAnswer.of(tokens)

    @router.post("/refresh")
    @public
    async def refresh(
        request: Request, response: Response, body: RefreshTokenBody | None = None
    ) -> TokensAnswer | CookiesAnswer:
        """Trade a refresh token for a new pair of tokens. If the answer is lost: again, within 10 seconds.

        Without a body, the token is taken from its cookie, and the new ones go there.
        """
        presented = _presented(body) or cookies.refresh_token_in(request)
        if presented is None:
            raise _no_refresh_token()
        tokens = await refresh_session(refresh_token=presented, client=client_of(request))
        keep_out_of_caches(response)
        return TokensAnswer.of(tokens) if body else cookies.hand_out(response, tokens)

    @router.post("/logout", status_code=HTTPStatus.NO_CONTENT)
    @public
    async def logout(request: Request, response: Response, body: RefreshTokenBody | None = None) -> None:
        """End the session of a refresh token. The answer is the same for tokens that we don't know.

        Without a body, the token is taken from its cookie, and the browser forgets both cookies.
        """
        presented = _presented(body) or cookies.refresh_token_in(request)
        if presented is None:
            raise _no_refresh_token()
        await bus.execute(LogOut(refresh_token=presented))
        if body is None:
            cookies.take_back(response)

    return router


def keys_router(bus: Bus) -> ContextRouter:
    """The public keys, where verifiers look for them."""
    router = ContextRouter(CONTEXT, prefix="/.well-known")

    @router.get("/jwks.json")
    @public
    async def jwks(response: Response) -> KeySetAnswer:
        """The keys that access tokens are signed with, as a JWK set."""
        keys = await bus.ask(ListPublicKeys())
        response.headers["Cache-Control"] = f"public, max-age={KEYS_MAX_AGE_S}"
        return KeySetAnswer.of(keys)

    return router


def _presented(body: RefreshTokenBody | None) -> Secret | None:
    return secret_of(body.refresh_token) if body else None


@overload
def secret_of(given: SecretStr) -> Secret: ...
@overload
def secret_of(given: SecretStr | None) -> Secret | None: ...
def secret_of(given: SecretStr | None) -> Secret | None:
    """A secret of a body, as the use cases take it; None if somebody left out what may be."""
    return Secret(given.get_secret_value()) if given is not None else None


def _no_refresh_token() -> ValidationError:
    return ValidationError("Send the refresh token, in the body or in its cookie.", field="refresh_token")


def client_of(request: Request) -> Client:
    """What a session that this request begins or uses is seen from."""
    address = request.client.host if request.client else ""
    return Client.seen(user_agent=request.headers.get("user-agent", ""), address=address)


def keep_out_of_caches(response: Response) -> None:
    """RFC 6749 §5.1."""
    response.headers["Cache-Control"] = "no-store"
