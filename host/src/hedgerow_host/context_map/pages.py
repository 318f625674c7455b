"""A page per context and an index with the map, as Markdown: what one would ask somebody who knows the context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from inspect import getdoc

from hedgerow_host.assembly import Assembly
from hedgerow_host.context_map.context_map import ContextMap, context_map, tables_of, versioned
from hedgerow_host.context_map.mermaid import mermaid
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.markdown import NONE, code, codes, page, table
from hedgerow_host.mounting import MountedRoute
from hedgerow_host.settings import variable_of

INDEX = "README.md"
MARK = "<!-- Written by `hedgerow docs build`: change the code instead. -->"
"""The first line of every page, by which we know what we may overwrite or remove."""


def pages(assembly: Assembly, routes: Sequence[MountedRoute]) -> Mapping[str, str]:
    """The text of every page, by the name of its file."""
    shown = context_map(assembly)
    return {INDEX: page(MARK, _index(assembly, shown))} | {
        f"{context.name}.md": page(MARK, _canvas(context, shown, routes)) for context in assembly.contexts
    }


def _index(assembly: Assembly, shown: ContextMap) -> Iterator[str]:
    yield "# Contexts"
    yield f"```mermaid\n{mermaid(shown)}```"
    yield table(
        ("context", "what it is for"),
        ((f"[{context.name}]({context.name}.md)", _purpose(context)) for context in assembly.contexts),
    )


def _canvas(context: HostedContext, shown: ContextMap, routes: Sequence[MountedRoute]) -> Iterator[str]:
    manifest, handlers = context.loaded.manifest, context.handlers
    yield f"# {context.name}"
    yield _purpose(context)
    needed = [f"requires {codes(manifest.requires)}"] if manifest.requires else []
    needed += [f"works with {codes(manifest.optional)}, if hosted"] if manifest.optional else []
    yield f"It {' and '.join(needed)}." if needed else "It needs no other context."
    yield "## What it offers"
    yield "### Routes"
    yield table(
        ("route", "who may call it", "what for"),
        (
            (f"`{route.method} {route.path}`", code(str(route.access)), _said(route.route.endpoint))
            for route in routes
            if route.context == context.name
        ),
    )
    yield "### Events"
    yield table(
        ("event", "what happened", "who hears it"),
        (
            (code(name), _said(event), codes(shown.hearers(name)))
            for event in context.subscriptions.publishes
            for name in [versioned(event.event_type, event.event_version)]
        ),
    )
    yield "### Queries"
    yield table(
        ("query", "what is answered", "who asks it"),
        (
            (code(name), _said(query), codes(shown.askers(name)))
            for query in (published.contract for published in handlers.answers)
            for name in [versioned(query.query_name, query.query_version)]
        ),
    )
    yield from _needs(context)
    yield from _insides(context)


def _needs(context: HostedContext) -> Iterator[str]:
    yield "## What it listens to"
    yield table(
        ("event", "subscription", "what it makes of it"),
        (
            (code(versioned(wanted.event, wanted.version)), code(wanted.name), _said(wanted.handle))
            for wanted in context.subscriptions.subscribes
        ),
    )
    yield "## What it asks"
    yield table(
        ("query", "can it do without"),
        (
            (code(versioned(question.query, question.version)), "no" if question.required else "yes")
            for question in context.handlers.asks
        ),
    )


def _insides(context: HostedContext) -> Iterator[str]:
    manifest, handlers = context.loaded.manifest, context.handlers
    yield "## What it stores"
    yield f"Schema `{context.name}`: {codes(tables_of(context))}, and the ledger."
    yield "## What it does later"
    yield table(
        ("task", "in short"),
        ((code(handler.task.name), _said(handler.task)) for handler in handlers.tasks),
    )
    yield table(
        ("schedule", "when"),
        ((code(each.name), f"`{each.cron}` ({each.zone})") for each in handlers.schedules),
    )
    yield "## What may be permitted"
    yield table(
        ("permission", "lowest role", "what for"),
        ((code(each.name), each.role, each.summary) for each in manifest.permissions),
    )
    yield "## What can be set"
    yield table(("variable", "default", "meaning"), _settings(context))


def _settings(context: HostedContext) -> Iterator[tuple[str, str, str]]:
    """Of the class and not of its instance: what is in force here is nobody else's business."""
    holder = context.loaded.manifest.settings
    if holder is None:
        return
    for name, field in holder.model_fields.items():
        variable = variable_of(name, holder.model_config.get("env_prefix", ""), field.validation_alias)
        default = NONE if field.default is None else code(str(field.default))
        yield code(variable), default, field.description or ""


def _purpose(context: HostedContext) -> str:
    """The first paragraph of its plugin module."""
    return " ".join((getdoc(context.loaded.module) or "It doesn't say.").partition("\n\n")[0].split())


def _said(documented: object) -> str:
    """The first line of a docstring."""
    return (getdoc(documented) or "").partition("\n")[0]
