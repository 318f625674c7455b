"""What the new host is deployed with: an image, a compose file, and the settings that it needs, in a folder.

Secrets are named, never written: whoever deploys it fills them in. Nothing that is there already is written over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from pydantic import SecretStr

from hedgerow_host.catalog import compose
from hedgerow_host.exits import ExitCode, HostError, left_out
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.settings import HostSettings, variable_of

_DOCKERFILE = """\
# The new host of {context}: docker build --target api|worker|migrate .
# Its requirements.txt names the releases that run where {context} is now: a move changes the place, nothing else.
FROM python:3.11-slim-trixie AS base

FROM base AS build
RUN pip install --no-cache-dir uv==0.13.8
ENV UV_COMPILE_BYTECODE=1
WORKDIR /src
COPY requirements.txt ./
RUN uv venv /opt/hedgerow && uv pip install --python /opt/hedgerow/bin/python --requirement requirements.txt

FROM base AS runtime
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin hedgerow
COPY --from=build /opt/hedgerow /opt/hedgerow
ENV HEDGEROW_ENV=prod \\
    HEDGEROW_CONTEXTS={context} \\
    PATH=/opt/hedgerow/bin:$PATH
USER 10001:10001
STOPSIGNAL SIGTERM

FROM runtime AS migrate
CMD ["hedgerow", "migrate"]

FROM runtime AS worker
CMD ["hedgerow", "worker"]

FROM runtime AS api
ENV HEDGEROW_HOST=0.0.0.0 \\
    HEDGEROW_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-c", \\
    "{health}"]
CMD ["hedgerow", "api"]
"""
_HEALTH = (
    "import os, urllib.request as u; u.build_opener(u.ProxyHandler({}))"
    ".open('http://127.0.0.1:' + os.environ['HEDGEROW_PORT'] + '/livez', timeout=2)"
)
_COMPOSE = """\
# The new host of {context}. Copy env.example to .env and fill it in; then: docker compose up --build
# There is no `migrate` here: `hedgerow extract run` makes the target's schema, and until the switch both sides must
# stay alike. Afterwards: docker compose run --rm migrate
name: hedgerow-{context}

services:
  redis:
    image: redis:8-alpine
    # It carries hints; what must not be lost is in PostgreSQL.
    command: [redis-server, --save, "", --appendonly, "no"]
    healthcheck:
      test: [CMD, redis-cli, ping]
      interval: 2s
      timeout: 3s
      retries: 30
    restart: unless-stopped

  migrate:
    build: {{ context: ., target: migrate }}
    env_file: .env
    init: true
    profiles: [migrate]

  api:
    build: {{ context: ., target: api }}
    env_file: .env
    init: true
    ports: ["127.0.0.1:8000:8000"]
    stop_grace_period: 40s # 5 until nobody is sent here, 10 for requests, 8 for lifespans, 10 for what is left
    restart: unless-stopped

  worker:
    build: {{ context: ., target: worker }}
    env_file: .env
    init: true
    stop_grace_period: 40s # 20 for running drains, then as above
    depends_on:
      redis: {{ condition: service_healthy }}
    restart: unless-stopped
"""


def write_project(name: str, settings: HostSettings, folder: Path) -> list[Path]:
    """Write the files that are not there yet, and say which those are.

    Raises:
        HostError: the context is not hosted here, or the folder can't be written.
    """
    assembly, _routes = compose(settings)
    context = next((each for each in assembly.contexts if each.name == name), None)
    if context is None:
        raise left_out(name, assembly.quarantine)
    others = sorted(
        {each.publisher for each in context.subscriptions.subscribes}
        | {each.publisher for each in context.handlers.asks}
        | set(context.loaded.manifest.requires) - {name}
    )
    files = {
        "Dockerfile": _DOCKERFILE.format(context=name, health=_HEALTH),
        "compose.yaml": _COMPOSE.format(context=name),
        "requirements.txt": "\n".join(_requirements(context)) + "\n",
        "env.example": "\n".join(_env(context, [other for other in others if other != name])) + "\n",
    }
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            path = folder / file
            if not path.exists():
                path.write_text(content, encoding="utf-8")
                written.append(path)
    except OSError as error:
        raise HostError(
            f"{folder} can't be written: {error.strerror}",
            fix="name another folder with --project",
            code=ExitCode.MISCONFIGURED,
        ) from error
    return written


def _requirements(context: HostedContext) -> list[str]:
    installed = context.loaded.installed
    return [f"hedgerow-host=={version('hedgerow-host')}", f"{installed.distribution}=={installed.version}"]


def _env(context: HostedContext, others: Sequence[str]) -> Iterator[str]:
    yield f"# Settings of the new host of {context.name}. Values that are empty are yours to fill in."
    yield f"HEDGEROW_CONTEXTS={context.name}"
    yield "# The target of the move, as in --to."
    yield "HEDGEROW_DATABASE_URL="
    yield "HEDGEROW_BROKER_URL=redis://redis:6379/0"
    if others:
        yield "# Where the contexts are that it hears and asks. The old host names this one in the same way."
        yield from (f"HEDGEROW_REMOTES__{other.upper()}__URL=" for other in others)
    yield "# 32 random characters or more, of this host's own: openssl rand -hex 32."
    yield "HEDGEROW_HOST_SECRET="
    if context.settings is None:
        return
    kind = type(context.settings)
    for field, told in kind.model_fields.items():
        value = getattr(context.settings, field)
        variable = variable_of(field, kind.model_config.get("env_prefix", ""), told.validation_alias)
        if value == told.default or value is None:
            continue
        yield f"# {told.description or field} As at the old host."
        yield f"{variable}=" if _is_secret(field, value) else f"{variable}={_written(value)}"


def _is_secret(field: str, value: object) -> bool:
    """A value of which it is not sure that it may be seen is left out, too: addresses hold passwords."""
    guarded = isinstance(value, SecretStr) or not isinstance(value, str | int | float | bool | tuple)
    return guarded or "://" in str(value) or any(word in field for word in ("secret", "key", "password", "token"))


def _written(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
