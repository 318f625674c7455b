"""The seed of users: twenty people who don't exist, at addresses that nobody can have (RFC 2606 §3).

Number n has the id `demo_id("users.account", n)`. Others count on that, so never reorder or remove anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from hedgerow_core.application import Bus
from hedgerow_core.application.seeding import Seeded, Seeding, demo_id
from hedgerow_core.domain import Secret
from hedgerow_users.application.account_ports import AccountReader
from hedgerow_users.application.commands.open_demo_account import OpenDemoAccount
from hedgerow_users.application.password_ports import PasswordHasher
from hedgerow_users.domain.account import AccountId
from hedgerow_users.domain.email import Email
from hedgerow_users.domain.name import Name
from hedgerow_users.domain.password import Password, PasswordHash
from hedgerow_users.domain.roles import Role

KIND = "users.account"
DEMO_PASSWORD = "a gate in every field"  # noqa: S105 - everybody may know it, so it is set in `dev` alone

ADMIN = ("Maren Holt", "maren.holt@example.com")
PEOPLE: Sequence[tuple[str, str]] = (
    ADMIN,
    ("Tomás Ferreira", "tomas.ferreira@example.com"),
    ("Aiko Tanabe", "aiko.tanabe@example.org"),
    ("Nadia Benali", "nadia.benali@example.com"),
    ("Oskar Lindqvist", "oskar.lindqvist@example.org"),
    ("Chidinma Eze", "chidinma.eze@example.com"),
    ("Pavel Novotný", "pavel.novotny@example.org"),
    ("Rosa Marchetti", "rosa.marchetti@example.com"),
    ("Liam O'Dwyer", "liam.o'dwyer@example.com"),
    ("Hanna Seppälä", "hanna.seppala@example.org"),
    ("Arjun Malhotra", "arjun.malhotra@example.com"),
    ("Greta Zimmermann", "greta.zimmermann@example.com"),
    ("Yusuf Demirel", "yusuf.demirel@example.org"),
    ("Inés Quiroga", "ines.quiroga@example.com"),
    ("Jonas van den Berg", "jonas.vandenberg@example.org"),
    ("Mei-Ling Chou", "mei-ling.chou@example.com"),
    ("Émilie Roussel", "emilie.roussel@example.com"),
    ("Kwame Boateng", "kwame.boateng@example.org"),
    ("Zofia Wójcik", "zofia.wojcik@example.com"),
    ("Samuel Whitlock", "samuel.whitlock@example.com"),
)


@final
class SeedAccounts:
    """Opens the accounts that are missing. In `dev` all have the same password; elsewhere nobody has any.

    A password that is random and told to nobody would open nothing either, and would be one secret more.
    """

    def __init__(self, bus: Bus, hasher: PasswordHasher, accounts: AccountReader) -> None:
        self._bus = bus
        self._hasher = hasher
        self._accounts = accounts

    async def __call__(self, seeding: Seeding) -> Sequence[Seeded]:
        """Open them. An address that somebody else has is left to them."""
        in_dev = seeding.environment == "dev"
        password_hash: PasswordHash | None = None
        made = kept = 0
        for number, (name, email) in enumerate(PEOPLE, start=1):
            id = AccountId(demo_id(KIND, number))
            if await self._accounts.view(id) is not None:
                kept += 1
                continue
            if in_dev and password_hash is None:
                password_hash = await self._hashed()
            command = OpenDemoAccount(
                account_id=id,
                email=Email.written(email),
                name=Name.written(name),
                roles=frozenset({Role.ADMIN if (name, email) == ADMIN else Role.USER}),
                password_hash=password_hash,
            )
            made += await self._bus.execute(command)
        return (Seeded(what="accounts", made=made, kept=kept, note=_note(made, len(PEOPLE) - made - kept, in_dev)),)

    async def _hashed(self) -> PasswordHash:
        """Once for all: everybody knows the password, and to hash it twenty times takes a second."""
        owners = tuple(word for person in PEOPLE for word in person)
        return await self._hasher.hash(Password.chosen(Secret(DEMO_PASSWORD), owner=owners))


def _note(made: int, taken: int, in_dev: bool) -> str:
    notes = []
    if made and in_dev:
        notes.append(f"{ADMIN[1]} is the admin; the password of all is: {DEMO_PASSWORD}")
    elif made:
        notes.append("none has a password: `hedgerow users login-link ADDRESS` lets you in")
    if taken:
        notes.append(f"{taken} left out: somebody else has the address")
    return "; ".join(notes)
