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
        """Say who the context is and what it needs.

        When: first, right after the import of the module. Must not do I/O.

        Process: serving processes, composing commands, `migrate`.

        Takes: nothing.

        Returns: `Manifest`: `name`, `version`, `core_api` (a range such as `>=0.1,<0.2`), `requires` and
        `optional` (other contexts, which start and migrate before it), `settings` (a class), `permissions`,
        `constraints` (which domain error stands behind a database constraint), `concerns` (what the numbers of
        its `checks` stand for).

        If it raises: exit code 2. So does a manifest that the host can't accept: another name than the entry
        point's, a core API out of range, a name that is taken (`host`, `public`, `pg_…`), parts of another type,
        a permission that doesn't begin with the context's name or comes twice, a required context that is
        missing, contexts that require each other.
        """

    @hookspec
    def migrations(self) -> MigrationHistory:  # type: ignore[empty-body]
        """Name the package that holds the context's Alembic scripts.

        When: when the context is built, when the database is inspected or migrated, and for the tables on the
        map.

        Process: serving processes, composing commands and `migrate`.

        Takes: nothing.

        Returns: `MigrationHistory(package)`: Alembic scripts lie in `<package>/versions/`; there must be at
        least one. Without the hook the context has the ledger's tables alone.

        If it raises: exit code 2; the database is left as it is. So do scripts that are not there or can't be
        imported, that have several heads or beginnings, share a revision id or follow one that is missing, and a
        version table that is the ledger's.
        """

    @hookspec
    def container(self, core: CoreContainer, settings: BaseSettings | None) -> Container:  # type: ignore[empty-body]
        """Build the context's container.

        When: after the settings are read. Must not do I/O: engines connect on first use.

        Process: serving processes and composing commands.

        Takes: `core` (`CoreContainer`: `context`, `environment`, `data_dir`, `clock`, `database`, `limiter`,
        `cache`, `permissions`, `origins`, `questions`), `settings` (an instance of the manifest's class, or None).

        Returns: the context's dependency-injector container.

        If it raises: exit code 2. A provider without a value counts as such a problem.
        `UnusableSetting(variable, what, fix=…)` is shown like any other problem of a setting; several at once
        are raised as an `ExceptionGroup`.
        """

    @hookspec
    def handlers(self, container: Any) -> Handlers:  # type: ignore[empty-body]
        """Declare command, query and task handlers, the unit of work, and what the context answers and asks.

        When: after `container`.

        Process: serving processes and composing commands.

        Takes: `container`.

        Returns: `Handlers`: `work` (opens the unit of work on a connection), `commands`
        (`CommandHandler(message, handle, audited)`; how a command is written down is declared there), `queries`,
        `tasks`, `schedules` (`name`, `cron`, `task`, `zone`, `catch_up`: skip, once or all of the ticks that
        nobody was there for), `answers` and `asks` (published queries).

        If it raises: exit code 2. So do two handlers for one message, a message or task of the context without
        one, a schedule whose cron expression or zone means nothing, or whose task nobody handles, and a
        published query or question that breaks its rules.
        """

    @hookspec
    def subscriptions(self, container: Any) -> Subscriptions:  # type: ignore[empty-body]
        """Declare which events the context publishes, and which it subscribes to.

        When: after `handlers`.

        Process: serving processes and composing commands.

        Takes: `container`.

        Returns: `Subscriptions`: `publishes` (event contracts) and `subscribes` (`name`, `event`, `model`,
        `handle`, `version`, `upcasts`, `start`, `ordered`, `retry`, `keep_completed`). A subscription's name is
        its key in the ledger: never rename it. `start` (earliest, latest, or a moment) is heeded once, when the
        ledger first meets the name.

        If it raises: exit code 2. So do two consumers of one name, a published event that doesn't begin with the
        context's name or is published twice, and an event that its publisher, if hosted here, doesn't publish in
        that version, or not as the subscriber's `model` reads it (ADR 0009).
        """

    @hookspec
    def routes(self, container: Any, bus: Bus) -> Sequence[ContextRouter]:  # type: ignore[empty-body]
        """Build the routers. Every route states its access decision, or the host refuses to boot.

        When: after `subscriptions`.

        Process: serving processes (the worker, too, which serves none of them) and composing commands.

        Takes: `container`, `bus`.

        Returns: a sequence of `ContextRouter`.

        If it raises: exit code 2. So does, where routes are served or listed, a route without access decision,
        outside of `/v1/<context>` and `/.well-known`, defined twice (whatever its parameters are called), or
        with a permission that nobody declares.
        """

    @hookspec
    def grpc_services(self, container: Any, bus: Bus) -> Sequence[GrpcService]:  # type: ignore[empty-body]
        """Build the gRPC services. Every method states its access decision, or the host refuses to boot (ADR 0044).

        When: before anything is served.

        Process: `api`, `dev` and `grpc`, where gRPC is served, and `hedgerow check`, where the extra `grpc` is
        installed. What is generated from a .proto is imported in the hook, so that nobody else needs protobuf.

        Takes: `container`, `bus`.

        Returns: a sequence of `GrpcService`: `descriptor` (of the service, from the generated module), `endpoints`
        (by the name of the method: `async def endpoint(message, call)`, marked with an access decision as routes
        are; `call.caller` and `call.rows` say who calls and whose rows it reaches).

        If it raises: exit code 2. So does a method without endpoint or access decision, one that streams, an
        endpoint that is not async, that no method names or that is marked `@idempotent`, a service outside of the
        package `<context>`, or a permission that nobody declares.
        """

    @hookspec
    def authenticators(  # type: ignore[empty-body]
        self, container: Any
    ) -> Sequence[TokenIssuer | KeyAuthority | CookieMode]:
        """Say whose access tokens and whose API keys this host shall believe (ADR 0005), and in which cookie.

        When: after `routes`. What it returns is asked for keys in requests, outside any transaction.

        Process: serving processes and composing commands.

        Takes: `container`.

        Returns: a sequence of `TokenIssuer`: `issuer`, `audience`, `find_key` (ADR 0005), and `is_revoked`,
        which is asked for every token that is otherwise good, and answers from memory (ADR 0015); without it a
        token is good until it expires. `keys` (all its public keys) and `revocations` (what `is_revoked` goes
        by), both from memory, let other hosts believe its tokens, too; without them it is believed here alone.
        An issuer that is not one of our own also says its `algorithms`, the `types` of its tokens (`None`: they
        don't say), the `parties` that they may be issued to (`azp`), and `resolve`: from the claims of a good
        token to a `Principal`. And of `KeyAuthority`: `prefix`, and `find`, which says who a key of that prefix
        speaks for (ADR 0019), and `recall`, for whoever has to ask another host: whom it spoke for a moment ago.
        A principal with `scopes` may only what they name. And of `CookieMode`: `access_cookie`, in which access
        tokens may come, too (ADR 0020).

        If it raises: exit code 2. So do an issuer or a prefix that two contexts name. If `find_key`,
        `is_revoked`, `resolve` or `find` raises, that request fails.
        """

    @hookspec
    def lifespan(self, container: Any) -> AbstractAsyncContextManager[None]:  # type: ignore[empty-body]
        """Open what must be open while the process serves, and close it afterwards.

        When: entered after migrations are checked and before the first request or delivery, in the order of the
        contexts; left in reverse order when the process ends.

        Process: serving processes, once in each.

        Takes: `container`.

        Returns: an async context manager.

        If it raises: the log says `lifespan_failed` with the context, and the process ends with exit code 1. So
        it does if it is not entered within 8 s. One that is not left within 8 s is broken off. What it starts in
        the background is watched as long as the process serves: broken contexts says what happens if a task or
        thread of it dies. It runs in a task of its own.
        """

    @hookspec
    def checks(self, container: Any) -> Sequence[Concern]:  # type: ignore[empty-body]
        """Say what is wrong or unwise in how the context is set up.

        When: for `hedgerow check`, when everything is composed. Must not do I/O: the database may be away.

        Process: that command.

        Takes: `container`.

        Returns: a sequence of `Concern` (of `hedgerow_core.application.concerns`): `number` (`E`, `W` or `N` and
        500 to 999, always the same), `subject` (a setting, most often), `what`, `fix`, and `in_production`:
        whether it is about production alone (so unless told), and only `--deploy` says it. Secrets in settings
        (`SecretStr`) are looked at by the host.

        If it raises: it is a finding itself, E001.
        """

    @hookspec
    def seed(self, container: Any, bus: Bus) -> Seed:  # type: ignore[empty-body]
        """Give the function that makes the context's demo data.

        When: for `hedgerow seed --demo`, when everything is built and before lifespans are entered. Must not do
        I/O.

        Process: that command.

        Takes: `container`, `bus`.

        Returns: a function that makes the context's demo data: it takes a `Seeding` (`environment`, and
        `settle`, which waits until everything published so far has been delivered) and returns a sequence of
        `Seeded` (`what`, `made`, `kept`, `note`). It may run again at any time, and leaves what is there (ADR
        0025).

        If it raises: exit code 2. What the function raises ends the command: a domain error with its message and
        exit code 1; what was made until then stays, and asking again goes on.
        """

    @hookspec
    def impersonate(self, container: Any, bus: Bus) -> Impersonation:  # type: ignore[empty-body]
        """Give the function that issues an access token for somebody by address (ADR 0030).

        When: for `hedgerow get … --as`, when everything is built and lifespans are entered. Must not do I/O.

        Process: that command. A process that serves has no such door (ADR 0030).

        Takes: `container`, `bus`.

        Returns: an `Impersonation`: an async function that takes an address and `why`, writes down in the trail
        who speaks for whom, and returns a short-lived access token (`Secret`) of the account with this address,
        or None if nobody has it.

        If it raises: exit code 2. A domain error that the function raises ends the command with its message and
        exit code 1.
        """

    @hookspec
    def cli(self, run: CommandRunner) -> typer.Typer:  # type: ignore[empty-body]
        """Build the verbs that people type as `hedgerow <context> …`.

        When: when somebody types `hedgerow <context> …`, also for `--help` alone. Must not do I/O. A verb of the
        host's own wins over a context of that name, and imports no context for this.

        Process: that command.

        Takes: `run` (`CommandRunner`). A verb calls `run(work)`: the host composes all contexts on the
        configured database, which must be migrated, runs `await work(container, bus)`, and returns its answer.
        No lifespan is entered.

        Returns: a `typer.Typer`. A context with verbs depends on typer itself, and best imports it in this hook
        alone.

        If it raises: exit code 2. What a verb raises ends the command: a domain error with its message and exit
        code 1, what is unreachable with 3.
        """
