"""What would be unwise in production though it boots: `hedgerow check --deploy`. Looks at settings alone."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from hedgerow_core.persistence import DatabaseAddress
from hedgerow_host.checks.findings import HOST, Finding
from hedgerow_host.checks.guessable import why_guessable
from hedgerow_host.settings import ENV_FILE, RABBITMQ_SCHEMES, Environment, HostSettings, variable_of
from hedgerow_host.wire.unsound_remotes import variable_of_remote

CHECKED_TLS = ("verify-ca", "verify-full")
TLS_SCHEMES = ("rediss", "amqps", "https", "unix")
WIDEST_PROXIES = 65_536
"""Addresses of a /16: larger than any private network of proxies needs to be."""
FEWEST_DAYS_OF_EVENTS = 4
"""A subscriber that stood still over a long weekend finds on Monday what it missed."""
FEWEST_DAYS_OF_AUDIT = 90
"""Break-ins are often noticed after weeks; then somebody wants to read how it began."""


def unwise_in_production(settings: HostSettings) -> Iterator[Finding]:
    """Everything about the host's own settings that somebody should think about before the first visitor comes."""
    for look in _LOOKS:
        yield from look(settings)


def guessable_secrets(context: str, settings: BaseSettings) -> Iterator[Finding]:
    """Secrets in the settings of a context, or of the host, that could be guessed."""
    prefix = settings.model_config.get("env_prefix", "")
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield from _guessable(
                context, variable_of(name, prefix, field.validation_alias), value.get_secret_value()
            )


def _environment(settings: HostSettings) -> Iterator[Finding]:
    if settings.env is not Environment.PROD:
        yield _of_host(
            "W101",
            "HEDGEROW_ENV",
            f"makes this {settings.env}, where logs, documents and limits are made for developers",
            "set it to prod",
        )


def _needed(settings: HostSettings) -> Iterator[Finding]:
    needed = {
        "HEDGEROW_DATABASE_URL": (
            settings.database_url,
            "`api` and `worker`",
            "postgresql://user:password@host/db",
        ),
        "HEDGEROW_BROKER_URL": (settings.broker_url, "`worker`", "rediss://:password@host:6379/0"),
    }
    for variable, (value, who, form) in needed.items():
        if value is None:
            yield _of_host("E006", variable, f"is not set, and {who} won't start without it", f"set it to {form}")


def _databases(settings: HostSettings) -> Iterator[tuple[str, DatabaseAddress]]:
    for variable, address in (
        ("HEDGEROW_DATABASE_URL", settings.database_url),
        ("HEDGEROW_REPLICA_URL", settings.replica_url),
    ):
        if address is not None:
            yield variable, address


def _open_lines(settings: HostSettings) -> Iterator[Finding]:
    for variable, database in _databases(settings):
        mode = str(database.url.query.get("ssl", "prefer"))
        leaves = not _stays_here(database.url.host or str(database.url.query.get("host", "")))
        if leaves and mode not in CHECKED_TLS:
            yield _of_host(
                "W102",
                variable,
                f"leads to another machine with sslmode {mode}: whoever is between can read along, or pose as it",
                "append ?sslmode=verify-full; an authority of your own goes into PGSSLROOTCERT",
            )
    for variable, url, fix in (
        ("HEDGEROW_BROKER_URL", settings.broker_url, "use rediss:// or amqps://"),
        ("HEDGEROW_CACHE_URL", settings.cache_url, "use rediss://"),
        ("HEDGEROW_STREAM_URL", settings.stream_url, "use rediss:// or amqps://; Kafka is for one's own network"),
        ("HEDGEROW_OTLP_ENDPOINT", settings.otlp_endpoint, "use https://"),
        *(
            (variable_of_remote(name), remote.url, "use https://")
            for name, remote in (settings.remotes or {}).items()
        ),
    ):
        parts = urlsplit(url or "")
        if url and parts.scheme not in TLS_SCHEMES and not _stays_here(parts.hostname or ""):
            yield _of_host("W102", variable, f"leads to another machine by {parts.scheme}://, in the clear", fix)


def _open_cache(settings: HostSettings) -> Iterator[Finding]:
    parts = urlsplit(settings.cache_url or "")
    if parts.hostname and not parts.password and not _stays_here(parts.hostname):
        yield _of_host(
            "W103",
            "HEDGEROW_CACHE_URL",
            "has no password, so everybody in that network can read and change the answers that are remembered",
            "give the Redis one, and write rediss://:password@host/1",
        )


def _open_broker(settings: HostSettings) -> Iterator[Finding]:
    parts = urlsplit(settings.broker_url or "")
    if parts.hostname and not parts.password and not _stays_here(parts.hostname):
        fix = (
            "amqps://user:password@host/vhost" if parts.scheme in RABBITMQ_SCHEMES else "rediss://:password@host/0"
        )
        yield _of_host(
            "W103",
            "HEDGEROW_BROKER_URL",
            "has no password, so everybody in that network can wake workers and reset rate limits",
            f"give the broker one, and write {fix}",
        )


def _proxies(settings: HostSettings) -> Iterator[Finding]:
    if settings.trusted_proxies is None:
        yield _of_host(
            "W104",
            "HEDGEROW_TRUSTED_PROXIES",
            "is not set: behind the proxy that ends TLS, all callers look like one, and share one rate limit",
            "set it to the networks of your proxies, such as 10.0.3.0/24; to 127.0.0.1/32 if there are none",
        )
    for network in settings.trusted_proxies or ():
        if ip_network(network).num_addresses > WIDEST_PROXIES and not ip_network(network).is_loopback:
            yield _of_host(
                "W105",
                "HEDGEROW_TRUSTED_PROXIES",
                f"trusts {network}: each of these addresses may claim to be anybody's proxy",
                "name the networks of your proxies alone",
            )


def _document(settings: HostSettings) -> Iterator[Finding]:
    if settings.docs:
        yield _of_host(
            "W106",
            "HEDGEROW_DOCS",
            "serves /docs and /openapi.json to everybody",
            "leave it unset, unless the API is meant for strangers",
        )


def _pages(settings: HostSettings) -> Iterator[Finding]:
    for origin in settings.cors_origins or ():
        url = urlsplit(origin)
        if origin == "*":
            what = "lets every page there is call from a browser"
        elif url.scheme == "http" and not _stays_here(url.hostname or ""):
            what = f"believes pages of {origin}, which whoever is between can rewrite"
        else:
            continue
        yield _of_host("W107", "HEDGEROW_CORS_ORIGINS", what, "name the https:// origins of your pages alone")


def _vouching(settings: HostSettings) -> Iterator[Finding]:
    unsaid = [name for name, remote in (settings.remotes or {}).items() if remote.vouches is None]
    if len(unsaid) > 1:
        yield _of_host(
            "W112",
            "HEDGEROW_REMOTES",
            f"names {', '.join(unsaid)}, each of which could say who the callers of this host are",
            "set …__VOUCHES=true for the one that keeps accounts, and =false for all others",
        )


def _retention(settings: HostSettings) -> Iterator[Finding]:
    for variable, days, fewest, why in (
        ("HEDGEROW_KEEP_EVENTS_DAYS", settings.keep_events_days, FEWEST_DAYS_OF_EVENTS, "a long weekend is longer"),
        (
            "HEDGEROW_KEEP_AUDIT_DAYS",
            settings.keep_audit_days,
            FEWEST_DAYS_OF_AUDIT,
            "a break-in may be noticed later",
        ),
    ):
        if days < fewest:
            yield _of_host("W108", variable, f"keeps {days} days, and {why}", f"set it to {fewest} or more")


def _env_file(_settings: HostSettings) -> Iterator[Finding]:
    file = Path(ENV_FILE)
    if file.is_file() and file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield _of_host("W109", ENV_FILE, "can be read by others on this machine", f"chmod 600 {ENV_FILE}")


def _passwords(settings: HostSettings) -> Iterator[Finding]:
    for variable, database in _databases(settings):
        if database.url.password:
            yield from _guessable(HOST, variable, database.url.password)
    for variable, url in (("HEDGEROW_BROKER_URL", settings.broker_url), ("HEDGEROW_CACHE_URL", settings.cache_url)):
        password = urlsplit(url or "").password
        if password:
            yield from _guessable(HOST, variable, unquote(password))
    yield from guessable_secrets(HOST, settings)


def _metrics(settings: HostSettings) -> Iterator[Finding]:
    if settings.metrics_port is not None and settings.metrics_host in ("0.0.0.0", "::"):  # noqa: S104
        yield _of_host(
            "N101",
            "HEDGEROW_METRICS_HOST",
            f"serves metrics on every address, port {settings.metrics_port}, and they ask no password",
            "see that nobody but Prometheus reaches that port",
        )


def _grpc(settings: HostSettings) -> Iterator[Finding]:
    if settings.grpc_port is not None and settings.grpc_tls_cert is None and not _stays_here(settings.grpc_host):
        yield _of_host(
            "N102",
            "HEDGEROW_GRPC_HOST",
            f"serves gRPC in the clear on {settings.grpc_host}, and tokens come along with every call",
            "set HEDGEROW_GRPC_TLS_CERT and HEDGEROW_GRPC_TLS_KEY, or see that only a proxy reaches that port",
        )


_LOOKS: tuple[Callable[[HostSettings], Iterable[Finding]], ...] = (
    _environment,
    _needed,
    _open_lines,
    _open_broker,
    _open_cache,
    _proxies,
    _document,
    _pages,
    _vouching,
    _retention,
    _env_file,
    _passwords,
    _metrics,
    _grpc,
)


def _of_host(number: str, subject: str, what: str, fix: str) -> Finding:
    return Finding(context=HOST, number=number, subject=subject, what=what, fix=fix)


def _guessable(context: str, variable: str, secret: str) -> Iterator[Finding]:
    why = why_guessable(secret)
    if why:
        yield Finding(
            context=context,
            number="W110",
            subject=variable,
            what=f"holds a secret that {why}",
            fix="make one with `openssl rand -hex 32`, and let nobody see it",
        )


def _stays_here(host: str) -> bool:
    """Whether a connection to `host` leaves this machine. None, or a folder: a socket."""
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
