"""What strangers may change or guess at without a login has a limit of its own, below that of all routes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from hedgerow_core.http.throttling import quotas_of
from hedgerow_host.catalog import compose
from hedgerow_host.mounting import MountedRoute
from hedgerow_host.settings import HostSettings

UNLIMITED = {
    "users_refresh": "a token of 256 bits is not worth guessing",
    "users_logout": "as above",
    "users_receive_webhook": "a signature of 256 bits",
}


@pytest.fixture
def routes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[MountedRoute]:
    monkeypatch.chdir(tmp_path)
    return compose(HostSettings(data_dir=tmp_path))[1]


def without_quota(routes: Iterable[MountedRoute]) -> set[str]:
    """Operations of strangers that change something and are limited as all routes are, no more."""
    return {
        route.operation
        for route in routes
        if str(route.access) == "public" and route.method != "GET" and not quotas_of(route.route.endpoint)
    }


def test_what_strangers_may_do_is_limited_more_narrowly_than_all_routes(routes: list[MountedRoute]) -> None:
    assert without_quota(routes) == UNLIMITED.keys()


def test_a_route_without_a_quota_is_found(routes: list[MountedRoute]) -> None:
    register = next(route for route in routes if route.operation == "users_register")
    quotas = quotas_of(register.route.endpoint)
    assert [quota.limit for quota in quotas] == [10]
    for attribute, value in list(vars(register.route.endpoint).items()):
        if value == quotas:
            delattr(register.route.endpoint, attribute)
    assert "users_register" in without_quota(routes)
