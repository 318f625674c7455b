"""Which of our queries other contexts may ask, and what they are answered."""

from __future__ import annotations

from hedgerow_core.questions import PublishedQuery
from hedgerow_users.application.account_view import AccountView
from hedgerow_users.application.queries.look_up_account import LookUpAccount
from hedgerow_users.contracts import GetUserV1, UserV1


def _look_up(asked: GetUserV1) -> LookUpAccount:
    return LookUpAccount(account_id=asked.user_id)


def _user(account: AccountView) -> UserV1:
    return UserV1(
        user_id=account.id,
        email=account.email,
        email_verified=account.verified_at is not None,
        name=account.name,
        status=account.status.value,
        registered_at=account.created_at,
    )


ANSWERS = (PublishedQuery(contract=GetUserV1, query=LookUpAccount, ask=_look_up, answer=_user),)
