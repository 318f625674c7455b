"""The routes around mailed links: confirm an address, set a forgotten password, take another address."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Response

from hedgerow_core.application import Bus
from hedgerow_core.http import Caller, ContextRouter, logged_in, public, throttled
from hedgerow_users.application.commands.confirm_email import ConfirmEmail
from hedgerow_users.application.commands.request_email_change import RequestEmailChange
from hedgerow_users.application.commands.request_link import RequestLink
from hedgerow_users.application.commands.reset_password import ResetPassword
from hedgerow_users.application.commands.verify_email import VerifyEmail
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.link import Purpose
from hedgerow_users.interfaces.http import CONTEXT, secret_of
from hedgerow_users.interfaces.profile_schemas import AddressBody, CodeBody, EmailChangeBody, PasswordResetBody

MAILS_PER_MINUTE = 10
"""From one network, to whomever; besides, an account gets one a minute. Guesses at a password count, too."""
CODES_PER_MINUTE = 10
"""From one network: a person has one code, and each that is good for a password costs a hashing thread 20 ms."""


def links_router(
    bus: Bus, *, reset_password: ResetPassword, request_email_change: RequestEmailChange
) -> ContextRouter:
    """Asking for links, and using them. Who asks is always answered 202, whether or not a mail goes out."""
    router = ContextRouter(CONTEXT)

    @router.post("/verify-email/request", status_code=HTTPStatus.ACCEPTED, response_class=Response)
    @public
    @throttled("mail", per_minute=MAILS_PER_MINUTE)
    async def request_verification(body: AddressBody) -> None:
        """Have a link mailed that confirms your address. The answer is the same for unknown addresses."""
        await bus.execute(RequestLink(purpose=Purpose.VERIFY_EMAIL, email=body.email))

    @router.post("/verify-email", status_code=HTTPStatus.NO_CONTENT)
    @public
    @throttled("code", per_minute=CODES_PER_MINUTE)
    async def verify_email(body: CodeBody) -> None:
        """Confirm your address with the code of the mail."""
        await bus.execute(VerifyEmail(code=secret_of(body.token)))

    @router.post("/password/forgot", status_code=HTTPStatus.ACCEPTED, response_class=Response)
    @public
    @throttled("mail", per_minute=MAILS_PER_MINUTE)
    async def forgot_password(body: AddressBody) -> None:
        """Have a link mailed that sets a new password. The answer is the same for unknown addresses."""
        await bus.execute(RequestLink(purpose=Purpose.RESET_PASSWORD, email=body.email))

    @router.post("/password/reset", status_code=HTTPStatus.NO_CONTENT)
    @public
    @throttled("code", per_minute=CODES_PER_MINUTE)
    async def set_new_password(body: PasswordResetBody) -> None:
        """Set a new password with the code of the mail. Ends all your sessions."""
        await reset_password(code=secret_of(body.token), new=secret_of(body.new_password))

    @router.post("/me/email", status_code=HTTPStatus.ACCEPTED, response_class=Response)
    @logged_in
    @throttled("mail", per_minute=MAILS_PER_MINUTE)
    async def change_my_email(caller: Caller, body: EmailChangeBody) -> None:
        """Have a link mailed to another address of yours. The answer is the same if the address is taken."""
        await request_email_change(
            account_id=AccountId(caller.subject),
            current=secret_of(body.current_password),
            email=body.email,
            code=secret_of(body.code),
        )

    @router.post("/email/confirm", status_code=HTTPStatus.NO_CONTENT)
    @public
    @throttled("code", per_minute=CODES_PER_MINUTE)
    async def confirm_email(body: CodeBody) -> None:
        """Take the other address, with the code that was mailed to it. The old address is told."""
        await bus.execute(ConfirmEmail(code=secret_of(body.token)))

    return router
