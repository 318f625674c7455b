"""Compares two builds by their `contract.json` files: who would break, and what else changes. Imports neither.

Builds roll, so the new publishers meet the subscribers of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path

from hedgerow_core.messaging.contracts import fields_of, incompatibilities
from hedgerow_host.contract_breaks import ContractBreak, breaks
from hedgerow_host.contracts import CONTRACT_FILE, ContextContract, JsonSchema, from_json
from hedgerow_host.exits import ExitCode, HostError

Build = Mapping[str, ContextContract]
"""The contracts of one build, by context."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that changes and breaks nobody here."""

    subject: str
    what: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What becomes of the old build with the new one. A break comes with the builds whose subscriber it hits."""

    breaks: Mapping[ContractBreak, list[str]]
    notes: list[Note]


def read_build(path: Path) -> Build:
    """The contracts in a `contract.json`, or in all that lie in or below a folder.

    Raises:
        HostError: there is none, one is unreadable, or two of one context differ.
    """
    found = sorted(path.rglob(CONTRACT_FILE)) if path.is_dir() else [path]
    if not found or not path.exists():
        raise _unusable(f"no {CONTRACT_FILE} at {path}", "name such a file, or a folder that holds some")
    contracts: dict[str, ContextContract] = {}
    for file in found:
        try:
            contract = from_json(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise _unusable(
                f"{file} cannot be read: {error}", "write it again: hedgerow contracts write"
            ) from error
        if contracts.setdefault(contract.context, contract) != contract:
            raise _unusable(
                f"below {path} lie two different contracts of {contract.context}",
                f"remove one of them, or name the right one; the second is {file}",
            )
    return contracts


def compare(old: Build, new: Build) -> Difference:
    """What happens to subscribers of both builds when the new publishers meet them."""
    gone = {name: replace(contract, publishes=(), answers=()) for name, contract in old.items() if name not in new}
    hit: dict[ContractBreak, list[str]] = {}
    for build, subscribers in (("old", old), ("new", new)):
        for broken in breaks({**gone, **new}, subscribers.values()):
            hit.setdefault(broken, []).append(build)
    notes = [
        *_changes(old, new, {(broken.event, broken.field) for broken in hit}),
        *_late(old, new),
        *_unknown(old, new),
        *_narrowed(old, new),
    ]
    return Difference(hit, list(dict.fromkeys(notes)))


def _changes(old: Build, new: Build, broken: Set[tuple[str, str]]) -> Iterator[Note]:
    """What is published otherwise, without what is a break already."""
    before, after = _published(old), _published(new)
    for event, version in sorted(after):
        subject = f"{event} v{version}"
        if (event, version) not in before:
            yield Note(subject, "is new")
            continue
        for path, what in _fields(before[event, version], after[event, version]):
            if (event, path) not in broken:
                yield Note(subject, what)
    for event, version in sorted(before.keys() - after.keys()):
        if (event, "") not in broken:
            yield Note(f"{event} v{version}", "is no longer published")


def _fields(before: JsonSchema, after: JsonSchema) -> Iterator[tuple[str, str]]:
    was, now = fields_of(before), fields_of(after)
    for path, kind in now.items():
        if path not in was:
            yield path, f"adds the field {path} ({kind})"
        elif was[path] != kind:
            yield path, f"changes the field {path} from {was[path]} to {kind}"
    yield from ((path, f"drops the field {path}") for path in was if path not in now)
    if was == now and _bare(before) != _bare(after):
        yield "", "promises something else of its fields"


def _late(old: Build, new: Build) -> Iterator[Note]:
    """What the old publisher has recorded may still be on its way when the new subscriber comes."""
    settled = set(breaks(old, old.values()))
    for broken in breaks(old, new.values()):
        if broken not in settled:
            yield Note(
                broken.subject, f"{broken.what}, as the old build publishes it; let such events arrive first"
            )


def _unknown(old: Build, new: Build) -> Iterator[Note]:
    for wanted in (wanted for contract in (*old.values(), *new.values()) for wanted in contract.subscribes):
        if wanted.publisher not in old and wanted.publisher not in new:
            yield Note(wanted.subscription, f"listens to {wanted.event}; no contract of {wanted.publisher} is here")
    for contract in (*old.values(), *new.values()):
        for asked in (one for one in contract.asks if one.publisher not in old and one.publisher not in new):
            yield Note(f"{contract.context} asks {asked.query}", f"no contract of {asked.publisher} is here")


def _narrowed(old: Build, new: Build) -> Iterator[Note]:
    """What an asker sends is in no contract, so it is only said where less is taken than before."""
    before = {(one.query, one.version): one for build in old.values() for one in build.answers}
    for one in (one for build in new.values() for one in build.answers):
        was = before.get((one.query, one.version))
        for found in incompatibilities(was.parameters, one.parameters) if was else ():
            yield Note(f"{one.query} v{one.version}", f"takes other parameters than before: {found}")


def _published(build: Build) -> dict[tuple[str, int], JsonSchema]:
    events = {(event.type, event.version): event.schema for one in build.values() for event in one.publishes}
    return events | {(one.query, one.version): one.answer for each in build.values() for one in each.answers}


def _bare(schema: object, *, names: bool = False) -> object:
    """Without the words that promise nothing; where the keys are names of fields, all stay."""
    match schema:
        case dict():
            kept = {word for word in schema if names or word not in ("title", "description")}
            return {word: _bare(schema[word], names=not names and word == "properties") for word in kept}
        case list():
            return [_bare(value) for value in schema]
    return schema


def _unusable(what: str, fix: str) -> HostError:
    return HostError(what, fix=fix, code=ExitCode.MISCONFIGURED)
