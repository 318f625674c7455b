"""The routes by which owners set up, renew and remove a second factor."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Response

from hedgerow_core.application import Bus
from hedgerow_core.http import Caller, ContextRouter, logged_in, throttled
from hedgerow_users.application.commands.begin_second_factor import BeginSecondFactor
from hedgerow_users.application.commands.confirm_second_factor import ConfirmSecondFactor
from hedgerow_users.application.commands.remove_second_factor import RemoveSecondFactor
from hedgerow_users.application.commands.renew_recovery_codes import RenewRecoveryCodes
from hedgerow_users.application.current_password import CurrentPassword
from hedgerow_users.application.owner_proof import OwnerProof
from hedgerow_users.application.queries.get_second_factor import GetSecondFactor
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.session import SessionId
from hedgerow_users.interfaces.http import CONTEXT, keep_out_of_caches, secret_of
from hedgerow_users.interfaces.second_factor_schemas import (
    BothProofsBody,
    NewSecretAnswer,
    PasswordProofBody,
    RecoveryCodesAnswer,
    SecondFactorAnswer,
    SecondFactorCodeBody,
)

PROOFS_PER_MINUTE = 10
"""Of one account: a person needs two or three, and each password costs a hashing thread 20 ms."""

PATH = "/me/second-factor"


def second_factor_router(bus: Bus, *, current_password: CurrentPassword, proof: OwnerProof) -> ContextRouter:
    """One's own second factor."""
    router = ContextRouter(CONTEXT)

    @router.get(PATH)
    @logged_in
    async def my_second_factor(caller: Caller) -> SecondFactorAnswer:
        """Whether your account has a second factor."""
        return SecondFactorAnswer.of(await bus.ask(GetSecondFactor(account_id=caller.subject)))

    @router.post(PATH, status_code=HTTPStatus.CREATED)
    @logged_in
    @throttled("second_factor", per_minute=PROOFS_PER_MINUTE)
    async def begin_second_factor(caller: Caller, body: PasswordProofBody, response: Response) -> NewSecretAnswer:
        """Get a secret for your app. It counts once you have confirmed it, within an hour."""
        account_id = AccountId(caller.subject)
        verified = await current_password.verified(account_id, secret_of(body.current_password))
        secret = await bus.execute(BeginSecondFactor(account_id=account_id, verified=verified))
        keep_out_of_caches(response)
        return NewSecretAnswer.of(secret)

    @router.post(f"{PATH}/confirm")
    @logged_in
    @throttled("second_factor", per_minute=PROOFS_PER_MINUTE)
    async def confirm_second_factor(
        caller: Caller, body: SecondFactorCodeBody, response: Response
    ) -> RecoveryCodesAnswer:
        """Switch it on with a code of your app. Ends your other sessions. Keep the recovery codes."""
        command = ConfirmSecondFactor(
            account_id=AccountId(caller.subject),
            session_id=SessionId(caller.session) if caller.session else None,
            code=secret_of(body.code),
        )
        codes = await bus.execute(command)
        keep_out_of_caches(response)
        return RecoveryCodesAnswer.of(codes)

    @router.post(f"{PATH}/recovery-codes")
    @logged_in
    @throttled("second_factor", per_minute=PROOFS_PER_MINUTE)
    async def renew_recovery_codes(caller: Caller, body: BothProofsBody, response: Response) -> RecoveryCodesAnswer:
        """Get other recovery codes. Those of before are no longer good."""
        account_id, code = AccountId(caller.subject), secret_of(body.code)
        verified = await proof.begun(account_id, secret_of(body.current_password), code)
        command = RenewRecoveryCodes(account_id=account_id, verified=verified, code=code)
        codes = await bus.execute(command)
        keep_out_of_caches(response)
        return RecoveryCodesAnswer.of(codes)

    @router.delete(PATH, status_code=HTTPStatus.NO_CONTENT)
    @logged_in
    @throttled("second_factor", per_minute=PROOFS_PER_MINUTE)
    async def remove_second_factor(caller: Caller, body: BothProofsBody) -> None:
        """Switch it off. Ends all your sessions, this one included."""
        account_id, code = AccountId(caller.subject), secret_of(body.code)
        verified = await proof.begun(account_id, secret_of(body.current_password), code)
        command = RemoveSecondFactor(account_id=account_id, verified=verified, code=code)
        await bus.execute(command)

    return router
