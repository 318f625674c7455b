"""What has to be set at both hosts once the context has one of its own. Values of secrets are never read."""

from __future__ import annotations

import os
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum

from pydantic import SecretBytes, SecretStr
from pydantic_settings import BaseSettings
from sqlalchemy import URL

from hedgerow_core.domain import Secret
from hedgerow_host.assembly import Assembly
from hedgerow_host.context_map.context_map import context_map
from hedgerow_host.extraction.plan.moves import neighbours_of
from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.mounting import MountedRoute
from hedgerow_host.settings import PREFIX, HostSettings, variable_of, variables_of

SECRETS = (SecretStr, SecretBytes, Secret, URL)
"""What a field keeps that nobody may see. A URL of SQLAlchemy holds the password of a database."""
OWN_TO_EACH = frozenset(
    {"HEDGEROW_CONTEXTS", "HEDGEROW_OPTIONAL_CONTEXTS", "HEDGEROW_DATABASE_URL", "HEDGEROW_BROKER_URL"}
    | {"HEDGEROW_HOST_SECRET", "HEDGEROW_HOST_SECRET_PREVIOUS", "HEDGEROW_REMOTES"}
    | {"HEDGEROW_HOST", "HEDGEROW_PORT", "HEDGEROW_METRICS_HOST", "HEDGEROW_METRICS_PORT", "HEDGEROW_DATA_DIR"}
)
"""What differs between two hosts by its nature."""


class At(StrEnum):
    """Which host."""

    STAYS = "stays"
    NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToSet:
    """A variable, and what for."""

    at: At
    variable: str
    why: str
    value: str | None = None
    """None: for whoever deploys to fill in."""
    secret: bool = False
    set_now: bool = False
    """Whether the process that planned has it."""


def to_set(
    context: HostedContext, assembly: Assembly, routes: Sequence[MountedRoute], settings: HostSettings
) -> Iterator[ToSet]:
    """Every variable that must be set, changed or carried over, for both hosts."""
    staying = [each for each in assembly.contexts if each is not context]
    if staying:
        names = ",".join(each.name for each in staying)
        yield _set(At.STAYS, "HEDGEROW_CONTEXTS", "without the one that moves", names)
    yield _set(At.NEW, "HEDGEROW_CONTEXTS", "this context alone", context.name)
    yield _set(At.NEW, "HEDGEROW_ENV", "as it is here", str(settings.env))
    yield _set(At.NEW, "HEDGEROW_DATABASE_URL", "a database of its own", secret=True)
    yield _set(At.NEW, "HEDGEROW_BROKER_URL", "its worker needs one", secret=True)
    met = neighbours_of(context.name, context_map(assembly))
    linked = [
        other
        for other in staying
        if other.name in met or _vouches(other, context, routes) or _vouches(context, other, routes)
    ]
    for other in linked:
        needed = _vouches(other, context, routes) or _needs(context, other)
        yield from _remote(At.NEW, other.name, required=needed)
    elsewhere = sorted(set(met) - set(assembly.names))
    for name in elsewhere:
        variable, there = f"{PREFIX}REMOTES__{name.upper()}__URL", f"{PREFIX}REMOTES__{context.name.upper()}__URL"
        yield _set(At.NEW, variable, f"where {name} is; its own host needs {there}, too")
    if linked:
        needed = any(_vouches(context, other, routes) or _needs(other, context) for other in linked)
        yield from _remote(At.STAYS, context.name, required=needed)
        moving = f"{PREFIX}REMOTES__{context.name.upper()}__MOVING"
        why = f"before the move begins, while {context.name} is hosted here, too: its new host may then call"
        yield _set(At.STAYS, moving, why, "true")
        yield _secret(At.STAYS)
    if linked or elsewhere:
        yield _secret(At.NEW)
    yield from _carried(settings, "as at this host", without=OWN_TO_EACH | {"HEDGEROW_ENV"})
    if context.settings is not None:
        yield from _carried(context.settings, f"a setting of {context.name}")


def shared_settings(context: HostedContext, assembly: Assembly) -> Iterator[Obstacle]:
    """Variables that another context or the host reads, too."""
    if context.settings is None:
        return
    own = set(variables_of(type(context.settings)))
    readers: dict[str, type[BaseSettings]] = {"the host": HostSettings}
    readers |= {
        each.name: type(each.settings) for each in assembly.contexts if each is not context and each.settings
    }
    for name, theirs in readers.items():
        for variable in sorted(own & set(variables_of(theirs))):
            yield Obstacle(
                kind="shared_setting",
                subject=context.name,
                what=f"reads {variable}, and so does {name}",
                fix="give each a variable of its own, or set it at both hosts and keep it alike",
            )


def _needs(one: HostedContext, other: HostedContext) -> bool:
    asked = any(each.required and each.publisher == other.name for each in one.handlers.asks)
    return asked or other.name in one.loaded.manifest.requires


def _vouches(one: HostedContext, other: HostedContext, routes: Sequence[MountedRoute]) -> bool:
    """Whether `one` says who it is that calls routes of `other`."""
    return bool(one.authenticators) and any(
        each.access.needs_principal for each in routes if each.context == other.name
    )


def _remote(at: At, context: str, *, required: bool) -> Iterator[ToSet]:
    variable = f"{PREFIX}REMOTES__{context.upper()}__URL"
    yield _set(at, variable, f"where {context} is; it may then ask and listen here")
    if not required:
        optional = f"{PREFIX}REMOTES__{context.upper()}__OPTIONAL"
        yield _set(at, optional, f"nothing here fails to start without {context}", "true")


def _secret(at: At) -> ToSet:
    return _set(at, f"{PREFIX}HOST_SECRET", "32 random bytes of its own: openssl rand -hex 32", secret=True)


def _carried(holder: BaseSettings, why: str, *, without: frozenset[str] = frozenset()) -> Iterator[ToSet]:
    """What is set now, and the secrets that could be."""
    prefix = holder.model_config.get("env_prefix", "")
    for name, field in type(holder).model_fields.items():
        variable = variable_of(name, prefix, field.validation_alias)
        secret = holds_secret(field.annotation)
        if variable not in without and (secret or os.environ.get(variable)):
            yield ToSet(
                at=At.NEW, variable=variable, why=why, secret=secret, set_now=bool(os.environ.get(variable))
            )


def holds_secret(annotation: object) -> bool:
    """Whether a value of this type has something in it that nobody may see."""
    if any(annotation is each for each in SECRETS):
        return True
    if isinstance(annotation, type) and is_dataclass(annotation):
        hints = typing.get_type_hints(annotation)
        return any(holds_secret(hints[field.name]) for field in fields(annotation))
    return any(holds_secret(each) for each in typing.get_args(annotation))


def _set(at: At, variable: str, why: str, value: str | None = None, *, secret: bool = False) -> ToSet:
    return ToSet(at=at, variable=variable, why=why, value=value, secret=secret, set_now=variable in os.environ)
