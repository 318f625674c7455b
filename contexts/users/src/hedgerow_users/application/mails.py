"""What our mails say. Nothing in them was written by a user: a mail of ours must not carry a stranger's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from hedgerow_core.domain import Secret
from hedgerow_users.application.mail_ports import Message
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.link import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wording:
    subject: str
    opening: str
    page: str
    """Of the front end, below `pages_url`."""


_WORDINGS: Mapping[Purpose, _Wording] = {
    Purpose.VERIFY_EMAIL: _Wording(
        subject="Confirm your e-mail address",
        opening="Please confirm that this is your e-mail address.",
        page="verify-email",
    ),
    Purpose.RESET_PASSWORD: _Wording(
        subject="Set a new password",
        opening="Somebody, probably you, wants to set a new password for your account.",
        page="reset-password",
    ),
    Purpose.CHANGE_EMAIL: _Wording(
        subject="Confirm your new e-mail address",
        opening="Please confirm that this shall be the e-mail address of your account.",
        page="confirm-email",
    ),
}

_CLOSING = "If it wasn't you, ignore this mail: nothing changes without it. Give it to nobody."


def mail_with_link(
    to: Email, purpose: Purpose, code: Secret, *, lifetime: timedelta, pages_url: str | None
) -> Message:
    """The mail that carries a link, or the bare code where there are no pages to link to."""
    wording = _WORDINGS[purpose]
    if pages_url is None:
        way = f"Your code:\n\n{code.reveal()}"
    else:
        # In the fragment, which browsers keep to themselves: no server log and no Referer has it.
        way = f"Follow this link:\n\n{pages_url.rstrip('/')}/{wording.page}#token={code.reveal()}"
    text = f"{wording.opening}\n\n{way}\n\nIt is good for one use, within {_told(lifetime)}.\n{_CLOSING}\n"
    return Message(to=to, subject=wording.subject, text=text)


class Notice(StrEnum):
    """What an owner is told afterwards. In the ledger: never rename one."""

    NEW_ADDRESS = "new_address"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    SECOND_FACTOR_RESET = "second_factor_reset"
    RECOVERY_CODES_NEW = "recovery_codes_new"
    LOGIN_LINK_USED = "login_link_used"
    RECOVERY_CODE_USED = "recovery_code_used"


_NOTICES: Mapping[Notice, tuple[str, str]] = {
    Notice.NEW_ADDRESS: (
        "Your account has a new e-mail address",
        "Your account now has another e-mail address, and this one is no longer used.",
    ),
    Notice.SECOND_FACTOR_ON: (
        "Your account has a second factor",
        "From now on your account asks for a code of your authenticator app. Keep the recovery codes safe.",
    ),
    Notice.SECOND_FACTOR_OFF: (
        "Your account has no second factor any more",
        "Your account no longer asks for a code of your authenticator app.",
    ),
    Notice.SECOND_FACTOR_RESET: (
        "Your second factor was removed",
        "An administrator has removed the second factor of your account. Set up another one when you log in.",
    ),
    Notice.RECOVERY_CODES_NEW: (
        "Your account has new recovery codes",
        "The recovery codes of before are no longer good.",
    ),
    Notice.LOGIN_LINK_USED: (
        "Somebody logged in with a link",
        "Somebody, probably you, has logged in to your account with a link that our operators gave out.",
    ),
    Notice.RECOVERY_CODE_USED: (
        "A recovery code was used",
        "Somebody, probably you, has used one of your recovery codes. It is no longer good.",
    ),
}


def notice(to: Email, about: Notice) -> Message:
    """The mail that tells an owner what has just happened to the account."""
    subject, text = _NOTICES[about]
    warning = "If it wasn't you, somebody else uses your account: ask us for help at once."
    return Message(to=to, subject=subject, text=f"{text}\n\n{warning}\n")


def warning_of_registration(to: Email) -> Message:
    """The mail to an owner with whose address somebody registers."""
    return Message(
        to=to,
        subject="Somebody tried to register with your address",
        text=(
            "Somebody, perhaps you, tried to register with this e-mail address, which has an account already.\n\n"
            "If it was you, log in, or set a new password if you have forgotten yours.\n"
            "If it wasn't you, ignore this mail: nothing has changed, and they were not told of your account.\n"
        ),
    )


def _told(lifetime: timedelta) -> str:
    hours, rest = divmod(int(lifetime.total_seconds()), 3600)
    if hours and not rest:
        return "an hour" if hours == 1 else f"{hours} hours"
    return f"{int(lifetime.total_seconds()) // 60} minutes"
