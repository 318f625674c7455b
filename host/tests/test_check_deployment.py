"""`hedgerow check --deploy`: what is unwise in production is found, and what is wise is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings
from typer.testing import CliRunner

from hedgerow_core.application.concerns import Concern
from hedgerow_host.checks import check
from hedgerow_host.checks.deployment import guessable_secrets, unwise_in_production
from hedgerow_host.checks.guessable import why_guessable
from hedgerow_host.checks.meanings import MEANINGS
from hedgerow_host.checks.settings import settings_as_far_as_usable
from hedgerow_host.cli.verbs import verbs_behind
from hedgerow_host.settings import HostSettings

Install = Callable[..., None]

GOOD = {
    "HEDGEROW_ENV": "prod",
    "HEDGEROW_DATABASE_URL": "postgresql://shop:aB3dE6fG9hJ2kL5m@db.shop.internal/shop?sslmode=verify-full",
    "HEDGEROW_BROKER_URL": "rediss://:aB3dE6fG9hJ2kL5m@redis.shop.internal:6379/0",
    "HEDGEROW_REPLICA_URL": "postgresql://shop:aB3dE6fG9hJ2kL5m@re.shop.internal/shop?sslmode=verify-full",
    "HEDGEROW_CACHE_URL": "rediss://:aB3dE6fG9hJ2kL5m@redis.shop.internal:6379/1",
    "HEDGEROW_TRUSTED_PROXIES": "10.0.3.0/24",
    "HEDGEROW_CORS_ORIGINS": "https://app.shop.com",
    "HEDGEROW_STREAM_URL": "amqps://shop:aB3dE6fG9hJ2kL5m@stream.shop.internal/shop",
    "HEDGEROW_OTLP_ENDPOINT": "https://collector.shop.internal:4318",
    "HEDGEROW_METRICS_PORT": "9100",
    "HEDGEROW_GRPC_PORT": "50051",
    "HEDGEROW_REMOTES__WAREHOUSE__URL": "https://warehouse.shop.internal",
    "HEDGEROW_HOST_SECRET": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
}
"""Nothing to say about it."""

UNWISE = [
    ("W101", "HEDGEROW_ENV", "test"),
    ("W101", "HEDGEROW_ENV", "dev"),
    ("E006", "HEDGEROW_DATABASE_URL", ""),
    ("E006", "HEDGEROW_BROKER_URL", ""),
    ("W102", "HEDGEROW_DATABASE_URL", "postgresql://shop:aB3dE6fG9hJ2kL5m@db.shop.internal/shop"),
    ("W102", "HEDGEROW_DATABASE_URL", "postgresql://shop:aB3dE6fG9hJ2kL5m@10.0.0.5/shop?sslmode=require"),
    ("W102", "HEDGEROW_BROKER_URL", "redis://:aB3dE6fG9hJ2kL5m@redis.shop.internal:6379/0"),
    ("W102", "HEDGEROW_BROKER_URL", "amqp://shop:aB3dE6fG9hJ2kL5m@rabbit.shop.internal/"),
    ("W102", "HEDGEROW_REPLICA_URL", "postgresql://shop:aB3dE6fG9hJ2kL5m@re.shop.internal/shop"),
    ("W110", "HEDGEROW_REPLICA_URL", "postgresql://shop:shop@localhost/shop"),
    ("W102", "HEDGEROW_CACHE_URL", "redis://:aB3dE6fG9hJ2kL5m@redis.shop.internal:6379/1"),
    ("W102", "HEDGEROW_STREAM_URL", "redis://:aB3dE6fG9hJ2kL5m@stream.shop.internal:6379/0"),
    ("W102", "HEDGEROW_STREAM_URL", "kafka://one.shop.internal:9092,other.shop.internal:9092"),
    ("W102", "HEDGEROW_OTLP_ENDPOINT", "http://collector.shop.internal:4318"),
    ("W102", "HEDGEROW_REMOTES__WAREHOUSE__URL", "http://warehouse.shop.internal"),
    ("W110", "HEDGEROW_HOST_SECRET", "change-me-change-me-change-me-change"),
    ("W103", "HEDGEROW_BROKER_URL", "rediss://redis.shop.internal:6379/0"),
    ("W103", "HEDGEROW_CACHE_URL", "rediss://redis.shop.internal:6379/1"),
    ("W104", "HEDGEROW_TRUSTED_PROXIES", ""),
    ("W105", "HEDGEROW_TRUSTED_PROXIES", "0.0.0.0/0"),
    ("W105", "HEDGEROW_TRUSTED_PROXIES", "10.0.0.0/8"),
    ("W105", "HEDGEROW_TRUSTED_PROXIES", "::/0"),
    ("W106", "HEDGEROW_DOCS", "true"),
    ("W107", "HEDGEROW_CORS_ORIGINS", "*"),
    ("W107", "HEDGEROW_CORS_ORIGINS", "https://app.shop.com,http://old.shop.com"),
    ("W108", "HEDGEROW_KEEP_EVENTS_DAYS", "2"),
    ("W108", "HEDGEROW_KEEP_AUDIT_DAYS", "30"),
    ("W112", "HEDGEROW_REMOTES", '{"depot": {"url": "https://depot.shop.internal"}}'),
    ("W110", "HEDGEROW_DATABASE_URL", "postgresql://shop:shop@localhost/shop"),
    ("W110", "HEDGEROW_BROKER_URL", "redis://:redis-password-1@localhost:6379/0"),
    ("W110", "HEDGEROW_CACHE_URL", "redis://:redis-password-1@localhost:6379/1"),
    ("N101", "HEDGEROW_METRICS_HOST", "0.0.0.0"),
    ("N102", "HEDGEROW_GRPC_HOST", "0.0.0.0"),
    ("N102", "HEDGEROW_GRPC_HOST", "10.0.0.5"),
]


@pytest.fixture
def production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that nothing is to be said about, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for variable, value in GOOD.items():
        monkeypatch.setenv(variable, value)
    return monkeypatch


def found() -> list[tuple[str, str]]:
    return [(one.number, one.subject) for one in unwise_in_production(HostSettings())]


def test_a_host_that_is_set_up_well_hears_nothing(production: pytest.MonkeyPatch) -> None:
    assert found() == []


@pytest.mark.parametrize(
    "url", ["postgresql://shop@/shop?host=/run/postgresql", "postgresql://shop@127.0.0.1/shop"]
)
def test_a_connection_that_stays_on_the_machine_needs_no_tls(production: pytest.MonkeyPatch, url: str) -> None:
    production.setenv("HEDGEROW_DATABASE_URL", url)
    production.setenv("HEDGEROW_BROKER_URL", "redis://localhost:6379/0")

    assert found() == []


def test_grpc_with_a_certificate_may_be_served_anywhere(production: pytest.MonkeyPatch) -> None:
    production.setenv("HEDGEROW_GRPC_HOST", "0.0.0.0")
    production.setenv("HEDGEROW_GRPC_TLS_CERT", "server.crt")
    production.setenv("HEDGEROW_GRPC_TLS_KEY", "server.key")

    assert found() == []


@pytest.mark.parametrize(("number", "variable", "value"), UNWISE)
def test_what_is_unwise_is_named(production: pytest.MonkeyPatch, number: str, variable: str, value: str) -> None:
    production.setenv(variable, value)

    assert found() == [(number, variable)]


def test_a_file_of_secrets_that_others_can_read_is_named(production: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.touch(mode=0o600)
    assert found() == []

    file.chmod(0o640)

    assert found() == [("W109", ".env")]


def test_everything_unwise_has_an_example() -> None:
    of_settings = {number for number in MEANINGS if number[1] == "1"} - {
        "W109",
        "W111",
    }  # by a file, by the database

    assert of_settings | {"E006"} == {number for number, _variable, _value in UNWISE}


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("aB3dE6fG9hJ", "is shorter than 12 characters"),
        ("abcabcabcabcabcabcabcabcabcabcabc", "repeats a few characters"),
        ("change-me-please-0a9b8c7d6e", "looks like one from an example"),
        ("5f1e9a0c7b3d2846aa10ffeeb3c4d5e6", None),
    ],
)
def test_a_secret_that_can_be_guessed_is_told_from_one_that_cannot(secret: str, why: str | None) -> None:
    assert why_guessable(secret) == why


def test_the_secrets_of_every_context_are_looked_at_and_never_quoted() -> None:
    class GardenSettings(BaseSettings):
        model_config = {"env_prefix": "GARDEN_"}
        key: SecretStr | None = SecretStr("my-secret-password")
        other: SecretStr | None = None
        name: str = "password"

    (one,) = guessable_secrets("garden", GardenSettings())

    assert (one.id, one.subject) == ("garden.W110", "GARDEN_KEY")
    assert "my-secret" not in one.what + one.fix


# Settings that can't be used at all


def test_all_unusable_settings_are_said_at_once(production: pytest.MonkeyPatch) -> None:
    for variable, value in {
        "HEDGEROW_PORT": "many",
        "HEDGEROW_TRUSTED_PROXIES": "home",
        "USERS_SECRET": "short",
        "BILLING_GATEWAY": "stripe",
        "BILLING_STRIPE_API_KEY": "",
        "BILLING_STRIPE_WEBHOOK_SECRET": "",
    }.items():
        production.setenv(variable, value)

    findings, assembly = check(*settings_as_far_as_usable())

    assert assembly is None
    assert {(one.id, one.subject) for one in findings} == {
        ("host.E005", "HEDGEROW_PORT"),
        ("host.E005", "HEDGEROW_TRUSTED_PROXIES"),
        ("users.E005", "USERS_SECRET"),
        ("billing.E005", "BILLING_STRIPE_API_KEY"),
        ("billing.E005", "BILLING_STRIPE_WEBHOOK_SECRET"),
    }
    assert all(one.fix for one in findings)
    assert "short" not in str(findings)


# What contexts say themselves

CONCERNED = """
    from hedgerow_core.application.concerns import Concern

    @hookimpl
    def checks(container):
        return [
            Concern(number="E500", subject="GARDEN_FENCE", what="is open", fix="close it", in_production=False),
            Concern(number="W501", subject="GARDEN_GATE", what="has no lock", fix="buy one"),
        ]
"""


def ids(*, deploy: bool) -> list[str]:
    findings, _assembly = check(HostSettings(contexts=("garden",)), deploy=deploy)
    return [one.id for one in findings if one.context == "garden" and one.number != "E003"]


def test_a_context_brings_its_own_checks(install: Install) -> None:
    install("garden", CONCERNED)

    assert ids(deploy=False) == ["garden.E500"]
    assert ids(deploy=True) == ["garden.E500", "garden.W501"]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("raise RuntimeError('thorns')", "its hook `checks` raised RuntimeError: thorns"),
        ("return ['the fence is open']", "its hook `checks` returned a str among its Concern"),
    ],
)
def test_a_hook_that_fails_is_a_finding_itself(install: Install, body: str, what: str) -> None:
    install("garden", f"@hookimpl\ndef checks(container):\n    {body}\n")

    findings, _assembly = check(HostSettings(contexts=("garden",)))

    (failed,) = (one for one in findings if one.number == "E001")
    assert (failed.id, failed.what) == ("garden.E001", what)


@pytest.mark.parametrize("number", ["W101", "E499", "X500", "W5001", "500"])
def test_a_context_takes_no_number_of_the_host(number: str) -> None:
    with pytest.raises(ValueError, match="E500 to N999"):
        Concern(number=number, subject="GARDEN_GATE", what="has no lock", fix="buy one")


# Output


def hedgerow_check(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(verbs_behind("check"), ["check", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_deploy_warns_and_fails_only_if_told_to(production: pytest.MonkeyPatch, install: Install) -> None:
    install("garden", CONCERNED.replace("in_production=False", "in_production=True").replace("E500", "N500"))
    production.setenv("HEDGEROW_CONTEXTS", "garden")
    CliRunner().invoke(verbs_behind("contracts"), ["contracts", "write"])

    code, said, told = hedgerow_check("--deploy", "--no-database")

    assert (code, said.splitlines()) == (
        0,
        [
            "garden.N500 GARDEN_FENCE: is open",
            "  fix: close it",
            "garden.W501 GARDEN_GATE: has no lock",
            "  fix: buy one",
        ],
    )
    assert told.splitlines() == ["The database was not looked at: --no-database.", "0 errors, 1 warning, 1 note"]
    assert hedgerow_check("--deploy", "--no-database", "--fail-level", "warning")[0] == 1
    assert json.loads(hedgerow_check("--no-database", "--json")[1]) == []
