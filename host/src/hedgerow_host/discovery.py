"""Finds installed contexts by their entry points, imports those that are wanted, and puts them in order.

What is not wanted is not imported: a distribution that is merely installed runs no code here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

import pluggy
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hedgerow_core.plugin import CORE_API, PROJECT, HookSpecs, Manifest
from hedgerow_host.problems import CompositionError, Problem, refused_settings
from hedgerow_host.settings import ENTRY_POINT_GROUP

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""A context's name becomes a schema, a role and a URL prefix."""


@dataclass(frozen=True, slots=True)
class InstalledContext:
    """A context that is installed, imported or not."""

    name: str
    module: str
    distribution: str
    version: str
    entry_point: EntryPoint

    def __str__(self) -> str:
        return f"{self.module} of {self.distribution} {self.version}"


@dataclass(frozen=True, slots=True)
class LoadedContext:
    """A context that is imported and whose manifest is valid."""

    installed: InstalledContext
    module: ModuleType
    manifest: Manifest
    hooks: pluggy.PluginManager

    @property
    def name(self) -> str:
        """The context's name."""
        return self.manifest.name

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call one of the context's hooks; None if it does not implement it.

        Raises:
            CompositionError: the hook raised; names context and hook, or the settings that it can't use.
        """
        try:
            return _call(self.hooks, hook, **arguments)
        except Exception as error:
            refused = refused_settings(error, context=self.name, source=str(self.installed))
            raise CompositionError(refused or [_hook_failed(self.installed, hook, error)]) from error

    def implements(self, hook: str) -> bool:
        """Whether the context has this hook."""
        return bool(getattr(self.hooks.hook, hook).get_hookimpls())


def installed_contexts() -> list[InstalledContext]:
    """Every context that is installed, by name. Imports none of them."""
    found = [
        InstalledContext(
            name=point.name,
            module=point.value,
            distribution=point.dist.name if point.dist else "an unknown distribution",
            version=point.dist.version if point.dist else "?",
            entry_point=point,
        )
        for point in entry_points(group=ENTRY_POINT_GROUP)
    ]
    return sorted(found, key=lambda context: (context.name, context.module))


def load_contexts(wanted: Collection[str] | None) -> list[LoadedContext]:
    """Import the wanted contexts (None: all installed) and order them, required ones first.

    Raises:
        CompositionError: lists every problem found.
    """
    chosen = _choose(installed_contexts(), wanted)
    problems: list[Problem] = []
    loaded: list[LoadedContext] = []
    for installed in chosen:
        try:
            loaded.append(_load(installed))
        except CompositionError as error:
            problems += error.problems
    if not problems:
        problems = _unmet_requirements(loaded)
    if problems:
        raise CompositionError(problems)
    return _ordered(loaded)


def _choose(installed: Sequence[InstalledContext], wanted: Collection[str] | None) -> list[InstalledContext]:
    problems = []
    names = [context.name for context in installed]
    for unknown in sorted(set(wanted or ()) - set(names)):
        problems.append(
            Problem(
                subject=unknown,
                what="is listed in HEDGEROW_CONTEXTS but not installed",
                fix=f"install its distribution, or correct the name; installed are: {', '.join(names) or 'none'}",
            )
        )
    for twice in sorted({name for name in names if names.count(name) > 1}):
        problems.append(
            Problem(
                subject=twice,
                what="is offered twice",
                sources=tuple(str(context) for context in installed if context.name == twice),
                fix="uninstall one of the distributions",
            )
        )
    if problems:
        raise CompositionError(problems)
    return [context for context in installed if wanted is None or context.name in wanted]


def _load(installed: InstalledContext) -> LoadedContext:
    try:
        module: ModuleType = installed.entry_point.load()
    except (Exception, SystemExit) as error:
        raise CompositionError(
            [
                Problem(
                    subject=installed.name,
                    what=f"cannot be imported: {type(error).__name__}: {error}",
                    sources=(str(installed), *_line_of(error)),
                    fix="mend or reinstall it, or leave it out of HEDGEROW_CONTEXTS",
                )
            ]
        ) from error
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecs)
    try:
        manager.register(module, name=installed.name)
        manager.check_pending()
        manifest = _call(manager, "manifest")
    except Exception as error:
        raise CompositionError([_hook_failed(installed, "manifest", error)]) from error
    problems = list(_manifest_problems(installed, manifest))
    if problems:
        raise CompositionError(problems)
    return LoadedContext(installed, module, manifest, manager)


def _call(manager: pluggy.PluginManager, hook: str, **arguments: Any) -> Any:
    answers = getattr(manager.hook, hook)(**arguments)
    return answers[0] if answers else None


def _line_of(error: BaseException) -> tuple[str, ...]:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}",) if trace else ()


def _hook_failed(installed: InstalledContext, hook: str, error: Exception) -> Problem:
    return Problem(
        subject=installed.name,
        what=f"its hook `{hook}` raised {type(error).__name__}: {error}",
        sources=(str(installed), *_line_of(error)),
        fix="mend the hook, or leave the context out of HEDGEROW_CONTEXTS",
    )


def _manifest_problems(installed: InstalledContext, manifest: object) -> list[Problem]:
    if not isinstance(manifest, Manifest):
        found = [("has no manifest", "implement the hook `manifest` and return a Manifest")]
    else:
        found = _wrong_in(installed, manifest)
    return [Problem(subject=installed.name, what=what, sources=(str(installed),), fix=fix) for what, fix in found]


def _wrong_in(installed: InstalledContext, manifest: Manifest) -> list[tuple[str, str]]:
    found = []
    if not _NAME.fullmatch(manifest.name):
        found.append((f"its name {manifest.name!r} is not usable", "use lower-case letters, digits and _"))
    if manifest.name != installed.name:
        found.append(
            (f"its manifest is named {manifest.name!r}, its entry point {installed.name!r}", "give both one name")
        )
    try:
        if CORE_API not in SpecifierSet(manifest.core_api):
            found.append(
                (
                    f"needs core API {manifest.core_api}, and this core has {CORE_API}",
                    "install versions of the context and of hedgerow-core that fit",
                )
            )
    except InvalidSpecifier:
        found.append((f"core_api={manifest.core_api!r} is no version range", 'write it as ">=0.1,<0.2"'))
    for permission in manifest.permissions:
        if not permission.name.startswith(f"{manifest.name}:"):
            found.append((f"declares the permission {permission.name}", f"name it {manifest.name}:resource:action"))
    return found


def _unmet_requirements(loaded: Sequence[LoadedContext]) -> list[Problem]:
    present = {context.name for context in loaded}
    return [
        Problem(
            subject=context.name,
            what=f"requires the context {required}, which is not hosted here",
            sources=(str(context.installed),),
            fix=f"install {required} and list it in HEDGEROW_CONTEXTS, or leave {context.name} out",
        )
        for context in loaded
        for required in context.manifest.requires
        if required not in present
    ]


def _ordered(loaded: Sequence[LoadedContext]) -> list[LoadedContext]:
    by_name: Mapping[str, LoadedContext] = {context.name: context for context in loaded}
    graph = {
        name: [other for other in (*context.manifest.requires, *context.manifest.optional) if other in by_name]
        for name, context in by_name.items()
    }
    try:
        return [by_name[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise CompositionError(
            [
                Problem(
                    subject=" → ".join(error.args[1]),
                    what="these contexts wait for each other",
                    fix="let one of them do without the other; events need neither `requires` nor `optional`",
                )
            ]
        ) from error
