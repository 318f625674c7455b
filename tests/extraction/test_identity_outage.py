"""While the host of users is away, the other one believes nobody for long, and keys for reading alone.

The three mutants show that the tests of revocation, of keys and of this outage can fail.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx

from tests.conftest import with_role
from tests.extraction.apart import Apart
from tests.extraction.test_identity import INVOICES, WITHIN_S, program_of, refused_after_s
from tests.processes import Process
from tests.scenarios.test_errors import problem
from tests.scenarios.test_revocation import log_out
from tests.story import Shopper, create_invoice, expect, sign_up

BELIEVED_FOR_S = 5.0
SLACK_S = 1.5
"""How old what is known may be already when the other host dies, and what a busy machine takes."""
AT_ONCE_S = 1.5
"""A question that nobody answers is given up after a second."""
BACK_WITHIN_S = 10.0
BODY = {"currency": "EUR", "lines": [{"description": "Rose", "quantity": 1, "unit_price": 1}]}
ADMINISTRATIVE = ("billing:invoice:read_any", "billing:statement:read_any")

Ask = Callable[[], httpx.Response]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who is known to the host of billing when the host of users dies."""

    person: Shopper
    program: Shopper
    administration: Shopper
    invoice: str
    billing: Process
    """The host that believes them."""


@contextmanager
def everybody_known(apart: Apart, mutant: str | None = None) -> Iterator[tuple[Process, Cast]]:
    """Both hosts at work; the process is that of users."""
    with apart.users.api() as (process, users), apart.billing.api(mutant) as (believing, billing):
        owner = sign_up(users)
        wanted = {"name": "First", "scopes": ["billing:invoice:read"]}
        until(201, lambda: owner.post("/v1/users/me/keys", json=wanted), BACK_WITHIN_S)
        admin = with_role(apart.home, users, "admin")
        cast = Cast(
            person=replace(owner, client=billing),
            program=program_of(owner, billing)[0],
            administration=program_of(admin, billing, *ADMINISTRATIVE)[0],
            invoice=create_invoice(replace(owner, client=billing))["id"],
            billing=believing,
        )
        for each in (cast.person, cast.program, cast.administration):
            expect(each.get(INVOICES), 200)
        yield process, cast


def until(status: int, ask: Ask, within_s: float) -> httpx.Response:
    """The first answer with this status."""
    deadline = time.monotonic() + within_s
    while (answer := ask()).status_code != status:
        assert time.monotonic() < deadline, f"still {answer.status_code}: {answer.text}"
        time.sleep(0.02)
    return answer


def test_who_cannot_be_confirmed_changes_nothing_and_is_not_believed_for_long(apart: Apart) -> None:
    with everybody_known(apart) as (users, cast):
        users.send(signal.SIGKILL)
        users.wait()
        died_at = time.monotonic()

        # Money and administration: closed at once, and nobody has to wait for it.
        refused = until(503, lambda: cast.program.post(INVOICES, json=BODY), AT_ONCE_S)
        assert refused.headers["retry-after"]
        until(503, lambda: cast.administration.get(f"{INVOICES}/{cast.invoice}"), AT_ONCE_S)
        until(503, lambda: cast.administration.get(f"/v1/billing/customers/{cast.invoice}/statement"), AT_ONCE_S)

        # Looking at what is one's own, and logins: a little longer.
        expect(cast.program.get(INVOICES), 200)
        expect(cast.person.get(INVOICES), 200)
        assert time.monotonic() - died_at < BELIEVED_FOR_S - SLACK_S, "too slow to tell anything"

        # Nobody.
        left_s = died_at + BELIEVED_FOR_S + SLACK_S - time.monotonic()
        until(503, lambda: cast.program.get(INVOICES), left_s)
        problem(until(503, lambda: cast.person.get(INVOICES), left_s), 503, "identity_unknown")
        stranger = replace(cast.program, tokens={"access_token": "hgk_of_somebody_new"})
        started = time.monotonic()
        assert stranger.get(INVOICES).status_code == 503, "perhaps it is good"
        assert time.monotonic() - started < AT_ONCE_S

        with apart.users.api():
            until(200, lambda: cast.person.get(INVOICES), BACK_WITHIN_S)
            until(200, lambda: cast.program.get(INVOICES), BACK_WITHIN_S)
            until(201, lambda: cast.program.post(INVOICES, json=BODY), BACK_WITHIN_S)

        told = users.output + cast.billing.output
        assert {"identity_unheard", "identity_heard"} <= set(re.findall(r"identity_\w+", told))
        for each in (cast.person, cast.program, stranger):
            assert each.tokens["access_token"] not in told, "no key and no token stands in a log"


def test_a_host_that_has_never_heard_of_users_refuses_nobody_for_good_and_learns_of_it_later(apart: Apart) -> None:
    with apart.users.api() as (_users, users):
        owner = sign_up(users)
    with apart.billing.api() as (_billing, billing):
        person = replace(owner, client=billing)
        program = replace(person, tokens={"access_token": "hgk_of_somebody_new"})
        cookie = {"cookie": "__Host-access=abc"}
        for answer in (person.get(INVOICES), program.get(INVOICES), billing.get(INVOICES, headers=cookie)):
            problem(answer, 503, "identity_unknown")
        problem(billing.get(INVOICES), 401, "not_authenticated")

        with apart.users.api():
            until(200, lambda: person.get(INVOICES), BACK_WITHIN_S)
            problem(program.get(INVOICES), 401, "invalid_key")


def test_who_hears_of_no_revocations_is_found_out(apart: Apart) -> None:
    with everybody_known(apart, "hears_of_no_revocations") as (_users, cast):
        with httpx.Client(base_url=apart.users.url) as users:
            log_out(replace(cast.person, client=users))

        assert refused_after_s(cast.person) > WITHIN_S


def test_who_asks_about_a_key_only_once_is_found_out(apart: Apart) -> None:
    with everybody_known(apart, "confirms_keys_once") as (_users, cast):
        with httpx.Client(base_url=apart.users.url) as users:
            owner = replace(cast.person, client=users)
            for key in expect(owner.get("/v1/users/me/keys"), 200)["items"]:
                assert owner.request("DELETE", f"/v1/users/me/keys/{key['id']}").is_success

        assert refused_after_s(cast.program) > WITHIN_S


def test_who_believes_what_nobody_confirms_is_found_out(apart: Apart) -> None:
    with everybody_known(apart, "believes_what_nobody_confirms") as (users, cast):
        users.send(signal.SIGKILL)
        users.wait()
        time.sleep(BELIEVED_FOR_S + SLACK_S)

        expect(cast.person.get(INVOICES), 200)
        expect(cast.program.get(INVOICES), 200)
