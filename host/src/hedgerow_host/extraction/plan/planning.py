"""Brings together what stands in the way of a move, what moves, and what is to be set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hedgerow_host.assembly import Assembly
from hedgerow_host.checks.imports import imports_of
from hedgerow_host.discovery import installed_contexts
from hedgerow_host.extraction.plan.asked_where import AskSite, ask_sites, chatty
from hedgerow_host.extraction.plan.crossings import crossed, recall
from hedgerow_host.extraction.plan.database import InDatabase
from hedgerow_host.extraction.plan.foreign_routes import foreign_routes
from hedgerow_host.extraction.plan.foreign_tables import foreign_tables
from hedgerow_host.extraction.plan.imports import crossing_imports, unreadable
from hedgerow_host.extraction.plan.measured import Measured
from hedgerow_host.extraction.plan.moves import Moves, moves_of
from hedgerow_host.extraction.plan.obstacles import Obstacle, Weight, in_order
from hedgerow_host.extraction.plan.sources import Source, sources_of, sql_files_of
from hedgerow_host.extraction.plan.to_set import ToSet, shared_settings, to_set
from hedgerow_host.hosted_context import HostedContext
from hedgerow_host.mounting import MountedRoute
from hedgerow_host.settings import HostSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is known about moving a context to a host of its own."""

    context: str
    obstacles: Sequence[Obstacle]
    """Blockers first."""
    questions: Sequence[AskSite]
    """Where in the code the questions are asked that will cross the network."""
    measured: Measured
    moves: Moves
    to_set: Sequence[ToSet]
    looked_at: Mapping[str, str]
    """What the plan rests on; what was not looked at says why."""

    @property
    def blockers(self) -> list[Obstacle]:
        """What has to be mended before."""
        return [one for one in self.obstacles if one.weight is Weight.BLOCKER]

    @property
    def cautions(self) -> list[Obstacle]:
        """What somebody should know."""
        return [one for one in self.obstacles if one.weight is Weight.CAUTION]


def plan_for(
    context: HostedContext,
    assembly: Assembly,
    routes: Sequence[MountedRoute],
    settings: HostSettings,
    *,
    database: InDatabase,
    measured: Measured,
    crossings: Path,
) -> Plan:
    """The plan, from the code and the declarations of these contexts, and from what was found and measured."""
    others = [name for name in assembly.names if name != context.name]
    hosted = [one for one in installed_contexts() if one.name in assembly.names]
    imports, unread = imports_of(hosted)
    sources, remembered = sources_of(imports.packages), recall(crossings)
    sites = ask_sites(context.name, sources)
    obstacles = [
        *crossing_imports(context.name, imports, sources),
        *unreadable(unread, assembly.names),
        *foreign_tables(context.name, others, [*sources, *sql_files_of(imports.packages)]),
        *foreign_routes(context.name, others, sources),
        *crossed(context.name, remembered),
        *chatty(sites, sources),
        *_declared(context, assembly),
        *shared_settings(context, assembly),
        *measured.obstacles,
        *database.obstacles,
    ]
    watched = {name: count for name, count in remembered.watched.items() if name == context.name}
    return Plan(
        context=context.name,
        obstacles=in_order(obstacles),
        questions=sites,
        measured=measured,
        moves=moves_of(context, assembly, routes, database),
        to_set=list(dict.fromkeys(to_set(context, assembly, routes, settings))),
        looked_at={
            "code": _read(context.name, sources),
            "tests": f"{watched[context.name]:,} transactions of {context.name}, the last on "
            f"{remembered.last:%Y-%m-%d}"
            if watched and remembered.last
            else f"not looked at: no test has left {crossings}; run the tests of {context.name} in a host",
            "metrics": measured.looked_at,
            **database.looked_at,
        },
    )


def _declared(context: HostedContext, assembly: Assembly) -> Iterator[Obstacle]:
    """What the contexts say about needing one another, and which of them come in one distribution."""
    for one in assembly.contexts:
        for other in assembly.contexts:
            if context not in (one, other) or one is other:
                continue
            if other.name in one.loaded.manifest.requires:
                yield _needs(
                    one.name, f"requires {other.name}", f"take {other.name} from `requires` of its manifest"
                )
            for question in one.handlers.asks:
                if question.required and question.publisher == other.name:
                    yield _needs(one.name, f"requires an answer to {question.query}", "do without, if it can")
    beside = [
        each.name
        for each in installed_contexts()
        if each.distribution == context.loaded.installed.distribution and each.name != context.name
    ]
    if beside:
        yield Obstacle(
            kind="shared_distribution",
            subject=context.name,
            what=f"comes in {context.loaded.installed.distribution}, as does {', '.join(beside)}",
            fix="nothing, as HEDGEROW_CONTEXTS leaves it out; or give each a distribution of its own",
        )


def _needs(context: str, what: str, fix: str) -> Obstacle:
    return Obstacle(
        kind="required_context",
        subject=context,
        what=what,
        fix=f"{fix}; else see that the other host starts first",
    )


def _read(context: str, sources: Sequence[Source]) -> str:
    own = sum(source.context == context for source in sources)
    return f"{own} files of {context}, {len(sources) - own} of the others"
