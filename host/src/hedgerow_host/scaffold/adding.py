"""Adds use cases to a context that was made from our template: a file or two, and their test."""

from __future__ import annotations

from hedgerow_host.scaffold import naming
from hedgerow_host.scaffold.places import MadeContext, workspace_around
from hedgerow_host.scaffold.rendering import Answers, Made, add, put_in_shape


def add_use_case(kind: str, name: str, context: MadeContext, more: Answers | None = None) -> Made:
    """Add a command, a query, an event, a subscription or a task. `more` is what else its template wants to know.

    Raises:
        HostError: the name can't be had, or one of the files is there.
    """
    naming.checked(name, f"{'an' if kind == 'event' else 'a'} {kind}")
    named = {"name": name, "name_class": naming.class_of(name), "words": naming.words_of(name)}
    files = add(kind, context.folder, {**context.answers, **named, **(more or {})})
    put_in_shape(files, workspace_around(context.folder).root)
    return Made(f"the {kind} {context.name}.{name}", context.folder, files)
