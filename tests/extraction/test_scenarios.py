"""The scenarios of users and billing, unedited, with each of both on a host of its own.

What they ask for is `client`, `shopper` and `shared_production`; here these are of two hosts. In the long tier, so
are the scenarios of accounts, sessions, errors and limits. What a host tells of itself (its document, its trail) is
told by each host, and no scenario of both.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.testing.mailbox import Mailbox
from tests.conftest import Production, mailbox_of_a_host
from tests.extraction.placements import APART, Deployment, deployed
from tests.faults.laboratory.sizes import LONG
from tests.scenarios.test_billing import *  # noqa: F403
from tests.scenarios.test_books import *  # noqa: F403
from tests.scenarios.test_customers import *  # noqa: F403
from tests.scenarios.test_story import (  # noqa: F401
    test_a_declined_card_leaves_the_invoice_open_and_payable_again,
    test_a_gateway_that_times_out_is_asked_again_and_never_guessed,
    test_the_story_plays_on_api_and_worker_as_separate_processes,
)

if LONG:
    from tests.scenarios.test_accounts import *  # noqa: F403
    from tests.scenarios.test_errors import *  # noqa: F403
    from tests.scenarios.test_limits import *  # noqa: F403
    from tests.scenarios.test_sessions import *  # noqa: F403

    del test_the_document_describes_every_route_its_security_and_its_problems  # noqa: F821 - each host has its own


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    """Where the mail of both goes."""
    with mailbox_of_a_host() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def deployment(
    postgres_server: DatabaseAddress, redis_url: str, tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("apart") / "hosts"
    with deployed(APART, postgres_server, redis_url, folder, USERS_SMTP_URL=mailbox.url) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def shared_production(deployment: Deployment, mailbox: Mailbox) -> Production:
    """The host of users, which knows where that of billing is."""
    users, billing = (deployment.hosting(context).host for context in ("users", "billing"))
    elsewhere = {"billing": Production(billing.folder, billing.environment, mailbox)}
    return Production(users.folder, users.environment, mailbox, elsewhere)


@pytest.fixture(scope="module")
def client(deployment: Deployment) -> Iterator[httpx.Client]:
    """A client that finds both hosts behind one name."""
    with deployment.front() as client:
        yield client


def test_both_hosts_know_their_own_context_alone(deployment: Deployment) -> None:
    """The twin: were both in one host after all, the scenarios would show nothing."""
    documents = [httpx.get(f"{each.host.url}/openapi.json").text for each in deployment.running]

    served = [[name for name in ("users", "billing") if f'"/v1/{name}/' in each] for each in documents]
    assert served == [["users"], ["billing"]]
