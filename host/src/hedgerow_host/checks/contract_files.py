"""Whether each context ships the `contract.json` that its code declares."""

from __future__ import annotations

import json
from collections.abc import Iterator

from hedgerow_host.assembly import Assembly
from hedgerow_host.checks.findings import Finding
from hedgerow_host.contracts import CONTRACT_FILE, as_json, contract_file, contract_of
from hedgerow_host.hosted_context import HostedContext


def contract_files(assembly: Assembly) -> Iterator[Finding]:
    """A `contract.json` that is missing, or is not what the context declares."""
    for context in assembly.contexts:
        written, declared = _written(context), contract_text(context)
        subject = f"{context.loaded.module.__package__ or context.loaded.module.__name__}/{CONTRACT_FILE}"
        fix = f"hedgerow contracts write --context {context.name}, and ship the file with the package"
        if written is None:
            yield Finding(
                context=context.name, number="E003", subject=subject, what="is missing from the package", fix=fix
            )
        elif written != declared:
            what = f"is stale: it differs in {_first_difference(written, declared)}"
            yield Finding(context=context.name, number="E004", subject=subject, what=what, fix=fix)


def contract_text(context: HostedContext) -> str:
    """The `contract.json` that a context should have."""
    version = context.loaded.manifest.version
    return as_json(contract_of(context.name, version, context.subscriptions, context.handlers))


def _written(context: HostedContext) -> str | None:
    file = contract_file(context.loaded.module)
    return file.read_text(encoding="utf-8") if file is not None and file.is_file() else None


def _first_difference(written: str, declared: str) -> str:
    """Where in the file somebody may begin to look."""
    try:
        was, now = json.loads(written), json.loads(declared)
        parts = [
            *((part, was[part], now[part]) for part in ("context", "version")),
            *_entries(was, now, "publishes", ("type", "version")),
            *_entries(was, now, "subscribes", ("subscription",)),
            *_entries(was, now, "answers", ("query", "version")),
            *_entries(was, now, "asks", ("query", "version")),
        ]
    except (ValueError, KeyError, TypeError):
        return "its form"
    return next((part for part, before, after in parts if before != after), "its layout")


def _entries(
    was: dict[str, list[dict[str, object]]],
    now: dict[str, list[dict[str, object]]],
    part: str,
    key: tuple[str, ...],
) -> Iterator[tuple[str, object, object]]:
    before, after = (
        {tuple(entry[word] for word in key): entry for entry in whole.get(part, ())} for whole in (was, now)
    )
    for name in dict.fromkeys((*before, *after)):
        yield f"`{part}` {' v'.join(map(str, name))}", before.get(name), after.get(name)
