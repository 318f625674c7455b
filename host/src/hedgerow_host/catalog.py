"""What a composition consists of, as plain data: what the command line, the banner and tests read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dotenv import dotenv_values
from pydantic_settings import BaseSettings
from sqlalchemy import make_url

from hedgerow_host.assembly import Assembly, assemble
from hedgerow_host.completeness import absent_publishers
from hedgerow_host.discovery import hosted_contexts, installed_contexts
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.last_words import witnessed
from hedgerow_host.loading import LoadedContext
from hedgerow_host.migration_files import unsound_migrations
from hedgerow_host.mounting import MountedRoute, routes_of
from hedgerow_host.published_queries import unanswered
from hedgerow_host.quarantine import Quarantine
from hedgerow_host.settings import ENV_FILE, HostSettings, variable_of
from hedgerow_host.wire import remotes_of

Row = dict[str, Any]
"""One line of a table; the keys are its columns and, under `--json`, its members."""


@witnessed()
def compose(settings: HostSettings) -> tuple[Assembly, list[MountedRoute]]:
    """The composition that these settings make, without a database. Optional contexts that are broken are left out.

    Raises:
        CompositionError: lists every problem found.
    """
    return put_together(*hosted_contexts(settings), settings)


def put_together(
    loaded: Sequence[LoadedContext], quarantine: Quarantine, settings: HostSettings
) -> tuple[Assembly, list[MountedRoute]]:
    """What these contexts make, to be looked at only.

    Raises:
        CompositionError: lists every problem of contexts that the quarantine does not take.
    """
    assembly = assemble(
        loaded,
        environment=settings.env,
        data_dir=settings.data_dir,
        quarantine=quarantine,
        remotes=remotes_of(settings, [context.name for context in loaded]),
    )
    assembly.leave_out(
        [problem for context in assembly.contexts for problem in unsound_migrations(context.loaded, run=True)]
    )
    return assembly, routes_of(assembly)


def context_rows(assembly: Assembly, routes: list[MountedRoute]) -> list[Row]:
    """Every installed context, hosted here or not, and those that live elsewhere without being installed."""
    hosted = {context.name: context for context in assembly.contexts}
    installed_here = {installed.name for installed in installed_contexts()}
    return [
        {
            "name": installed.name,
            "version": installed.version,
            "state": _state_of(installed.name, assembly),
            "distribution": installed.distribution,
            "module": installed.module,
            **_inside(hosted.get(installed.name), routes),
            "notes": notes_on(assembly, installed.name),
        }
        for installed in installed_contexts()
    ] + [
        {
            "name": name,
            "version": "",
            "state": _state_of(name, assembly),
            "distribution": "",
            "module": "",
            **_inside(None, routes),
            "notes": notes_on(assembly, name),
        }
        for name in assembly.peers
        if name not in installed_here
    ]


def route_rows(routes: list[MountedRoute]) -> list[Row]:
    """Every route of every context, with its access decision."""
    return [
        {
            "method": route.method,
            "path": route.path,
            "access": str(route.access),
            "operation": route.operation,
            "context": route.context,
            "endpoint": route.place,
        }
        for route in routes
    ]


def setting_rows(settings: HostSettings, assembly: Assembly) -> list[Row]:
    """Every setting of the host and of the hosted contexts: variable, value, and where the value came from."""
    return [
        row
        for holder in (settings, *(context.settings for context in assembly.contexts))
        if holder is not None
        for row in _settings_of(holder)
    ]


def notes_on(assembly: Assembly, name: str) -> list[str]:
    """What somebody should know who wonders why a context doesn't do all it could."""
    if name in assembly.quarantine:
        return [problem.in_short for problem in assembly.quarantine.problems[name]]
    if name in assembly.peers:
        return [f"lives at {assembly.peers[name].url}"]
    declared = {context.name: context.subscriptions for context in assembly.contexts}
    deaf: dict[str, list[str]] = {}
    for subscription in absent_publishers(declared, assembly.peers):
        if name in declared and subscription in declared[name].subscribes:
            deaf.setdefault(subscription.publisher, []).append(subscription.name)
    notes = [
        f"{publisher} is not hosted here: {', '.join(names)} {'hears' if len(names) == 1 else 'hear'} it through "
        "this database only"
        for publisher, names in deaf.items()
    ]
    unasked = {
        question.query: question.publisher
        for context in assembly.contexts
        if context.name == name
        for question in unanswered(context, [*assembly.names, *assembly.peers])
    }
    return notes + [
        f"{publisher} is not hosted here: {query} can't be asked" for query, publisher in unasked.items()
    ]


def _state_of(name: str, assembly: Assembly) -> str:
    if name in assembly.quarantine:
        return "quarantined"
    if name in assembly.peers:
        return "remote"
    return "enabled" if name in assembly.names else "disabled"


def _inside(context: HostedContext | None, routes: list[MountedRoute]) -> Row:
    if context is None:
        return {"routes": 0, "publishes": [], "subscribes": [], "answers": [], "asks": [], "tasks": []}
    return {
        "routes": sum(1 for route in routes if route.context == context.name),
        "publishes": sorted(event.event_type for event in context.subscriptions.publishes),
        "subscribes": sorted(subscription.event for subscription in context.subscriptions.subscribes),
        "answers": sorted({published.contract.query_name for published in context.handlers.answers}),
        "asks": sorted({question.query for question in context.handlers.asks}),
        "tasks": sorted(handler.task.name for handler in context.handlers.tasks),
    }


def _settings_of(holder: BaseSettings) -> Iterator[Row]:
    in_file = dotenv_values(ENV_FILE)
    prefix = holder.model_config.get("env_prefix", "")
    for name, field in type(holder).model_fields.items():
        variable = variable_of(name, prefix, field.validation_alias)
        yield {
            "setting": variable,
            "value": _shown(getattr(holder, name)),
            "source": _source(variable, in_file),
            "meaning": field.description or "",
        }


def _source(variable: str, in_file: Mapping[str, str | None]) -> str:
    if variable not in os.environ:
        return "default"
    return ENV_FILE if in_file.get(variable) == os.environ[variable] else "environment"


def _shown(value: object) -> str:
    """As people write it; types that keep a secret print it as asterisks by themselves."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{name}={one}" for name, one in value.items())
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, str) and "://" in value:
        return make_url(value).render_as_string(hide_password=True)
    return str(value)
