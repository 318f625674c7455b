"""Every hook of Hedgerow, in the order in which the host calls them.

Hooks are plain functions in a context's `plugin.py`, marked with `@hookimpl`. They run once, at start, in every
process that hosts the context (API, worker and command line), and never per request. An exception in a hook
stops the start with a message that names the context and the hook, or leaves the context out if the operator
can do without it (ADR 0026). All are optional except `manifest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import pluggy
from dependency_injector.containers import Container
from pydantic_settings import BaseSettings

from hedgerow_core.application import Bus
from hedgerow_core.application.concerns import Concern
from hedgerow_core.application.seeding import Seed
from hedgerow_core.grpc import GrpcService
from hedgerow_core.http import ContextRouter, CookieMode
from hedgerow_core.persistence import MigrationHistory
from hedgerow_core.plugin.container import CoreContainer
from hedgerow_core.plugin.declarations import CommandRunner, Handlers, Impersonation, Manifest, Subscriptions
from hedgerow_core.security import KeyAuthority, TokenIssuer

if TYPE_CHECKING:
    import typer  # of those contexts alone that have verbs

PROJECT = "hedgerow"
CORE_API = "0.1"
"""The version of this hook API. It grows when a hook or declaration does."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HookSpecs:
    """The hooks. The host calls each for one context at a time, so a result always has one author."""

    @hookspec
    def manifest(self) -> Manifest:  # type: ignore[empty-body]
        """Say who the context is and what it needs. Runs first, before anything is built; must not do I/O."""

    @hookspec
    def migrations(self) -> MigrationHistory:  # type: ignore[empty-body]
        """Name the package that holds the context's Alembic scripts. Also runs for `hedgerow migrate`."""

    @hookspec
    def container(self, core: CoreContainer, settings: BaseSettings | None) -> Container:  # type: ignore[empty-body]
        """Build the context's container. `settings` is an instance of the class the manifest names.

        Must not do I/O: engines connect on first use. A setting that can't be used in this environment is
        refused by raising `UnusableSetting`, several by an `ExceptionGroup` of them.
        """

    @hookspec
    def handlers(self, container: Any) -> Handlers:  # type: ignore[empty-body]
        """Declare command, query and task handlers, the unit of work, and what the context answers and asks."""

    @hookspec
    def subscriptions(self, container: Any) -> Subscriptions:  # type: ignore[empty-body]
        """Declare which events the context publishes, and which it subscribes to."""

    @hookspec
    def routes(self, container: Any, bus: Bus) -> Sequence[ContextRouter]:  # type: ignore[empty-body]
        """Build the routers. Every route states its access decision, or the host refuses to boot."""

    @hookspec
    def grpc_services(self, container: Any, bus: Bus) -> Sequence[GrpcService]:  # type: ignore[empty-body]
        """Build the gRPC services. Every method states its access decision, or the host refuses to boot (ADR 0044).

        Runs in processes that serve gRPC and for `hedgerow check`: what is generated is imported in here, so that
        nobody else needs protobuf.
        """

    @hookspec
    def authenticators(  # type: ignore[empty-body]
        self, container: Any
    ) -> Sequence[TokenIssuer | KeyAuthority | CookieMode]:
        """Say whose access tokens and whose API keys this host shall believe (ADR 0005), and in which cookie."""

    @hookspec
    def lifespan(self, container: Any) -> AbstractAsyncContextManager[None]:  # type: ignore[empty-body]
        """Open what must be open while the process serves, and close it afterwards.

        Entered after migrations are checked and before the first request or delivery; left in reverse order.
        """

    @hookspec
    def checks(self, container: Any) -> Sequence[Concern]:  # type: ignore[empty-body]
        """Say what is wrong or unwise in how the context is set up; runs for `hedgerow check` alone.

        Must not do I/O: the database may be away.
        """

    @hookspec
    def seed(self, container: Any, bus: Bus) -> Seed:  # type: ignore[empty-body]
        """Give the function that makes the context's demo data; runs for `hedgerow seed --demo` alone.

        The function may run again at any time, and leaves what is there as it is.
        """

    @hookspec
    def impersonate(self, container: Any, bus: Bus) -> Impersonation:  # type: ignore[empty-body]
        """Give the function that issues an access token for somebody by address (ADR 0030).

        Runs for `hedgerow get --as` alone: a process that serves has no such door.
        """

    @hookspec
    def cli(self, run: CommandRunner) -> typer.Typer:  # type: ignore[empty-body]
        """Build the verbs that people type as `hedgerow <context> …`.

        Runs when somebody types the context's name, also for `--help`, so it must not do I/O: a verb calls `run`.
        """
