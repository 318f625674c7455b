"""Which contexts a test hosts: one alone, with those that it knows about, or with all there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

from hedgerow_core.plugin import Manifest
from hedgerow_host.discovery import installed_contexts
from hedgerow_host.loading import InstalledContext

Mode = Literal["standalone", "direct", "all"]
"""`standalone`: these contexts and what they require. `direct`: besides, what their manifests call optional, if
installed. `all`: every installed context."""


def chosen(contexts: Collection[str], mode: Mode) -> Collection[str] | None:
    """The contexts to host, as the host takes them; None is all of them. Imports none but those."""
    if mode == "all":
        return None
    installed = {context.name: context for context in installed_contexts()}
    hosted = set(contexts)
    if mode == "direct":
        beside = {
            name for context in contexts if context in installed for name in _manifest(installed[context]).optional
        }
        hosted |= beside & installed.keys()
    for context in sorted(hosted & installed.keys()):
        hosted |= set(_required(context, installed))
    return sorted(hosted)


def _required(context: str, installed: dict[str, InstalledContext]) -> Iterator[str]:
    for name in _manifest(installed[context]).requires:
        yield name
        if name in installed:
            yield from _required(name, installed)


def _manifest(context: InstalledContext) -> Manifest:
    manifest: Manifest = context.entry_point.load().manifest()
    return manifest
