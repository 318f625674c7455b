"""The host's settings: HEDGEROW_* from the environment, where `.env` in the working folder fills the gaps."""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs, urlsplit

from dotenv import load_dotenv
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from hedgerow_core.observability import LogFormat
from hedgerow_core.persistence import DatabaseAddress
from hedgerow_core.security.server_secret import ServerSecretText

ENV_FILE = ".env"
PREFIX = "HEDGEROW_"
MIN_PORT, MAX_PORT = 0, 65535
REDIS_SCHEMES = ("redis", "rediss", "unix")
REQUESTS_AT_ONCE = 50
"""Five times the connections of a context's pool. A request takes some milliseconds of a weak processor's time, so
the last of them still gets its connection before it gives up waiting; more at once would make nobody faster. The
others leave room for who waits for something else: a password that is hashed, another host that is asked."""
DRAIN_S = 5.0
"""As long as uvicorn keeps an idle connection. Who asks /readyz every second or two knows by then."""
RABBITMQ_SCHEMES = ("amqp", "amqps")


class Environment(StrEnum):
    """Where the host runs. It changes settings, never behaviour."""

    DEV = "dev"
    TEST = "test"
    PROD = "prod"


def _names(value: object) -> object:
    """`users, billing` → ("users", "billing")."""
    if not isinstance(value, str):
        return value
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    if not names:
        raise ValueError("expected names with commas between them, such as users,billing")
    return names


def _address(value: object) -> object:
    if not isinstance(value, str):
        return value
    return DatabaseAddress.parse(value)


def _broker(value: object) -> object:
    if not isinstance(value, str):
        return value
    scheme, separator, _ = value.partition("://")
    if not separator or scheme not in REDIS_SCHEMES + RABBITMQ_SCHEMES:
        raise ValueError("expected redis://host:6379/0 or amqp://host:5672/vhost (rediss:// and amqps:// for TLS)")
    url = urlsplit(value)
    if scheme in RABBITMQ_SCHEMES and (not url.hostname or url.query or url.fragment):
        raise ValueError("expected amqp://user:password@host:5672/vhost and nothing behind it (amqps:// for TLS)")
    if "password" in parse_qs(url.query):
        raise ValueError("the password goes before the host, where it can be hidden: redis://:password@host:6379/0")
    try:
        _ = url.port
    except ValueError:  # which quotes what it took for the port, and that may be the password
        raise ValueError("the port is no number; in a password, write / ? # @ as %2F %3F %23 %40") from None
    return value


def _redis(value: object) -> object:
    if isinstance(value, str) and value.partition("://")[0] not in REDIS_SCHEMES:
        raise ValueError("expected redis://host:6379/0 (rediss:// for TLS)")
    return _broker(value)


def _stream(value: object) -> object:
    if isinstance(value, str) and value.startswith("kafka://"):
        servers = value.removeprefix("kafka://").rstrip("/").split(",")
        if not all(re.fullmatch(r"[\w.-]+:\d{1,5}", server) for server in servers):
            raise ValueError("expected kafka://host:9092 or kafka://one:9092,other:9092, and nothing behind it")
        return value.rstrip("/")
    return _broker(value)


def _networks(value: object) -> object:
    """`10.0.0.0/8, 127.0.0.1` → ("10.0.0.0/8", "127.0.0.1/32")."""
    if not isinstance(value, str):
        return value
    try:
        return tuple(str(ip_network(part.strip())) for part in value.split(","))
    except ValueError as error:
        raise ValueError(f"expected networks such as 10.0.0.0/8,fd00::/8: {error}") from error


def _origins(value: object) -> object:
    """`https://app.example.com, *` → ("https://app.example.com", "*")."""
    if not isinstance(value, str):
        return value
    origins = tuple(part.strip() for part in value.split(","))
    for origin in origins:
        url = urlsplit(origin)
        if origin != "*" and (url.scheme not in ("http", "https") or f"{url.scheme}://{url.netloc}" != origin):
            raise ValueError(
                f"expected origins such as https://app.example.com, with nothing behind; not {origin!r}"
            )
    return origins


def _collector(value: object) -> object:
    if not isinstance(value, str):
        return value
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname or url.query:
        raise ValueError("expected http://collector:4318; traces go to /v1/traces there")
    if url.username or url.password:
        raise ValueError("credentials go into OTEL_EXPORTER_OTLP_HEADERS, where nobody prints them")
    return value


def _origin_of_a_host(value: object) -> object:
    """Without the slash at its end, so that there is one way to write it."""
    if not isinstance(value, str):
        return value
    form = "expected https://users.example.com:8443, with neither path nor credentials"
    try:
        url = urlsplit(value.rstrip("/"))
        sound = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        raise ValueError(form) from None
    if not sound or f"{url.scheme}://{url.netloc}" != value.rstrip("/") or "@" in url.netloc:
        raise ValueError(form)
    return value.rstrip("/")


class Remote(BaseModel):
    """Where a context lives that is not hosted here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, BeforeValidator(_origin_of_a_host)]
    """Of the API of its host."""
    optional: bool | None = None
    """Whether this host starts while that one can't be reached. Unset: if no context here relies on it."""
    vouches: bool | None = None
    """Whether callers are believed for whom it vouches. None: only where no context that is hosted here vouches."""
    moving: bool = False
    """Whether the context may be hosted here, too, for as long as it is moving there: its new host may call."""

    def __str__(self) -> str:
        return f"{self.url} (optional)" if self.optional else self.url


def read_env_file() -> None:
    """Put what `.env` says into the environment, for the host's and every context's settings; never over it."""
    load_dotenv(ENV_FILE)


class HostSettings(BaseSettings):
    """What the host itself needs to know. Contexts have settings of their own."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        env_nested_delimiter="__",
        hide_input_in_errors=True,  # a secret may stand in it
        extra="ignore",
        frozen=True,
        validate_by_name=True,
        validate_by_alias=True,
        arbitrary_types_allowed=True,
    )

    environment: Environment | None = Field(
        default=None,
        validation_alias="HEDGEROW_ENV",
        description="dev, test or prod. Unset: dev while no database URL is set, else prod.",
    )
    """Where the host runs. Unset: `dev` without a database URL, else `prod`. `hedgerow dev` runs in `dev` only."""
    database_url: Annotated[DatabaseAddress | None, NoDecode, BeforeValidator(_address)] = Field(
        default=None,
        description="postgresql://user:password@host:5432/database. Unset: `hedgerow dev` brings PostgreSQL along.",
        examples=["postgresql://user:password@host:5432/database"],
    )
    """The database. Unset: `hedgerow dev` brings PostgreSQL along; `api` and `worker` need it."""
    replica_url: Annotated[DatabaseAddress | None, NoDecode, BeforeValidator(_address)] = Field(
        default=None,
        description="postgresql://user:password@replica:5432/database, read by `api` where somebody only looks.",
        examples=["postgresql://user:password@replica:5432/database"],
    )
    """A streaming replica of the database, which `api` reads where somebody only looks: lists, statements,
    single invoices. Nobody is shown less than they have written, and a replica that is more than 5 s behind
    answers nobody: then the primary does (decision 0046).
    """
    broker_url: Annotated[str | None, BeforeValidator(_broker)] = Field(
        default=None,
        description="redis://host:6379/0 or amqp://host:5672/vhost. `worker` needs it; `hedgerow dev` does not.",
        examples=["redis://host:6379/0", "amqp://user:password@host:5672/vhost"],
    )
    """The broker: Redis or RabbitMQ (ADR 0010). `worker` needs it, `dev` does without; `api` only reports in
    `/readyz` whether it answers. `rediss` and `amqps` verify the certificate; an authority of your own goes into
    `SSL_CERT_FILE`. No vhost means `/`; `/`, `?`, `#`, `@` in a password are written `%2F`, `%3F`, `%23`, `%40`.
    `rediss://`, `amqps://` and `unix://` are URLs of a broker, too.
    """
    stream_url: Annotated[str | None, BeforeValidator(_stream)] = Field(
        default=None,
        description="redis://…, amqp://… or kafka://host:9092 to announce events at. Needs the extra `streams`.",
        examples=["redis://host:6379/0", "amqp://user:password@host:5672/vhost", "kafka://one:9092,other:9092"],
    )
    """Where workers announce published events as CloudEvents. Needs the extra `streams` of
    `hedgerow-host`. `rediss://` and `amqps://` are for TLS.
    """
    cache_url: Annotated[str | None, BeforeValidator(_redis)] = Field(
        default=None,
        description="redis://host:6379/1 to remember answers in. Unset: `dev` does it itself, others do not.",
        examples=["redis://host:6379/1"],
    )
    """Where answers are remembered for all processes of the host: a Redis (`rediss://` for TLS). Unset: `dev`
    remembers them in its own process, every other role nothing. It may forget anything at any time: give it a Redis
    that evicts (`maxmemory-policy allkeys-lru`), not the broker's (decision 0046).
    """
    data_dir: Path = Field(
        default=Path(".hedgerow"), description="Folder of the embedded PostgreSQL and other local state."
    )
    """Embedded PostgreSQL and other local state; relative to the working folder."""
    contexts: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_names)] = Field(
        default=None,
        description="Comma-separated names of the contexts to host. Unset: all that don't wait to be named.",
        examples=["users,billing"],
    )
    """Which contexts to host. Unset: all that are installed and don't wait to be named. Others are not imported."""
    optional_contexts: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_names)] = Field(
        default=None,
        description="Comma-separated contexts that the host starts without if they are broken. Unset: none.",
        examples=["billing"],
    )
    """Which of them the host starts without if they are broken. Unset: none, so a broken one ends the start.
    Each must be hosted here.
    """
    remotes: dict[str, Remote] | None = Field(
        default=None,
        description="Where contexts live that are not here: …__USERS__URL=https://a.host, …__USERS__OPTIONAL=true.",
        examples=["HEDGEROW_REMOTES__USERS__URL=https://users.example.com"],
    )
    """Where contexts live that are not hosted here. `HEDGEROW_REMOTES__USERS__OPTIONAL=true`: this
    host starts without it, which it also does, unless told `false`, if no context here requires, asks or listens
    to it. `…__VOUCHES=true` or `false`: whether callers are believed for whom it vouches; unset: where no
    context that is hosted here vouches for any. `…__MOVING=true`: the context may be hosted here, too, while it
    moves there: its new host may then call, and nobody here asks it. Whoever is named here may also call. A
    variable for each context, or JSON.
    """
    host_secret: ServerSecretText | None = Field(
        default=None,
        description="32 random characters or more, by which other hosts know this one. `dev` makes its own.",
    )
    """What the keys are derived from by which other hosts know this one. The same for all its processes, and
    another one for each host. Outside `dev` a host with remotes needs it; `dev` makes one in its data folder.
    `openssl rand -hex 32` makes one.
    """
    host_secret_previous: ServerSecretText | None = Field(
        default=None, description="What HEDGEROW_HOST_SECRET was before; needed while it is being replaced."
    )
    """What HEDGEROW_HOST_SECRET was before: its key is still published, while it is being replaced."""
    keep_audit_days: int = Field(
        default=400,
        ge=30,
        le=36_500,
        description="How long the audit trail is kept, in days. Default 400.",
    )
    """How long the audit trail is kept."""
    keep_events_days: int = Field(
        default=7,
        ge=1,
        description="Days that published events are kept at least, for new and for late subscribers.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(
        default=8000, ge=MIN_PORT, le=MAX_PORT, description="TCP port to listen on; 0 takes any free one."
    )
    grpc_port: int | None = Field(
        default=None,
        ge=MIN_PORT,
        le=MAX_PORT,
        description="TCP port that serves gRPC beside HTTP; unset: none. Needs the extra `grpc` of hedgerow-host.",
    )
    """TCP port of gRPC, beside HTTP for `api` and `dev`, and alone for `grpc`; 0 takes any free one and logs it.
    Unset: `api` and `dev` serve none. Needs the extra `grpc` of hedgerow-host.
    """
    grpc_host: str = Field(default="127.0.0.1", description="Address to serve gRPC on.")
    grpc_tls_cert: Path | None = Field(
        default=None,
        description="PEM file of the certificate that gRPC is served with. Unset: without TLS.",
        examples=["/etc/tls/server.crt"],
    )
    """PEM file of the certificate, with its chain, that gRPC is served with. Unset: without TLS. Read at the
    start.
    """
    grpc_tls_key: Path | None = Field(
        default=None,
        description="PEM file of the private key of that certificate.",
        validate_default=True,
        examples=["/etc/tls/server.key"],
    )
    """PEM file of its private key; both or neither."""
    metrics_port: int | None = Field(
        default=None,
        ge=MIN_PORT,
        le=MAX_PORT,
        description="TCP port that serves metrics to Prometheus; unset: none.",
    )
    """TCP port of metrics, for `api`, `worker` and `dev` alike; 0 takes any free one and logs it. Unset: none
    are served.
    """
    metrics_host: str = Field(default="127.0.0.1", description="Address to serve metrics on; they ask no password.")
    """Where metrics are served. They ask no password: let nobody but Prometheus in."""
    otlp_endpoint: Annotated[str | None, BeforeValidator(_collector)] = Field(
        default=None,
        description="http://collector:4318 to send traces to. Needs the extra `telemetry` of hedgerow-host.",
        examples=["http://collector:4318"],
    )
    """Where traces go, as OTLP over HTTP. Unset: nowhere. Needs the extra `telemetry` of hedgerow-host."""
    stale_after_s: float = Field(
        default=60.0, gt=0, description="Seconds after which a due delivery or an uncarried event raises an alarm."
    )
    rate_limit_per_minute: int = Field(
        default=600,
        ge=6,
        description="Requests a minute that one principal, or one network without one, may send; a sixth at once.",
    )
    """How many a principal may send, or a network (an IPv4 address, an IPv6 /64) that names none; a sixth of
    them at once. Beyond it: 429. A hundred times as wide in `test`. Counted in Redis if that is the broker, else
    by each process (ADR 0013).
    """
    requests_at_once: int = Field(
        default=REQUESTS_AT_ONCE,
        ge=10,
        description="Requests that an API process serves at once; twenty times as many wait 0.8 s, others get 503.",
    )
    """How many requests an API process serves at once; twenty times as many wait, for 0.8 s, and all others get
    503 `overloaded`. Five times the connections of a pool: more would make nobody faster. Probes, and other hosts
    that wait for events, always pass.
    """
    drain_s: float | None = Field(
        default=None,
        ge=0,
        description="Seconds for which an API that was told to end is unready, and serves. Unset: 5, in dev 0.",
    )
    """How long an API that was told to end says that it is unready (`/readyz`: 503, `draining`) and serves on,
    before it stops listening. Unset: 5, as long as an idle connection is kept; 0 in `dev`. Longer than your load
    balancer needs to notice.
    """
    worker_port: int | None = Field(
        default=None,
        ge=MIN_PORT,
        le=MAX_PORT,
        description="TCP port where a worker answers /livez and /readyz, on HEDGEROW_HOST; unset: nowhere.",
    )
    """TCP port where a worker answers `/livez` and `/readyz`, at `HEDGEROW_HOST`. Unset: nowhere, and
    `hedgerow health --worker` has nobody to ask.
    """
    trusted_proxies: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_networks)] = Field(
        default=None,
        description="Comma-separated networks of proxies that may say who calls (X-Forwarded-For). Unset: none.",
        examples=["10.0.0.0/8,fd00::/8"],
    )
    """Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed: from the last hop backwards, the first
    address that is none of these is the caller's. Unset: nobody's, and the caller is the peer.
    """
    cors_origins: Annotated[tuple[str, ...] | None, NoDecode, BeforeValidator(_origins)] = Field(
        default=None,
        description="Comma-separated origins whose pages may call (https://app.example.com), or *. Unset: none.",
        examples=["https://app.example.com", "*"],
    )
    """Whose pages may call from a browser. Unset: nobody's."""
    cors_credentials: bool = Field(
        default=False, description="Whether those pages may send cookies along. Never with *."
    )
    """Whether those pages may send cookies along, and act with them; refused with `*`."""
    docs: bool | None = Field(
        default=None, description="Whether to serve /docs and /openapi.json. Unset: everywhere but in prod."
    )

    @field_validator("cors_credentials")
    @classmethod
    def _never_for_all(cls, value: bool, info: ValidationInfo) -> bool:
        if value and "*" in (info.data.get("cors_origins") or ()):
            raise ValueError(
                "with HEDGEROW_CORS_ORIGINS=* every page there is could act as whoever looks at it; "
                "name the origins, or leave credentials off"
            )
        return value

    @field_validator("grpc_tls_key")
    @classmethod
    def _both_or_none(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) is not (info.data.get("grpc_tls_cert") is None):
            raise ValueError(
                "a certificate and its key go together: set HEDGEROW_GRPC_TLS_CERT as well, or neither"
            )
        return value

    @property
    def shows_docs(self) -> bool:
        """Whether the document and its page are served."""
        return self.docs if self.docs is not None else self.env is not Environment.PROD

    @property
    def drains_for_s(self) -> float:
        """The drain in force: idle connections end within it, and who balances load has noticed."""
        if self.drain_s is not None:
            return self.drain_s
        return 0.0 if self.env is Environment.DEV else DRAIN_S

    @property
    def env(self) -> Environment:
        """The environment in force."""
        if self.environment is not None:
            return self.environment
        return Environment.DEV if self.database_url is None else Environment.PROD

    @property
    def log_format(self) -> LogFormat:
        """Readable for developers, JSON everywhere else."""
        return LogFormat.CONSOLE if self.env is Environment.DEV else LogFormat.JSON


def variable_of(field: str, prefix: str, alias: Any = None) -> str:
    """The environment variable behind a settings field."""
    return alias if isinstance(alias, str) else f"{prefix}{field}".upper()


def variables_of(settings: type[BaseSettings]) -> list[str]:
    """The environment variables that a settings class reads."""
    prefix = settings.model_config.get("env_prefix", "")
    return [variable_of(name, prefix, field.validation_alias) for name, field in settings.model_fields.items()]
