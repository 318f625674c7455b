"""Looks at every installed context as closely as can be done without a database, and goes on where a start ends.

Each is imported by a child first, because one that ends the process would take the diagnosis along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hedgerow_core.persistence import MigrationHistory
from hedgerow_host.assembly import Assembly
from hedgerow_host.catalog import put_together
from hedgerow_host.discovery import installed_contexts, load_contexts, wanted_of
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.loading import InstalledContext
from hedgerow_host.migration_files import head_of
from hedgerow_host.mounting import MountedRoute
from hedgerow_host.problems import Problem
from hedgerow_host.quarantine import Quarantine
from hedgerow_host.settings import HostSettings, variables_of
from hedgerow_host.trial_import import found_by_a_child

Row = dict[str, Any]
BROKEN = "broken"
"""Required, and so no host starts."""


def diagnosed(settings: HostSettings, name: str | None = None) -> list[Row]:
    """Every installed context, or the one of this name: its state, and its problems, each with source and fix.

    Raises:
        CompositionError: something is wrong with the settings of the host itself.
    """
    assembly, _routes = looked_at(settings)
    problems = assembly.quarantine.problems
    return [
        {
            "name": installed.name,
            "version": installed.version,
            "state": _state_of(installed.name, assembly),
            "required": installed.name not in assembly.quarantine.optional,
            "distribution": installed.distribution,
            "module": installed.module,
            "problems": [_row_of(problem) for problem in problems.get(installed.name, ())],
        }
        for installed in installed_contexts()
        if name in (None, installed.name)
    ]


def inspected(settings: HostSettings, installed: InstalledContext) -> Row:
    """What a context brings. Of one that is not hosted, or broken, no more than its metadata is known.

    Raises:
        CompositionError: something is wrong with the settings of the host itself.
    """
    assembly, routes = looked_at(settings)
    context = next((one for one in assembly.contexts if one.name == installed.name), None)
    known = {
        "name": installed.name,
        "version": installed.version,
        "state": _state_of(installed.name, assembly),
        "distribution": installed.distribution,
        "module": installed.module,
    }
    return known | (_inside(context, routes) if context else {})


def looked_at(settings: HostSettings) -> tuple[Assembly, list[MountedRoute]]:
    """What these settings make, with everything that is broken in quarantine.

    Raises:
        CompositionError: something is wrong with the settings of the host itself.
    """
    quarantine = Quarantine(settings.optional_contexts or (), takes_all=True)
    for installed in wanted_of(installed_contexts(), settings.contexts):
        quarantine.take_in(found_by_a_child(installed))
    return put_together(load_contexts(settings.contexts, quarantine, settings.remotes or {}), quarantine, settings)


def _state_of(name: str, assembly: Assembly) -> str:
    if name in assembly.quarantine:
        return "quarantined" if name in assembly.quarantine.optional else BROKEN
    if name in assembly.peers:
        return "remote"
    return "enabled" if name in assembly.names else "disabled"


def _row_of(problem: Problem) -> Row:
    return {
        "subject": problem.subject,
        "what": problem.what,
        "sources": list(problem.sources),
        "fix": problem.fix,
    }


def _inside(context: HostedContext, routes: Sequence[MountedRoute]) -> Row:
    manifest, handlers, subscriptions = context.loaded.manifest, context.handlers, context.subscriptions
    history: MigrationHistory | None = context.loaded.call("migrations")
    settings = manifest.settings
    return {
        "core_api": manifest.core_api,
        "requires": list(manifest.requires),
        "optional": list(manifest.optional),
        "hooks": context.loaded.hooks_implemented,
        "routes": [f"{route.method} {route.path}" for route in routes if route.context == context.name],
        "publishes": [f"{event.event_type} v{event.event_version}" for event in subscriptions.publishes],
        "subscribes": [f"{one.event} v{one.version} → {one.name}" for one in subscriptions.subscribes],
        "answers": [f"{one.contract.query_name} v{one.contract.query_version}" for one in handlers.answers],
        "asks": [f"{one.query} v{one.version}" for one in handlers.asks],
        "tasks": [handler.task.name for handler in handlers.tasks],
        "schedules": [f"{schedule.name} ({schedule.cron})" for schedule in handlers.schedules],
        "permissions": [permission.name for permission in manifest.permissions],
        "settings": variables_of(settings) if settings else [],
        "migrations": head_of(history) if history else None,
    }
