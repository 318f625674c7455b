"""Paths of another context's routes that the code of one names: after a move they are at another host."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from hedgerow_host.extraction.plan.obstacles import Obstacle
from hedgerow_host.extraction.plan.sources import Source

_PATH = re.compile(r"/v1/([a-z][a-z0-9_]*)(?=[/?#]|$)")


def foreign_routes(context: str, others: Collection[str], sources: Sequence[Source]) -> Iterator[Obstacle]:
    """Every text in the code of the context that names a path of another one, and the other way round."""
    for source in sources:
        foreign = others if source.context == context else [context] if source.context in others else []
        for node, text in source.texts():
            for named in dict.fromkeys(_PATH.findall(text)):
                if named in foreign:
                    yield Obstacle(
                        kind="foreign_route_in_code",
                        subject=source.context,
                        what=f"names /v1/{named}",
                        fix="ask a published query; if callers follow it, let its address be a setting",
                        place=source.place(node),
                    )
