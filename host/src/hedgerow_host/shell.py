"""`hedgerow shell`: Python beside the composed contexts, on the configured database. `await` works at a prompt."""

from __future__ import annotations

import ast
import asyncio
import code
import getpass
import inspect
import sys
import traceback
from collections.abc import Mapping
from types import CodeType, FunctionType
from typing import Any, final

from hedgerow_core.application import Cause, Command, Query, caused_by
from hedgerow_core.domain import DomainError
from hedgerow_core.observability import configure_logging
from hedgerow_core.persistence import Database
from hedgerow_core.persistence.sandbox import IDLE_FOR, SandboxDatabase
from hedgerow_host.assembly import Assembly
from hedgerow_host.database import existing_database, told_if_away
from hedgerow_host.exits import ExitCode
from hedgerow_host.settings import HostSettings
from hedgerow_host.start import started

TYPED = "<hedgerow>"
"""What tracebacks call the file that somebody types."""
AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def run_shell(settings: HostSettings, *, sandbox: bool) -> None:
    """Read and run Python until its end: line by line from a terminal, else stdin as a whole.

    No lifespan is entered, and nobody works off what is recorded meanwhile.

    Raises:
        CompositionError: the contexts don't fit together.
        HostError: the database is away, or not migrated.
    """
    configure_logging(settings.log_format, level="WARNING")
    with existing_database(settings) as address, told_if_away(address):
        assembly = started(settings, address, database=SandboxDatabase if sandbox else Database)
        with caused_by(Cause(actor=f"cli:{getpass.getuser()}")), asyncio.Runner() as runner:
            try:
                names = names_for(assembly)
                if sys.stdin.isatty():
                    Prompt(runner, names).interact(_greeting(assembly, sandbox=sandbox), exitmsg="")
                else:
                    _run_script(runner, sys.stdin.read(), names)
            finally:
                runner.run(_close(assembly))


def names_for(assembly: Assembly) -> dict[str, Any]:
    """What one may write without importing it: every context by its name, its messages by theirs, and `run`."""
    owners = {message: context for context in assembly.contexts for message in context.bus.messages}

    async def run(message: Command[Any] | Query[Any]) -> Any:
        """Have the context of a command or query handle it."""
        bus = owners[type(message)].bus
        return await (bus.execute(message) if isinstance(message, Command) else bus.ask(message))

    messages = {message.__name__: message for message in owners}
    contexts = {context.name: context for context in assembly.contexts}
    return messages | contexts | {"assembly": assembly, "run": run}


@final
class Prompt(code.InteractiveConsole):
    """The console of the standard library, which awaits what is awaited."""

    def __init__(self, runner: asyncio.Runner, names: dict[str, Any]) -> None:
        super().__init__(names, filename=TYPED)
        self.compile.compiler.flags |= AWAIT
        self._runner = runner
        _complete(names)

    def runcode(self, code: CodeType) -> None:
        """Run a statement; what goes wrong is shown, and one goes on. Ctrl-C ends a statement, not the prompt."""
        try:
            _run(self._runner, code, self.locals)
        except (Exception, KeyboardInterrupt) as error:
            _show(error)


def _run_script(runner: asyncio.Runner, script: str, names: dict[str, Any]) -> None:
    """Run it as a whole.

    Raises:
        DomainError: what the script raised, if somebody should read it as such.
        SystemExit: whatever else the script raised has been shown.
    """
    try:
        _run(runner, compile(script, TYPED, "exec", flags=AWAIT), names)
    except DomainError:
        raise
    except Exception as error:
        _show(error)
        raise SystemExit(ExitCode.CHECK_FAILED) from error


def _show(error: BaseException) -> None:
    """A traceback from where somebody typed on: what lies above is ours."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != TYPED:
        trace = trace.tb_next
    traceback.print_exception(error.with_traceback(trace))


def _run(runner: asyncio.Runner, code: CodeType, names: Mapping[str, Any]) -> None:
    done = FunctionType(code, names)()  # type: ignore[arg-type] # it is the dictionary that statements write to
    if inspect.iscoroutine(done):
        runner.run(done)


def _complete(names: Mapping[str, Any]) -> None:
    """The tab key knows the names, where Python was built with readline."""
    try:
        import readline
        import rlcompleter
    except ImportError:
        return
    readline.set_completer(rlcompleter.Completer(dict(names)).complete)
    readline.parse_and_bind("tab: complete")


def _greeting(assembly: Assembly, *, sandbox: bool) -> str:
    stays = (
        "Sandbox: nothing that you change in the database stays. Rows that you change are locked for others until\n"
        f"you leave, or are silent for {IDLE_FOR}. What is not in the database is not covered."
        if sandbox
        else "What you change stays. With --sandbox nothing does."
    )
    example = next((message.__name__ for context in assembly.contexts for message in context.bus.messages), None)
    return (
        f"{stays}\nHere are {', '.join(assembly.names) or 'no contexts'} (with .bus, .container, .database), every"
        f" command and query by name, and run{f': await run({example}(…))' if example else ''}"
    )


async def _close(assembly: Assembly) -> None:
    for context in assembly.contexts:
        await context.database.close()
