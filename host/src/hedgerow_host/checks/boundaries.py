"""The walls between contexts, and the floors inside each: contracts for import-linter, made from what is installed.

A context without a package `domain` is laid out in a way of its own: its layers are nobody's business, but the
walls around it hold.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from importlinter import Contract, configuration
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.layers import LayersContract

from hedgerow_host.checks.findings import Finding
from hedgerow_host.checks.imports import CORE, HOST_PACKAGE, Imports, Package

configuration.configure()  # as its own command does; contracts time themselves by it

HOOKS = f"{CORE}.plugin"
PURE = f"{CORE}.domain"
LAYERS = ("container", "interfaces | infrastructure", "application | contracts | settings", "domain")
"""Below the module that holds the hooks. Those with a bar between them don't know each other."""
HTTP_AND_SQL = ("asyncpg", "dramatiq", "fastapi", "google", "grpc", "pika", "redis", "sqlalchemy", "starlette")

Link = dict[str, Any]
"""As import-linter tells it: `importer`, `imported`, `line_numbers`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A contract, and what is to be said where it is broken."""

    number: str
    contract: Contract
    what: str
    fix: str


def broken_boundaries(imports: Imports) -> Iterator[Finding]:
    """Every import that breaks a rule, once, however many rules it breaks."""
    for package in imports.packages:
        told: set[tuple[str, str]] = set()
        for rule in _rules(package, imports):
            for chain in sorted(_chains(rule.contract, imports), key=len):
                links = [(link["importer"], link["imported"]) for link in chain]
                if told.isdisjoint(links):
                    told.add(links[0])
                    yield _finding(package, rule, links, imports)


def _rules(package: Package, imports: Imports) -> Iterator[Rule]:
    yield Rule(
        number="E012",
        contract=_forbidden(imports, {package.name}, {one.name for one in imports.packages} - {package.name}),
        what="contexts meet through events and published queries, and never import each other",
        fix="subscribe to its events, or ask one of its published queries, with a model of your own",
    )
    yield Rule(
        number="E013",
        contract=_forbidden(imports, {package.name}, {HOST_PACKAGE}),
        what="a context knows core alone, so that any host can host it",
        fix="declare what you need by a hook, or take it from hedgerow_core",
    )
    if f"{package.name}.domain" in imports.graph.modules:
        yield from _rules_of_layout(package, imports)
    door = {package.door} if package.door == package.name else imports.modules_of(package.door)
    yield Rule(
        number="E016",
        contract=_forbidden_one_by_one(imports, imports.modules_of(package.name) - door, imports.modules_of(HOOKS)),
        what=f"the hooks are for {package.door} alone; behind them stand FastAPI, SQLAlchemy and pluggy",
        fix=f"import it in {package.door}, and hand over what the others need",
    )


def _rules_of_layout(package: Package, imports: Imports) -> Iterator[Rule]:
    yield Rule(
        number="E011",
        contract=_layered(package, imports),
        what="arrows point down: plugin, container, interfaces and infrastructure, application, domain",
        fix="let the upper layer hand over what the lower one needs, as an argument or behind a port",
    )
    yield Rule(
        number="E014",
        contract=_forbidden(imports, {f"{package.name}.domain"}, _impure(package, imports)),
        what=f"the domain is Python, {PURE}, and nothing else",
        fix="move this to infrastructure, or into a port that the application declares",
    )
    yield Rule(
        number="E015",
        contract=_forbidden_one_by_one(imports, imports.modules_of(f"{package.name}.application"), HTTP_AND_SQL),
        what="use cases know neither HTTP nor SQL",
        fix="move this to interfaces or infrastructure, and let the use case ask a port",
    )


def _impure(package: Package, imports: Imports) -> set[str]:
    """Everything that anybody here imports, but for the package itself, Python and the domain of core."""
    modules = imports.graph.modules
    outermost = {module for module in modules if "." not in module} - {CORE, package.root.partition(".")[0]}
    parts_of_core = {module for module in modules if module.rpartition(".")[0] == CORE}
    return outermost - sys.stdlib_module_names | parts_of_core - {PURE}


def _layered(package: Package, imports: Imports) -> Contract:
    door = package.door.removeprefix(f"{package.name}.")
    layers = LAYERS if door == package.door or "." in door else (door, *LAYERS)
    return LayersContract(
        name="layers",
        session_options=_session(imports),
        contract_options={
            "layers": [" | ".join(f"({part})" for part in layer.split(" | ")) for layer in layers],
            "containers": [package.name],
        },
    )


def _forbidden(imports: Imports, sources: Iterable[str], targets: Iterable[str], **options: str) -> Contract:
    """No module in the `sources` may lead to a target, by whatever way."""
    return ForbiddenContract(
        name="forbidden",
        session_options=_session(imports),
        contract_options={"source_modules": sorted(sources), "forbidden_modules": sorted(targets), **options},
    )


def _forbidden_one_by_one(imports: Imports, sources: Iterable[str], targets: Iterable[str]) -> Contract:
    """None of these modules may itself import one of those."""
    present = imports.graph.modules.intersection(sources)
    return _forbidden(imports, present, targets, as_packages="False", allow_indirect_imports="True")


def _session(imports: Imports) -> dict[str, Any]:
    return {"root_packages": list(imports.folders), "include_external_packages": "True"}


def _chains(contract: Contract, imports: Imports) -> Iterator[Sequence[Link]]:
    """Every chain of imports that breaks the contract, as import-linter tells it."""
    found = contract.check(imports.graph, verbose=False).metadata
    for between in found.get("invalid_dependencies", ()):
        for route in between["routes"]:
            yield route["chain"]
            yield from ([first, *route["chain"][1:]] for first in route["extra_firsts"])
    for between in found.get("invalid_chains", ()):
        yield from between["chains"]


def _finding(package: Package, rule: Rule, links: Sequence[tuple[str, str]], imports: Imports) -> Finding:
    (importer, imported), *further = links
    via = "".join(f", which imports {then}" for _first, then in further)
    return Finding(
        context=package.context.name,
        number=rule.number,
        subject=importer,
        what=f"imports {imported}{via}, but {rule.what}",
        fix=rule.fix,
        sources=tuple(str(imports.place(*link)) for link in further),
        place=imports.place(importer, imported),
    )
