"""What settings open or close at the edge: the document, other origins, the limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from hedgerow_core.http.in_process_limiter import InProcessLimiter
from hedgerow_core.http.redis_limiter import RedisLimiter
from hedgerow_host.api import create_app
from hedgerow_host.assembly import NOWHERE, assemble
from hedgerow_host.rate_limits import limiter_for, quota_of_all_routes
from hedgerow_host.readiness import Readiness
from hedgerow_host.settings import HostSettings
from hedgerow_host.watch import Watch

APP = "https://app.example.com"
PREFLIGHT = {"Origin": APP, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}


def settings_of(monkeypatch: pytest.MonkeyPatch, **variables: str) -> HostSettings:
    for name, value in variables.items():
        monkeypatch.setenv(f"HEDGEROW_{name}", value)
    return HostSettings()


def client_of(settings: HostSettings, folder: Path) -> httpx.AsyncClient:
    assembly = assemble([], environment=settings.env, data_dir=folder)
    app = create_app(assembly, [], Readiness(assembly, Watch(assembly)), settings=settings)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.parametrize(
    ("variables", "status"),
    [
        ({"ENV": "dev"}, 200),
        ({"ENV": "test"}, 200),
        ({"ENV": "prod"}, 404),
        ({"ENV": "prod", "DOCS": "true"}, 200),
        ({"ENV": "dev", "DOCS": "false"}, 404),
    ],
)
async def test_the_document_is_served_everywhere_but_in_production_unless_told(
    variables: Mapping[str, str], status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with client_of(settings_of(monkeypatch, **variables), tmp_path) as http:
        assert [(await http.get(path)).status_code for path in ("/docs", "/openapi.json")] == [status, status]


@pytest.mark.parametrize(("environment", "shown"), [("dev", True), ("test", False), ("prod", False)])
async def test_in_dev_alone_everybody_sees_versions_and_alarms(
    environment: str, shown: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with client_of(settings_of(monkeypatch, ENV=environment), tmp_path) as http:
        assert ("contexts" in (await http.get("/readyz")).json()) is shown


async def test_a_page_of_a_named_origin_may_call_and_read_our_fields(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with client_of(settings_of(monkeypatch, CORS_ORIGINS=f"{APP}, https://b.example.com"), tmp_path) as http:
        asked = await http.options("/livez", headers=PREFLIGHT)
        answered = await http.get("/livez", headers={"Origin": APP})
        lost = await http.get("/nowhere", headers={"Origin": APP})
        stranger = await http.get("/livez", headers={"Origin": "https://evil.example"})

    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, APP)
    for answer in (asked, answered, lost, stranger):
        assert answer.headers.get_list("x-content-type-options") == ["nosniff"]
        assert len(answer.headers.get_list("content-security-policy")) == 1
    assert answered.headers["access-control-allow-origin"] == APP
    assert "ETag" in answered.headers["access-control-expose-headers"]
    assert lost.headers["access-control-allow-origin"] == APP, "it may read why, too"
    assert "access-control-allow-origin" not in stranger.headers
    assert "access-control-allow-credentials" not in answered.headers


async def test_without_the_setting_no_page_may_call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with client_of(settings_of(monkeypatch), tmp_path) as http:
        asked = await http.options("/livez", headers=PREFLIGHT)
        answered = await http.get("/livez", headers={"Origin": APP})

    assert asked.status_code == 405
    assert "access-control-allow-origin" not in answered.headers


@pytest.mark.parametrize(
    "variables",
    [
        {"CORS_ORIGINS": "*", "CORS_CREDENTIALS": "true"},
        {"CORS_ORIGINS": f"{APP},*", "CORS_CREDENTIALS": "true"},
        {"CORS_ORIGINS": "app.example.com"},
        {"CORS_ORIGINS": f"{APP}/"},
        {"CORS_ORIGINS": "ftp://app.example.com"},
        {"TRUSTED_PROXIES": "proxy"},
        {"TRUSTED_PROXIES": "*"},
        {"TRUSTED_PROXIES": "10.0.0.1/8"},
        {"RATE_LIMIT_PER_MINUTE": "0"},
    ],
)
def test_what_would_open_too_much_or_means_nothing_is_refused(
    variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError):
        settings_of(monkeypatch, **variables)


def test_the_twins_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(
        monkeypatch, CORS_ORIGINS=APP, CORS_CREDENTIALS="true", TRUSTED_PROXIES="10.0.0.0/8, ::1"
    )

    assert (settings.cors_origins, settings.cors_credentials) == ((APP,), True)
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert settings_of(monkeypatch, CORS_ORIGINS="*", CORS_CREDENTIALS="false").cors_origins == ("*",)


@pytest.mark.parametrize(
    ("broker_url", "kind"),
    [
        ("", InProcessLimiter),
        ("amqp://127.0.0.1:1/", InProcessLimiter),
        ("redis://127.0.0.1:1/0", RedisLimiter),
    ],
)
def test_uses_are_counted_in_redis_if_that_is_the_broker(
    broker_url: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert type(limiter_for(settings_of(monkeypatch, BROKER_URL=broker_url), NOWHERE)) is kind


async def test_limits_are_a_hundred_times_as_wide_in_tests_and_a_sixth_may_come_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hedgerow_core.application import Claim

    for environment, width in (("prod", 1), ("test", 100)):
        settings = settings_of(monkeypatch, ENV=environment)
        verdict = await limiter_for(settings, NOWHERE).spend(Claim(quota_of_all_routes(settings), "ann"))
        (standing,) = verdict.standings
        assert (standing.quota.limit, standing.remaining) == (600 * width, 100 * width - 1)
