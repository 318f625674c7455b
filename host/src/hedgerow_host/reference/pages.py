"""Every page of the reference, and whatever in it nobody has explained yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hedgerow_core.observability.metrics import LEDGER_GAUGES, REGISTRY
from hedgerow_host.assembly import Assembly
from hedgerow_host.markdown import page
from hedgerow_host.reference.checks import checks_page
from hedgerow_host.reference.command_line import Verb, command_line_page, verbs_of
from hedgerow_host.reference.contracts import events_page, queries_page
from hedgerow_host.reference.errors import errors_page
from hedgerow_host.reference.hooks import hooks_page
from hedgerow_host.reference.metrics import metrics_page
from hedgerow_host.reference.settings import settings_page
from hedgerow_host.reference.words import Gap, Words
from hedgerow_host.settings import HostSettings

MARK = "<!-- Written by `hedgerow docs reference`: change the code instead. -->"
"""The first line of every page, by which we know what we may overwrite or remove."""
HOST_PACKAGES = ("hedgerow_core", "hedgerow_host")


@dataclass(frozen=True, slots=True)
class Reference:
    """The pages by the names of their files, and what nobody has explained."""

    pages: Mapping[str, str]
    gaps: Sequence[Gap]


def reference(assembly: Assembly, command_line: Any) -> Reference:
    """The reference of a host with these contexts. `command_line` is the host's own, as typer has made it."""
    words = Words()
    contexts = {context.name: context.loaded for context in assembly.contexts}
    packages = {loaded.module.__name__.partition(".")[0] for loaded in contexts.values()}
    settings = {"Host": HostSettings} | {
        name: loaded.manifest.settings for name, loaded in contexts.items() if loaded.manifest.settings is not None
    }
    written = {
        "hooks.md": hooks_page({name: loaded.hooks_implemented for name, loaded in contexts.items()}, words),
        "settings.md": settings_page(settings, words),
        "cli.md": command_line_page(all_verbs(assembly, command_line), words),
        "errors.md": errors_page({*HOST_PACKAGES, *packages}, words),
        "events.md": events_page(assembly, words),
        "queries.md": queries_page(assembly, words),
        "checks.md": checks_page({name: loaded.manifest.concerns for name, loaded in contexts.items()}, words),
        "metrics.md": metrics_page(REGISTRY, LEDGER_GAUGES, words),
    }
    return Reference({name: page(MARK, parts) for name, parts in written.items()}, tuple(words.gaps))


def all_verbs(assembly: Assembly, command_line: Any) -> list[Verb]:
    """The host's verbs, and those that contexts bring along."""
    from typer.main import get_group

    verbs = list(verbs_of(command_line, "hedgerow"))
    for context in assembly.contexts:
        if context.loaded.implements("cli"):
            verbs += verbs_of(get_group(context.loaded.call("cli", run=_nobody_runs)), f"hedgerow {context.name}")
    return verbs


def _nobody_runs(work: object) -> Any:
    raise AssertionError(f"verbs are looked at, and none is run: {work}")
