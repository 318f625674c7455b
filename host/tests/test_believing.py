"""Which other hosts have a say in who callers are, and what they can't take over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.requests import Request

from core.tests.identity.estate import Garden, Lane, Watch, somebody
from hedgerow_core.domain import AuthenticationError, DomainError
from hedgerow_core.http import Access
from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.identity import RemoteIdentity
from hedgerow_host.assembly import Assembly
from hedgerow_host.catalog import compose
from hedgerow_host.settings import HostSettings, Remote
from hedgerow_host.wire.believing import identities_of

KEY = "hgk_of_the_garden"
Host = Callable[..., Assembly]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Composes a host of one context that names others."""
    monkeypatch.chdir(tmp_path)

    def composed(context: str, **remotes: bool | None) -> Assembly:
        named = {name: Remote(url="http://localhost:1", vouches=vouches) for name, vouches in remotes.items()}
        return compose(HostSettings(contexts=(context,), remotes=named, data_dir=tmp_path))[0]

    return composed


@pytest.mark.parametrize(
    ("context", "remote", "vouches", "may_vouch"),
    [
        ("billing", "users", None, True),
        ("billing", "users", False, False),
        ("users", "billing", None, False),
        ("users", "billing", True, True),
    ],
)
def test_others_vouch_where_nobody_does_unless_the_operator_says_otherwise(
    host: Host, context: str, remote: str, vouches: bool | None, may_vouch: bool
) -> None:
    (identity,) = identities_of(host(context, **{remote: vouches}))

    assert (identity.context, identity.may_vouch) == (remote, may_vouch)


async def heard(*, may_vouch: bool = True, issuer: str = "garden") -> tuple[Garden, RemoteIdentity]:
    """Somebody elsewhere who vouches for tokens of this issuer, and for keys that look like those of users."""
    garden = Garden(Watch())
    garden.people[KEY] = somebody(scopes=frozenset({"billing:read"}))
    lane = Lane(garden.voucher(garden.issuer(issuer=issuer), prefix="hgk_"))
    identity = RemoteIdentity("garden", lane, InProcessLimiter(), may_vouch=may_vouch)
    await identity.hear()
    return garden, identity


async def let_in(assembly: Assembly, credential: str) -> Request:
    """A request that the gate lets pass."""
    request = Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": [(b"authorization", f"Bearer {credential}".encode())],
            "client": ("192.0.2.1", 1),
        }
    )
    for stage in assembly.gate.stages_for(Access(needs_principal=True), scope="billing:read"):
        await stage(request)
    return request


async def test_what_is_vouched_for_elsewhere_is_believed_and_permitted_here(host: Host) -> None:
    assembly, (garden, identity) = host("billing", users=None), await heard()
    assembly.common.elsewhere.append(identity)
    assembly.common.heed(assembly.contexts)
    who = somebody()

    assert (await let_in(assembly, garden.token(who))).state.principal == who
    assert (await let_in(assembly, KEY)).state.principal == garden.people[KEY]
    for permission in ("garden:rose:cut", "billing:invoice:read"):
        assert permission in assembly.permissions


async def test_who_may_not_vouch_lets_nobody_in_and_says_what_it_permits_all_the_same(host: Host) -> None:
    assembly, (garden, identity) = host("billing", users=None), await heard(may_vouch=False)
    assembly.common.elsewhere.append(identity)
    assembly.common.heed(assembly.contexts)

    for credential in (garden.token(somebody()), KEY):
        with pytest.raises(AuthenticationError):
            await let_in(assembly, credential)
    assert "garden:rose:cut" in assembly.permissions


async def test_nobody_elsewhere_takes_over_an_issuer_or_the_keys_of_a_context_that_is_here(host: Host) -> None:
    assembly = host("users", billing=True)
    ((own, *_),) = (context.issuers for context in assembly.contexts)
    garden, identity = await heard(issuer=own.issuer)
    assembly.common.elsewhere.append(identity)
    assembly.common.heed(assembly.contexts)

    forged = garden.token(somebody(), iss=own.issuer, aud=own.audience)
    for credential in (forged, KEY):
        with pytest.raises(DomainError):
            await let_in(assembly, credential)
    assert garden.asked[KEY] == 0
