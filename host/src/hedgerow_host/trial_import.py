"""Imports a context in a child first: one that ends the process takes only that along."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict

from hedgerow_host.last_words import LOOK_FOR
from hedgerow_host.loading import InstalledContext, load
from hedgerow_host.problems import CompositionError, Problem

WAITED_FOR_S = 60.0
"""A child that is stuck in a lock it was born with says nothing. An import that hangs is told sooner, by itself."""
_READ_AT_ONCE = 65536


def found_by_a_child(installed: InstalledContext) -> list[Problem]:
    """What is wrong with the import and the manifest, told by a process that imported it, or that ended over it."""
    sys.stdout.flush()
    sys.stderr.flush()
    ours, theirs = os.pipe()
    process = os.fork()
    if process == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os.write(theirs, json.dumps([asdict(problem) for problem in _problems_of(installed)]).encode())
        os._exit(0)
    os.close(theirs)
    told = _answer(ours, process)
    os.close(ours)
    _process, status = os.waitpid(process, 0)
    if told:
        return [Problem(**problem) for problem in json.loads(told)]
    ended = f"its import ends the process, with exit code {os.waitstatus_to_exitcode(status)}"
    return [installed.problem(ended, LOOK_FOR)]


def _answer(ours: int, process: int) -> bytes:
    told = b""
    while True:
        readable, _, _ = select.select([ours], [], [], WAITED_FOR_S)
        if not readable:
            os.kill(process, signal.SIGKILL)
        more = os.read(ours, _READ_AT_ONCE)
        if not more:
            return told
        told += more


def _problems_of(installed: InstalledContext) -> Sequence[Problem]:
    try:
        load(installed)
    except CompositionError as error:
        return error.problems
    return ()
