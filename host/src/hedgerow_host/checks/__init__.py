"""What `hedgerow check` looks at. A check is a function that returns findings; each kind has a file of its own.

To add one: give its findings the next number in `meanings.py`, with the words of the reference, and call it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hedgerow_host.assembly import Assembly
from hedgerow_host.catalog import compose
from hedgerow_host.checks.boundaries import broken_boundaries
from hedgerow_host.checks.composition import CHECKS, of_problem
from hedgerow_host.checks.concerns import concerns_of
from hedgerow_host.checks.dependencies import undeclared_imports
from hedgerow_host.checks.deployment import guessable_secrets, unwise_in_production
from hedgerow_host.checks.findings import Finding, worst_first
from hedgerow_host.checks.imports import imports_of
from hedgerow_host.checks.variables import variables_that_nobody_reads
from hedgerow_host.discovery import installed_contexts, wanted_of
from hedgerow_host.grpc_beside import look_at_services
from hedgerow_host.problems import CompositionError, Problem
from hedgerow_host.settings import HostSettings


def check(
    settings: HostSettings, unusable: Sequence[Problem] = (), *, deploy: bool = False
) -> tuple[list[Finding], Assembly | None]:
    """Everything that is found without a database, the worst first, and the composition if there is one.

    `unusable` is what is wrong with the settings already; `deploy` also looks for what is unwise in production.
    A composition that fails is looked at no further: what doesn't fit together can't be judged in parts. What
    contexts import is looked at all the same.
    """
    installed = installed_contexts()
    names = {context.name for context in installed}
    problems, assembly = list(unusable), None
    try:
        assembly, _routes = compose(settings)
        look_at_services(assembly)
    except CompositionError as error:
        problems, assembly = [*problems, *error.problems], None
    findings = [of_problem(problem, names) for problem in problems]
    findings += _of_sources(settings)
    if assembly is not None:
        left = [problem for found in assembly.quarantine.problems.values() for problem in found]
        findings += [of_problem(problem, names) for problem in left]
        findings += _of_composition(assembly, deploy=deploy)
    findings += variables_that_nobody_reads(assembly.contexts if assembly else ())
    if deploy:
        findings += unwise_in_production(settings)
    return worst_first(findings), assembly


def _of_composition(assembly: Assembly, *, deploy: bool) -> Iterator[Finding]:
    for one in CHECKS:
        yield from one(assembly)
    for context in assembly.contexts:
        yield from concerns_of(context, deploy=deploy)
        if deploy and context.settings is not None:
            yield from guessable_secrets(context.name, context.settings)


def _of_sources(settings: HostSettings) -> list[Finding]:
    """About the code of the contexts that are wanted here, whether or not they can be composed."""
    imports, findings = imports_of(wanted_of(installed_contexts(), settings.contexts))
    return [*findings, *broken_boundaries(imports), *undeclared_imports(imports)]
