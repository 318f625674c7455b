"""What installed contexts publish, read from their contract.json: no context is run for this."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from hedgerow_host.contracts import CONTRACT_FILE, PublishedEvent, from_json
from hedgerow_host.discovery import installed_contexts
from hedgerow_host.loading import InstalledContext
from hedgerow_host.scaffold.naming import class_of, refused

_EVENT = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
EXAMPLES: Mapping[tuple[str, str | None], object] = {
    ("string", "uuid"): "0192f5e0-7c1e-7e6d-9a51-7461736b6b79",
    ("string", "date-time"): "2026-01-15T12:00:00Z",
    ("string", None): "something",
    ("integer", None): 1,
}
"""By type and format: what a test sends in a field that must be there."""


def event_named(name: str) -> Mapping[str, Any]:
    """How a subscription to this event is written: its newest version, and the ids in it that we may read.

    Only ids, because what else an event carries may be somebody's name or address: who needs it, writes it down.

    Raises:
        HostError: it is no name of an event, or its publisher is installed and publishes no such event.
    """
    if not _EVENT.fullmatch(name):
        raise refused(f"{name!r} is no event", "write it as publisher.event, such as users.user_registered")
    publisher, _, what = name.partition(".")
    published = _newest(name, _published_by(publisher) or [])
    ids = _ids_in(published) if published else []
    return {
        "event": name,
        "publisher": publisher,
        "version": published.version if published else 1,
        "event_class": class_of(what),
        "fields": [(field, "UUID") for field in ids],
        "imports": "from uuid import UUID\n" if ids else "",
        "payload": json.dumps(_example_of(published) if published else {}),
    }


def is_known(name: str) -> bool:
    """Whether the publisher of an event is installed here."""
    return _published_by(name.partition(".")[0]) is not None


def _newest(name: str, published: list[PublishedEvent]) -> PublishedEvent | None:
    named = [event for event in published if event.type == name]
    if not named and published:
        others = ", ".join(sorted({event.type for event in published}))
        raise refused(f"{name} is not published", f"choose one of {others}")
    return max(named, key=lambda event: event.version, default=None)


def _published_by(publisher: str) -> list[PublishedEvent] | None:
    for context in installed_contexts():
        if context.name == publisher:
            return _contract_of(context)
    return None


def _contract_of(context: InstalledContext) -> list[PublishedEvent]:
    file = files(context.module.rpartition(".")[0]) / CONTRACT_FILE
    return list(from_json(file.read_text(encoding="utf-8")).publishes) if file.is_file() else []


def _example_of(event: PublishedEvent) -> dict[str, object]:
    """A payload. What is more than a plain value is left out: a publisher that is hosted says so."""
    kinds = ((name, event.schema["properties"][name]) for name in event.schema.get("required", ()))
    plain = {name: (kind.get("type"), kind.get("format")) for name, kind in kinds}
    return {name: EXAMPLES[kind] for name, kind in plain.items() if kind in EXAMPLES}


def _ids_in(event: PublishedEvent) -> list[str]:
    properties = event.schema.get("properties", {})
    return [
        name
        for name in event.schema.get("required", ())
        if properties[name].get("type") == "string" and properties[name].get("format") == "uuid"
    ]
