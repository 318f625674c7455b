"""Link an identity: an owner who is logged in says by whom else they can be introduced from now on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from hedgerow_core.application import Bus, Command
from hedgerow_core.domain import Clock, Secret
from hedgerow_users.application.identity_ports import IdentityView, ProviderTokens
from hedgerow_users.application.introduction import Introduction
from hedgerow_users.application.owner_proof import OwnerProof
from hedgerow_users.application.second_proof import SecondProof
from hedgerow_users.application.unit_of_work import UsersUnitOfWork
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.account_errors import AccountGone
from hedgerow_users.domain.identity import Identity
from hedgerow_users.domain.password import PasswordHash
from hedgerow_users.domain.proof_errors import WrongPassword


@final
class LinkIdentity:
    """Checks who asks, so that a session left open somewhere can't carry the account away; then the token."""

    def __init__(self, bus: Bus, proof: OwnerProof, tokens: ProviderTokens) -> None:
        self._bus = bus
        self._proof = proof
        self._tokens = tokens

    async def __call__(
        self, *, account_id: AccountId, current: Secret, token: Secret, code: Secret | None = None
    ) -> IdentityView:
        """Link whom the token introduces. Linked to the same account already, nothing changes.

        `code` is of the second factor, if there is one.

        Raises:
            UnusableIdentityToken: it is no good token of a provider that we know.
            ProviderKeysUnknown: that can't be said right now.
            WrongPassword, RateLimitError: the current password is not what was given, or too often not.
            CodeMissing, WrongCode: the account has a second factor, and that was not proven.
            IdentityTaken: the identity stands for another account, or has ended.
            AccountGone: the account was removed.
            HashingBusy: too many passwords wait to be hashed.
        """
        introduced = await self._tokens.read(token)
        verified = await self._proof.begun(account_id, current, code)
        return await self._bus.execute(
            AddIdentity(account_id=account_id, verified=verified, introduced=introduced, code=code)
        )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class AddIdentity(Command[IdentityView]):
    """Let an identity stand for an account. Internal: the edge calls `LinkIdentity`."""

    account_id: AccountId
    verified: PasswordHash
    introduced: Introduction
    code: Secret | None


@final
class AddIdentityHandler:
    """Stores the identity; that it stands for one account only is kept by the database."""

    def __init__(self, proof: SecondProof, clock: Clock) -> None:
        self._proof = proof
        self._clock = clock

    async def __call__(self, command: AddIdentity, work: UsersUnitOfWork) -> IdentityView:
        """Handle the command.

        Raises:
            AccountGone: the account was removed or closed.
            WrongPassword: the password was changed while it was checked.
            IdentityTaken: the identity stands for another account, or has ended.
            CodeMissing, WrongCode: as `SecondProof.besides_password`.
        """
        introduced = command.introduced
        known = await work.identities.hold(introduced.provider, introduced.subject)
        account = await work.accounts.hold(command.account_id)
        if account is None or not account.is_active:
            raise AccountGone
        if account.password_hash != command.verified:
            raise WrongPassword
        await self._proof.besides_password(account, command.code, work)
        identity = known or Identity.of(introduced.provider, introduced.subject, at=self._clock.now())
        identity.belong_to(account.id)
        identity.hear(introduced.email, as_of=introduced.as_of)
        await work.identities.save(identity)
        return IdentityView(
            id=identity.id,
            provider=identity.provider,
            subject=identity.subject,
            email=identity.email.address if identity.email else None,
            created_at=identity.created_at,
        )
