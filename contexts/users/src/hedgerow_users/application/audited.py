"""Which commands of this context are written down in the trail, and how: one line each.

Every command stands in one of the two tables below, and a test holds that: whoever adds one decides. What changes
who may do what, or who somebody is, is written down; nobody's everyday life is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hedgerow_core.application import DONE, Audited, Command, CommandHandler, Subject
from hedgerow_users.application.commands.assign_roles import AssignRoles
from hedgerow_users.application.commands.begin_second_factor import BeginSecondFactor
from hedgerow_users.application.commands.change_password import ReplacePassword
from hedgerow_users.application.commands.confirm_email import ConfirmEmail
from hedgerow_users.application.commands.confirm_second_factor import ConfirmSecondFactor
from hedgerow_users.application.commands.create_account import CreateAccount
from hedgerow_users.application.commands.create_admin import OpenAdminAccount
from hedgerow_users.application.commands.create_api_key import CreateApiKey
from hedgerow_users.application.commands.create_service import CreateService
from hedgerow_users.application.commands.deactivate_account import DeactivateAccount
from hedgerow_users.application.commands.delete_account import DeleteAccount
from hedgerow_users.application.commands.delete_own_account import DeleteOwnAccount
from hedgerow_users.application.commands.end_every_session import EndEverySession
from hedgerow_users.application.commands.end_session import EndSession
from hedgerow_users.application.commands.impersonate_account import ImpersonateAccount
from hedgerow_users.application.commands.link_identity import AddIdentity
from hedgerow_users.application.commands.log_in import StartSession
from hedgerow_users.application.commands.log_in_by_link import RedeemLoginLink
from hedgerow_users.application.commands.log_out import LogOut
from hedgerow_users.application.commands.log_out_everywhere import LogOutEverywhere
from hedgerow_users.application.commands.make_login_link import MakeLoginLink
from hedgerow_users.application.commands.open_demo_account import OpenDemoAccount
from hedgerow_users.application.commands.provision_account import ProvisionAccount
from hedgerow_users.application.commands.reactivate_account import ReactivateAccount
from hedgerow_users.application.commands.refresh_session import ReuseFound, RotateRefreshToken
from hedgerow_users.application.commands.refuse_log_in import RefuseLogIn
from hedgerow_users.application.commands.refuse_password import RefusePassword
from hedgerow_users.application.commands.register_user import OpenAccount
from hedgerow_users.application.commands.remove_second_factor import RemoveSecondFactor
from hedgerow_users.application.commands.renew_password_hash import RenewPasswordHash
from hedgerow_users.application.commands.renew_recovery_codes import RenewRecoveryCodes
from hedgerow_users.application.commands.request_email_change import ReserveEmailChange
from hedgerow_users.application.commands.request_link import RequestLink
from hedgerow_users.application.commands.reset_password import ReplaceForgottenPassword
from hedgerow_users.application.commands.reset_second_factor import ResetSecondFactor
from hedgerow_users.application.commands.revoke_account_key import RevokeAccountKey
from hedgerow_users.application.commands.revoke_api_key import RevokeApiKey
from hedgerow_users.application.commands.revoke_leaked_key import RevokeLeakedKey
from hedgerow_users.application.commands.revoke_service import RevokeService
from hedgerow_users.application.commands.rotate_api_key import RotateApiKey
from hedgerow_users.application.commands.take_provider_news import TakeProviderNews
from hedgerow_users.application.commands.unlink_identity import UnlinkIdentity
from hedgerow_users.application.commands.update_account import UpdateAccount
from hedgerow_users.application.commands.update_own_profile import UpdateOwnProfile
from hedgerow_users.application.commands.verify_email import VerifyEmail
from hedgerow_users.domain.account_errors import EmailTaken
from hedgerow_users.domain.session_errors import RefreshTokenReused


def _account(id: object) -> Subject | None:
    return None if id is None else Subject("account", str(id))


def of_account(action: str, *details: str) -> Audited:
    """A command whose `account_id` names the account."""
    return Audited(action=action, subject=lambda command, _answer: _account(command.account_id), details=details)


def of_answered_account(action: str) -> Audited:
    """A command that answers with the account's id: who redeems a code knows nothing but the code."""
    return Audited(action=action, subject=lambda _command, answer: _account(answer))


def of_new_account(action: str, *details: str) -> Audited:
    """A command that answers with the account as it is shown."""
    return Audited(
        action=action, subject=lambda _command, answer: _account(answer.id if answer else None), details=details
    )


def of_session(action: str) -> Audited:
    """A command whose `session_id` names the session."""
    return Audited(action=action, subject=lambda command, _answer: Subject("session", str(command.session_id)))


def of_key(action: str) -> Audited:
    """A command whose `key_id` names an API key."""
    return Audited(action=action, subject=lambda command, _answer: Subject("key", str(command.key_id)))


def _service(command: CreateService | RevokeService) -> Subject:
    return Subject("service", str(command.name))


def _of_stolen(_command: Any, answer: Any) -> Subject | None:
    return Subject("session", str(answer.session_id)) if isinstance(answer, ReuseFound) else None


LOGGED_IN = of_account("users.logged_in")

AUDITED: Mapping[type[Command[Any]], Audited] = {
    OpenAccount: Audited(
        action="users.registered",
        subject=lambda _command, answer: _account(answer),
        result=lambda answer: EmailTaken.code if answer is None else DONE,
    ),
    OpenAdminAccount: of_new_account("users.admin_created"),
    OpenDemoAccount: Audited(
        action="users.demo_account_opened",
        subject=lambda command, _answer: _account(command.account_id),
        details=("roles",),
        result=lambda answer: DONE if answer else EmailTaken.code,
    ),
    StartSession: LOGGED_IN,
    RefuseLogIn: LOGGED_IN,
    RefusePassword: of_account("users.password_proved"),
    # A token that came twice: theft, or a program that lost count. Refreshing itself is everyday life.
    RotateRefreshToken: Audited(
        action="users.session_refreshed",
        subject=_of_stolen,
        result=lambda answer: RefreshTokenReused.code if isinstance(answer, ReuseFound) else None,
        refusals=False,
    ),
    EndSession: of_session("users.session_ended"),
    LogOutEverywhere: of_account("users.logged_out_everywhere"),
    ReplacePassword: of_account("users.password_changed"),
    ReplaceForgottenPassword: of_answered_account("users.password_reset"),
    VerifyEmail: of_answered_account("users.email_verified"),
    ReserveEmailChange: of_account("users.email_change_asked"),
    ConfirmEmail: of_answered_account("users.email_changed"),
    DeleteOwnAccount: of_account("users.account_deleted"),
    CreateAccount: of_new_account("users.account_created", "roles"),
    UpdateAccount: of_account("users.account_updated"),
    DeactivateAccount: of_account("users.account_deactivated"),
    ReactivateAccount: of_account("users.account_reactivated"),
    DeleteAccount: of_account("users.account_deleted"),
    AssignRoles: of_account("users.roles_assigned", "roles"),
    BeginSecondFactor: of_account("users.second_factor_begun"),
    ConfirmSecondFactor: of_account("users.second_factor_on"),
    RenewRecoveryCodes: of_account("users.recovery_codes_renewed"),
    RemoveSecondFactor: of_account("users.second_factor_off"),
    ResetSecondFactor: of_account("users.second_factor_reset"),
    MakeLoginLink: of_account("users.login_link_made"),
    RedeemLoginLink: Audited(
        action="users.logged_in_by_link",
        subject=lambda _command, answer: _account(answer.account_id if answer else None),
    ),
    EndEverySession: Audited(action="users.every_session_ended"),
    ImpersonateAccount: of_account("users.impersonated", "why"),
    CreateApiKey: of_account("users.key_created", "scopes"),
    RotateApiKey: of_key("users.key_rotated"),
    RevokeApiKey: of_key("users.key_revoked"),
    RevokeAccountKey: of_key("users.key_revoked"),
    RevokeLeakedKey: Audited(action="users.leaked_key_revoked", details=("prefix",)),
    CreateService: Audited(
        action="users.service_created", subject=lambda command, _answer: _service(command), details=("scopes",)
    ),
    RevokeService: Audited(action="users.service_revoked", subject=lambda command, _answer: _service(command)),
    AddIdentity: of_account("users.identity_linked"),
    UnlinkIdentity: of_account("users.identity_unlinked"),
    TakeProviderNews: Audited(action="users.provider_news_taken"),
}

EVERYDAY: frozenset[type[Command[Any]]] = frozenset(
    {LogOut, RequestLink, UpdateOwnProfile, RenewPasswordHash, ProvisionAccount}
)
"""Not written down: they give nobody anything, and what they change is the caller's own.

Whoever a provider introduces is provisioned in the middle of another request, past the bus; the event tells.
"""


def written_down(*handlers: CommandHandler[Any]) -> tuple[CommandHandler[Any], ...]:
    """The handlers, each with its line of the table."""
    return tuple(replace(handler, audited=AUDITED.get(handler.message)) for handler in handlers)
