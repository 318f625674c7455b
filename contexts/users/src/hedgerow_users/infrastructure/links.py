"""Links in PostgreSQL: minted by the task that mails them, used up in the transaction that they allow."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, final

from sqlalchemy import (
    ColumnElement,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow_core.domain import new_id
from hedgerow_core.persistence import Database
from hedgerow_users.application.link_ports import LinkRequest
from hedgerow_users.domain.account import AccountId, AccountStatus
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.link import Link, Purpose, hash_of, new_code
from hedgerow_users.infrastructure.tables import accounts, links

MAILS_EVERY = timedelta(minutes=1)
"""So often at most, an account gets a mail of one kind: whoever asks in its name can't fill its mailbox."""

_COLUMNS = ("account_id", "purpose", "request_id", "hash", "email", "issued_at", "expires_at")
_IS_DUE = links.c.issued_at <= bindparam("mailed_before", type_=links.c.issued_at.type)
_HAS_ADDRESS = func.lower(accounts.c.email) == bindparam("identity")  # uq_accounts_email
_other = accounts.alias("other")


def _mint_for_address(*conditions: ColumnElement[bool]) -> Any:
    """Finds the account of an address and replaces its link; no row if nobody is to get a mail."""
    wanted = select(
        accounts.c.id,
        bindparam("purpose", type_=links.c.purpose.type),
        bindparam("request_id", type_=links.c.request_id.type),
        bindparam("hash", type_=links.c.hash.type),
        accounts.c.email,
        bindparam("issued_at", type_=links.c.issued_at.type),
        bindparam("expires_at", type_=links.c.expires_at.type),
    ).where(_HAS_ADDRESS, accounts.c.status == AccountStatus.ACTIVE.value, *conditions)
    minted = insert(links).from_select(_COLUMNS, wanted)
    # The same request may mint again, because its mail may not have left; another one has to wait.
    same_and_unused = and_(links.c.request_id == minted.excluded.request_id, links.c.used_at.is_(None))
    return minted.on_conflict_do_update(
        constraint="pk_links",
        set_={**{name: minted.excluded[name] for name in _COLUMNS[2:]}, "used_at": None},
        where=or_(same_and_unused, _IS_DUE),
    ).returning(links.c.email)


_reserved = insert(links)
_RESERVE = _reserved.on_conflict_do_update(
    constraint="pk_links",
    set_={**{name: _reserved.excluded[name] for name in _COLUMNS[2:]}, "used_at": None},
    where=_IS_DUE,
).returning(links.c.request_id)
_ISSUE = _reserved.on_conflict_do_update(
    constraint="pk_links",
    set_={**{name: _reserved.excluded[name] for name in _COLUMNS[2:]}, "used_at": None},
)
# A taken address gets no mail: its owner has an account, and whoever asked must not learn of it.
_IS_TAKEN = exists(
    select(literal_column("1")).select_from(_other).where(func.lower(_other.c.email) == func.lower(links.c.email))
).where(_other.c.id != links.c.account_id)
_MINT_RESERVED = (
    update(links)
    .where(
        links.c.request_id == bindparam("wanted_request"),
        links.c.account_id == bindparam("account"),
        links.c.used_at.is_(None),
        accounts.c.id == links.c.account_id,
        accounts.c.status == AccountStatus.ACTIVE.value,
        ~_IS_TAKEN,
    )
    .values(hash=bindparam("hash"), issued_at=bindparam("issued_at"), expires_at=bindparam("expires_at"))
    .returning(links.c.email)
)
_MINT = {
    Purpose.VERIFY_EMAIL: _mint_for_address(accounts.c.verified_at.is_(None)),
    Purpose.RESET_PASSWORD: _mint_for_address(),
}
_IS_LIVE = and_(
    links.c.hash == bindparam("code_hash"),  # uq_links_hash
    links.c.purpose == bindparam("wanted"),
    links.c.used_at.is_(None),
    links.c.expires_at > bindparam("now"),
)
_LIVE = select(links.c.account_id, links.c.email).where(_IS_LIVE)
_REDEEM = (
    update(links).where(_IS_LIVE).values(used_at=bindparam("now")).returning(links.c.account_id, links.c.email)
)
_FORGET = delete(links).where(links.c.account_id == bindparam("account"))


@final
class DatabaseLinks:
    """Mints links and looks them up, one autocommit statement each (port `LinkMint`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def mint(self, request: LinkRequest, hash: bytes, *, at: datetime, lifetime: timedelta) -> Email | None:
        """Replace the link that mails of this purpose carry; None if nobody is to get one."""
        statement = _MINT_RESERVED if request.account_id else _MINT[request.purpose]
        values: dict[str, object] = {"hash": hash, "issued_at": at, "expires_at": at + lifetime}
        if request.account_id:
            values |= {"wanted_request": request.id, "account": request.account_id}
        else:
            values |= {"request_id": request.id, "purpose": request.purpose.value}
            values |= {"identity": request.email.identity, "mailed_before": at - MAILS_EVERY}
        async with self._database.transaction() as connection:
            to = (await connection.execute(statement, values)).scalar_one_or_none()
        return Email(to) if to else None

    async def owner_of(self, hash: bytes, purpose: Purpose, *, at: datetime) -> AccountId | None:
        """Whose link it is, if it could be redeemed now."""
        async with self._database.reading() as connection:
            found = await connection.execute(_LIVE, {"code_hash": hash, "wanted": purpose.value, "now": at})
            row = found.one_or_none()
        return AccountId(row.account_id) if row else None


@final
class LinkRepository:
    """The links inside a transaction (port `Links`)."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def reserve(self, request: LinkRequest, *, at: datetime) -> bool:
        """Make room for the link of a request; False if the account has had a mail of this kind just now."""
        reserved = await self._connection.execute(
            _RESERVE,
            {
                "account_id": request.account_id,
                "purpose": request.purpose.value,
                "request_id": request.id,
                "hash": hash_of(new_code()),  # of a code that nobody ever gets
                "email": request.email.address,
                "issued_at": at,
                "expires_at": at,
                "mailed_before": at - MAILS_EVERY,
            },
        )
        return reserved.one_or_none() is not None

    async def issue(self, link: Link, purpose: Purpose, hash: bytes, *, at: datetime, lifetime: timedelta) -> None:
        """Replace the account's link of this purpose."""
        await self._connection.execute(
            _ISSUE,
            {
                "account_id": link.account_id,
                "purpose": purpose.value,
                "request_id": new_id(),
                "hash": hash,
                "email": link.email.address,
                "issued_at": at,
                "expires_at": at + lifetime,
            },
        )

    async def redeem(self, hash: bytes, purpose: Purpose, *, at: datetime) -> Link | None:
        """Compare and set: the row lock lets one caller through, the others find the link used."""
        redeemed = await self._connection.execute(_REDEEM, {"code_hash": hash, "wanted": purpose.value, "now": at})
        row = redeemed.one_or_none()
        return _link(row) if row else None

    async def forget(self, account_id: AccountId) -> None:
        """Drop every link of an account."""
        await self._connection.execute(_FORGET, {"account": account_id})


def _link(row: Row[Any]) -> Link:
    return Link(account_id=AccountId(row.account_id), email=Email(row.email))
