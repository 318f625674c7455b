"""Imports one context and calls its hooks. Whatever goes wrong in there becomes a problem that names it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import EntryPoint
from inspect import iscoroutine
from types import ModuleType
from typing import Any, TypeVar

import pluggy
from dependency_injector.containers import Container

from hedgerow_core.application.concerns import Concern
from hedgerow_core.grpc import GrpcService
from hedgerow_core.http import ContextRouter, CookieMode
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin import PROJECT, Handlers, HookSpecs, Manifest, Subscriptions
from hedgerow_core.security import KeyAuthority, TokenIssuer
from hedgerow_host.last_words import in_case_it_ends
from hedgerow_host.manifests import wrong_in
from hedgerow_host.patience import PATIENCE_S, Broke, Hangs, patiently
from hedgerow_host.problems import CompositionError, Problem, place_in, refused_settings, said_by
from hedgerow_host.shared_state import Changed, left_as_found

LEAVE_OUT = "or leave the context out of HEDGEROW_CONTEXTS"

RETURNS: dict[str, type] = {
    "manifest": Manifest,
    "migrations": MigrationHistory,
    "container": Container,
    "handlers": Handlers,
    "subscriptions": Subscriptions,
    "lifespan": AbstractAsyncContextManager,
}
"""What a hook returns, where that is one thing."""
RETURNS_MANY: dict[str, tuple[type, ...]] = {
    "routes": (ContextRouter,),
    "grpc_services": (GrpcService,),
    "authenticators": (TokenIssuer, KeyAuthority, CookieMode),
    "checks": (Concern,),
}
"""What its sequence holds, where it is many."""
MUST_ANSWER = ("migrations", "container", "handlers", "lifespan")
"""Hooks for which nothing is no answer. Who has nothing to say there leaves them out."""
IN_THE_LOOP = ("lifespan", "seed")
"""Hooks that are called by the event loop that uses what they return."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class InstalledContext:
    """A context that is installed, imported or not."""

    name: str
    module: str
    distribution: str
    version: str
    entry_point: EntryPoint
    on_request: bool = False
    """Whether it is hosted only where somebody names it."""

    @property
    def package(self) -> str:
        """What its code lies in."""
        return self.module.partition(":")[0].rpartition(".")[0] or self.module

    def __str__(self) -> str:
        return f"{self.module} of {self.distribution} {self.version}"

    def problem(self, what: str, fix: str, *places: str) -> Problem:
        """Something that is wrong with this context alone."""
        return Problem(subject=self.name, what=what, sources=(str(self), *places), fix=fix, contexts=(self.name,))

    def refused(self, what: str, fix: str, *places: str) -> CompositionError:
        """The same, to be raised."""
        return CompositionError([self.problem(what, fix, *places)])


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
            CompositionError: the hook raised, hangs or returned something else; names context and hook, or the
                setting that it can't use.
        """
        return _called(self.installed, self.hooks, hook, **arguments)

    def implements(self, hook: str) -> bool:
        """Whether the context has this hook."""
        return bool(getattr(self.hooks.hook, hook).get_hookimpls())

    @property
    def hooks_implemented(self) -> list[str]:
        """The hooks that the context has, in the order in which they are called."""
        return [name for name in vars(HookSpecs) if not name.startswith("_") and self.implements(name)]

    def judged(self, what: str, look: Callable[[], Answer]) -> Answer:
        """What a look at the context's declarations finds, which may run code of its own.

        Raises:
            CompositionError: it broke over them, or hangs.
        """
        return _tried(self.installed, f"{what}:", look, fix=f"mend what it declares, {LEAVE_OUT}")


def load(installed: InstalledContext) -> LoadedContext:
    """Import a context and read its manifest.

    Raises:
        CompositionError: it can't be had; names it, with the cause and the line.
    """
    module: object = _tried(
        installed,
        "cannot be imported:",
        installed.entry_point.load,
        fix="mend or reinstall it, or leave it out of HEDGEROW_CONTEXTS",
        runs="its import",
    )
    if not isinstance(module, ModuleType):
        raise installed.refused(
            f"its entry point names a {type(module).__name__}, and not the module that holds its hooks",
            f'write {installed.name} = "package.plugin" in the group of entry points',
        )
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(HookSpecs)
    try:
        manager.register(module, name=installed.name)
        manager.check_pending()
    except Exception as error:
        what = f"has a hook that no host can call: {said_by(error)}"
        raise installed.refused(
            what, "correct its name and its arguments: see the hooks in the reference"
        ) from error
    manifest = _called(installed, manager, "manifest")
    if manifest is None:
        raise installed.refused("has no manifest", "implement the hook `manifest` and return a Manifest")
    wrong = _tried(
        installed,
        "its manifest cannot be read:",
        lambda: list(wrong_in(installed.name, manifest)),
        fix="write it as the reference says of the hook `manifest`",
    )
    if wrong:
        raise CompositionError([installed.problem(what, fix) for what, fix in wrong])
    return LoadedContext(installed, module, manifest, manager)


def _called(installed: InstalledContext, manager: pluggy.PluginManager, hook: str, **arguments: Any) -> Any:
    answers = _tried(
        installed,
        f"its hook `{hook}` raised",
        partial(getattr(manager.hook, hook), **arguments),
        fix=f"mend the hook, {LEAVE_OUT}",
        runs=f"its hook `{hook}`",
        in_the_loop=hook in IN_THE_LOOP,
    )
    answer = answers[0] if answers else None
    called = bool(answers) or (hook in MUST_ANSWER and getattr(manager.hook, hook).get_hookimpls())
    wrong = _not_what_it_returns(hook, answer) if called else None
    if wrong:
        if iscoroutine(answer):
            answer.close()  # else Python complains, too, of what nobody awaited
        raise installed.refused(f"its hook `{hook}` returned {wrong}", "return what the reference says of the hook")
    return tuple(answer) if hook in RETURNS_MANY and answer is not None else answer


def _tried(
    installed: InstalledContext,
    what: str,
    work: Callable[[], Answer],
    *,
    fix: str,
    runs: str = "what it declares",
    in_the_loop: bool = False,
) -> Answer:
    try:
        with in_case_it_ends(f"{installed.name}: {runs} has ended the process [{installed}]"):
            return (
                left_as_found(work) if in_the_loop else patiently(partial(left_as_found, work), installed.package)
            )
    except Hangs as error:
        raise installed.refused(f"{runs} has not come back for {PATIENCE_S:g} s", fix, *error.place) from error
    except Exception as raised:
        cause = raised.error if isinstance(raised, Broke) else raised
        if isinstance(cause, Changed):
            what = f"{runs} changed {cause.what}, which everybody in this process shares"
            raise installed.refused(
                what, f"take that out of it, or out of the library that it uses, {LEAVE_OUT}"
            ) from cause
        raise _problem_of(installed, what, cause, fix) from cause


def _problem_of(installed: InstalledContext, what: str, error: BaseException, fix: str) -> CompositionError:
    if isinstance(error, CompositionError):
        return CompositionError(
            [replace(problem, contexts=problem.contexts or (installed.name,)) for problem in error.problems]
        )
    if refused := refused_settings(error, context=installed.name, source=str(installed)):
        return CompositionError(refused)
    return installed.refused(f"{what} {said_by(error)}", fix, *place_in(error, installed.package))


def _not_what_it_returns(hook: str, answer: object) -> str | None:
    """What it returned instead, in words."""
    if hook in RETURNS and not isinstance(answer, RETURNS[hook]):
        return f"a {type(answer).__name__}, not a {RETURNS[hook].__name__}"
    if hook not in RETURNS_MANY:
        return None
    names = " or ".join(kind.__name__ for kind in RETURNS_MANY[hook])
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        return f"a {type(answer).__name__}, not a sequence of {names}"
    strange = [one for one in answer if not isinstance(one, RETURNS_MANY[hook])]
    return f"a {type(strange[0]).__name__} among its {names}" if strange else None
