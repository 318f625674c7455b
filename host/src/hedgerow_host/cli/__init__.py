"""The command line. Here it begins, and nothing is imported that the verb does not need."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from hedgerow_host.ending import ends_in_time

if TYPE_CHECKING:
    from typer import Typer

SERVERS = frozenset({"api", "grpc", "worker"})
"""Roles of this very process, which serves for long: what reads the command line for them comes lean already."""


def main() -> None:
    """Entry point of the `hedgerow` command."""
    with ends_in_time():
        try:
            _verbs_for(sys.argv[1:2])()
        except Exception as error:
            if isinstance(error, UnicodeDecodeError):
                _leave_over_metadata()
            from hedgerow_host.exits import leave_over

            leave_over(error)


def _verbs_for(first_word: list[str]) -> Typer:
    """Who starts a server waits for it: all verbs take a tenth of a second of a processor, its own nothing."""
    if first_word and first_word[0] in SERVERS:
        from hedgerow_host.lean_start import begin_lean

        begin_lean()
    from hedgerow_host.cli import serve

    if first_word and first_word[0] in serve.ROLES:
        return serve.app
    from hedgerow_host.cli.verbs import verbs_behind

    return verbs_behind(*first_word)


def _leave_over_metadata() -> None:
    """What can't be read may belong to anybody, and breaks even the import of what tells of errors otherwise."""
    from hedgerow_host.unreadable_metadata import said_of_unreadable_metadata

    if unreadable := said_of_unreadable_metadata():
        sys.stderr.write(f"error: {unreadable}\n")
        raise SystemExit(2)
