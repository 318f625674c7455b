"""What our mails say. Nothing in them was written by a user: a mail of ours must not carry a stranger's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from hedgerow_core.domain import Secret
from hedgerow_users.application.ports import Message
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


def notice_of_new_address(to: Email) -> Message:
    """The mail to an address that an account has left."""
    return Message(
        to=to,
        subject="Your account has a new e-mail address",
        text=(
            "Your account now has another e-mail address, and this one is no longer used.\n\n"
            "If it wasn't you, somebody else uses your account: ask us for help at once.\n"
        ),
    )


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
