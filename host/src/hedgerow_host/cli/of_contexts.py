"""Verbs that contexts bring along: `hedgerow <context> …`. A verb of our own imports no context for this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

if TYPE_CHECKING:
    from hedgerow_host.exits import HostError


class VerbsOfContexts(TyperGroup):
    """Our own verbs; behind any other first word, those of the context of that name."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command behind the first word.

        Raises:
            CompositionError: the contexts can't be loaded.
            HostError: the word is neither a verb nor a context with verbs.
        """
        if own := super().get_command(ctx, cmd_name):
            return own
        try:
            return verbs_of(cmd_name)
        except Exception:
            if ctx.resilient_parsing:  # somebody has pressed the tab key, and gets nothing
                return None
            raise


def verbs_of(name: str) -> TyperGroup:
    """What a context offers on the command line."""
    from functools import partial

    from typer.main import get_group

    from hedgerow_host.discovery import hosted_contexts, installed_contexts
    from hedgerow_host.exits import left_out, load_settings
    from hedgerow_host.verbs import run_in_context

    settings = load_settings()
    if name not in {context.name for context in installed_contexts()}:
        raise _no_such_verb(name)
    contexts, quarantine = hosted_contexts(settings)
    offering = {context.name: context for context in contexts if context.implements("cli")}
    if name in quarantine:
        raise left_out(name, quarantine)
    if name not in offering:
        raise _no_verbs(name, list(offering))
    verbs_of_context = offering[name].call("cli", run=partial(run_in_context, settings, name))
    verbs_of_context.rich_markup_mode = "markdown"  # as our own
    group = get_group(verbs_of_context)
    group.name = name
    return group


def _no_such_verb(name: str) -> HostError:
    from difflib import get_close_matches

    from hedgerow_host.cli.verbs import names_of_verbs
    from hedgerow_host.discovery import hosted_contexts
    from hedgerow_host.exits import ExitCode, HostError, load_settings

    near = get_close_matches(name, names_of_verbs())
    contexts, _quarantine = hosted_contexts(load_settings())
    offering = [context.name for context in contexts if context.implements("cli")]
    return HostError(
        f"{name} is no verb, and no context of this name is installed",
        fix=f"{f'did you mean {near[0]}? ' if near else ''}`hedgerow --help` lists the verbs; "
        f"contexts with verbs of their own: {', '.join(offering) or 'none'}",
        code=ExitCode.MISCONFIGURED,
    )


def _no_verbs(name: str, offering: list[str]) -> HostError:
    from hedgerow_host.exits import ExitCode, HostError

    return HostError(
        f"the context {name} brings no verbs, or is not hosted here",
        fix=f"see HEDGEROW_CONTEXTS; contexts with verbs of their own: {', '.join(offering) or 'none'}",
        code=ExitCode.MISCONFIGURED,
    )
