"""Finds installed contexts by their entry points, imports those that are wanted, and puts them in order.

What is not wanted is not imported: a distribution that is merely installed runs no code here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import Distribution

from hedgerow_core.observability.own_code import ON_REQUEST_GROUP, entry_points_of_contexts
from hedgerow_host.last_words import witnessed
from hedgerow_host.loading import InstalledContext, LoadedContext, load
from hedgerow_host.problems import CompositionError, Problem
from hedgerow_host.quarantine import Quarantine
from hedgerow_host.settings import HostSettings
from hedgerow_host.trial_import import found_by_a_child
from hedgerow_host.wire.unsound_remotes import variable_of_remote


def installed_contexts() -> list[InstalledContext]:
    """Every context that is installed, by name. Imports none of them."""
    found = [
        InstalledContext(
            name=point.name,
            module=point.value,
            distribution=name,
            version=version,
            entry_point=point,
            on_request=point.group == ON_REQUEST_GROUP,
        )
        for point in entry_points_of_contexts()
        for name, version in [_known_of(point.dist)]
    ]
    return sorted(found, key=lambda context: (context.name, context.module))


def _known_of(distribution: Distribution | None) -> tuple[str, str]:
    """Its name and its version. Metadata that can't be read say nothing against the code."""
    with suppress(ValueError):
        if distribution is not None:
            return distribution.name, distribution.version or "?"
    return "an unknown distribution", "?"


def wanted_of(installed: Iterable[InstalledContext], names: Collection[str] | None) -> list[InstalledContext]:
    """Those of these names; None: all that don't wait to be named."""
    return [one for one in installed if (not one.on_request if names is None else one.name in names)]


@witnessed()
def hosted_contexts(settings: HostSettings) -> tuple[list[LoadedContext], Quarantine]:
    """The contexts that these settings want, and those among the optional ones that can't be had.

    Raises:
        CompositionError: lists every problem found.
    """
    quarantine, remote = Quarantine(settings.optional_contexts or ()), settings.remotes or {}
    return load_contexts(settings.contexts, quarantine, remote), quarantine


def load_contexts(
    wanted: Collection[str] | None, quarantine: Quarantine | None = None, remote: Collection[str] = ()
) -> list[LoadedContext]:
    """Import the wanted contexts (None: all that don't wait to be named) and order them, required ones first.

    Those that are `remote` live on other hosts, and are there for who requires them.

    Raises:
        CompositionError: lists every problem found that `quarantine` does not take in; without one, every problem.
    """
    quarantine = quarantine or Quarantine()
    chosen, problems = _choose(installed_contexts(), wanted, quarantine.optional)
    for optional in chosen:
        if optional.name in quarantine.optional and optional.name not in quarantine:
            quarantine.take_in(found_by_a_child(optional))  # what would end this process must not be imported here
    loaded: list[LoadedContext] = []
    for installed in quarantine.spared(chosen):
        try:
            loaded.append(load(installed))
        except CompositionError as error:
            problems += error.problems
    while True:
        hosted = [context.name for context in loaded]
        problems = problems or unmet_requirements(loaded, [*hosted, *remote], quarantine) or _circle(loaded)
        if not problems:
            return _ordered(loaded)
        quarantine.take_in(problems)
        loaded, problems = quarantine.spared(loaded), []


def unmet_requirements(
    contexts: Sequence[LoadedContext], hosted: Collection[str], quarantine: Quarantine
) -> list[Problem]:
    """Contexts that require one that is not hosted here."""
    return [
        context.installed.problem(
            f"requires the context {required}, and {quarantine.absence(required)}",
            f"install {required} and list it in HEDGEROW_CONTEXTS, mend it, say where it lives with "
            f"{variable_of_remote(required)}, or leave {context.name} out",
        )
        for context in contexts
        for required in context.manifest.requires
        if required not in hosted
    ]


def _choose(
    installed: Sequence[InstalledContext], wanted: Collection[str] | None, optional: Collection[str]
) -> tuple[list[InstalledContext], list[Problem]]:
    names = [context.name for context in installed]
    chosen = wanted_of(installed, wanted)
    hosted = [context.name for context in chosen]
    problems: list[Problem] = []
    for unknown in sorted(set(wanted or ()) - set(names)):
        problems.append(
            Problem(
                subject=unknown,
                what="is listed in HEDGEROW_CONTEXTS but not installed",
                fix=f"install its distribution, or correct the name; installed are: {', '.join(names) or 'none'}",
            )
        )
    for unknown in sorted(set(optional) - set(hosted) - set(wanted or ())):
        problems.append(
            Problem(
                subject=unknown,
                what="is listed in HEDGEROW_OPTIONAL_CONTEXTS but not hosted here",
                fix=f"take it out of there, or correct the name; hosted are: {', '.join(hosted) or 'none'}",
            )
        )
    for twice in sorted({name for name in hosted if hosted.count(name) > 1}):
        problems.append(
            Problem(
                subject=twice,
                what="is offered twice",
                sources=tuple(str(context) for context in chosen if context.name == twice),
                fix="uninstall one of the distributions",
                contexts=(twice,),
            )
        )
    return [context for context in chosen if hosted.count(context.name) == 1], problems


def _graph(loaded: Sequence[LoadedContext]) -> TopologicalSorter[str]:
    present = {context.name for context in loaded}
    return TopologicalSorter(
        {
            context.name: [
                other for other in (*context.manifest.requires, *context.manifest.optional) if other in present
            ]
            for context in loaded
        }
    )


def _circle(loaded: Sequence[LoadedContext]) -> list[Problem]:
    try:
        _graph(loaded).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return [
            Problem(
                subject=" → ".join(circle),
                what="these contexts wait for each other",
                fix="let one of them do without the other; events need neither `requires` nor `optional`",
                contexts=tuple(dict.fromkeys(circle)),
            )
        ]
    return []


def _ordered(loaded: Sequence[LoadedContext]) -> list[LoadedContext]:
    by_name: Mapping[str, LoadedContext] = {context.name: context for context in loaded}
    return [by_name[name] for name in _graph(loaded).static_order()]
