"""One transaction of users, and all that can be changed in it."""

from __future__ import annotations

from typing import Protocol

from hedgerow_core.application import UnitOfWork
from hedgerow_users.application.account_ports import Accounts
from hedgerow_users.application.identity_ports import Identities, Receipts
from hedgerow_users.application.key_ports import ApiKeys
from hedgerow_users.application.link_ports import Links
from hedgerow_users.application.second_factor_ports import SecondFactors
from hedgerow_users.application.session_ports import Revocations, Sessions


class UsersUnitOfWork(UnitOfWork, Protocol):
    """One transaction of this context."""

    @property
    def accounts(self) -> Accounts:
        """The accounts."""
        ...

    @property
    def sessions(self) -> Sessions:
        """The sessions."""
        ...

    @property
    def revocations(self) -> Revocations:
        """The revoked access tokens."""
        ...

    @property
    def links(self) -> Links:
        """The links."""
        ...

    @property
    def second_factors(self) -> SecondFactors:
        """The second factors."""
        ...

    @property
    def api_keys(self) -> ApiKeys:
        """The API keys, and the services."""
        ...

    @property
    def identities(self) -> Identities:
        """The identities."""
        ...

    @property
    def receipts(self) -> Receipts:
        """The webhooks that were acted upon."""
        ...
