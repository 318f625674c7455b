"""The map as a picture: contexts in a row, events over them, questions beneath, each arc in a lane that is free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from hedgerow_host.context_map.context_map import ContextMap, Kind
from hedgerow_host.context_map.layout import (
    BOX_HEIGHT,
    LETTER,
    LINE,
    MARGIN,
    Arc,
    Box,
    Lane,
    boxes_of,
    height_of,
    lanes_of,
)

ROUNDED, LEGEND, UNDER_NAME = 12, 30, 22
"""How round an arc turns, how high the legend is, and from a context's name to its facts. In pixels."""

_COLORS = {Kind.EVENTS: "#2f6f4f", Kind.QUERIES: "#8a4b9c"}
_DASHES = {Kind.EVENTS: "", Kind.QUERIES: ' stroke-dasharray="6 4"'}
_STYLE = (
    "text{font-family:ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:12px;fill:#333}"
    ".name{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:16px;font-weight:600;fill:#1d2b24}"
    ".fact{fill:#5b6a62}"
)


def svg(shown: ContextMap) -> str:
    """The picture, as a document of its own."""
    boxes = boxes_of(shown)
    over, under = (lanes_of(shown, boxes, kind) for kind in (Kind.EVENTS, Kind.QUERIES))
    reaches = [arc.reach for lane in (*over, *under) for arc in lane]
    left = min([0.0, *(start for start, _end in reaches)]) - MARGIN
    right = max([*(box.right for box in boxes), *(end for _start, end in reaches)], default=0) + MARGIN
    height_over, height_under = (sum(height_of(lane) for lane in lanes) for lanes in (over, under))
    top, bottom = -height_over - MARGIN, BOX_HEIGHT + height_under + MARGIN + LEGEND
    frame = f"{left:g} {top:g} {right - left:g} {bottom - top:g}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{frame}" width="{right - left:g}"'
        f' height="{bottom - top:g}" role="img" aria-labelledby="title">',
        f'<title id="title">{escape(_title(shown))}</title>',
        f"<style>{_STYLE}</style>",
        "<defs>",
        *(_arrowhead(kind) for kind in Kind),
        "</defs>",
        f'<rect x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}" fill="#fff"/>',
        *_drawn_lanes(over, edge=0, outwards=-1),
        *_drawn_lanes(under, edge=BOX_HEIGHT, outwards=1),
        *(line for box in boxes for line in _drawn_box(box)),
        *_legend(left + MARGIN, bottom - MARGIN / 2),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _drawn_lanes(lanes: Sequence[Lane], *, edge: float, outwards: int) -> Iterator[str]:
    """All lines first and the labels over them, so that no line runs through writing."""
    labels: list[str] = []
    beyond = edge
    for lane in lanes:
        middle = beyond + outwards * (height_of(lane) / 2 + LINE / 2)
        for arc in lane:
            yield _drawn_arc(arc, edge, middle, outwards)
            labels += _drawn_label(arc, middle)
        beyond += outwards * height_of(lane)
    yield from labels


def _drawn_arc(arc: Arc, edge: float, lane: float, outwards: int) -> str:
    kind, right = arc.relation.kind, 1 if arc.end >= arc.start else -1
    turn = lane - outwards * ROUNDED
    path = (
        f"M{arc.start:g} {edge:g}V{turn:g}Q{arc.start:g} {lane:g} {arc.start + right * ROUNDED:g} {lane:g}"
        f"H{arc.end - right * ROUNDED:g}Q{arc.end:g} {lane:g} {arc.end:g} {turn:g}V{edge + outwards * 2:g}"
    )
    return (
        f'<path d="{path}" fill="none" stroke="{_COLORS[kind]}" stroke-width="1.6"{_DASHES[kind]}'
        f' marker-end="url(#{kind})"/>'
    )


def _drawn_label(arc: Arc, lane: float) -> Iterator[str]:
    width, height = max(map(len, arc.label)) * LETTER + 12, len(arc.label) * LINE + 6
    yield (
        f'<rect x="{arc.middle - width / 2:g}" y="{lane - height / 2:g}" width="{width:g}" height="{height:g}"'
        ' rx="4" fill="#fff"/>'
    )
    first = lane - (len(arc.label) - 1) * LINE / 2 + 4
    for number, line in enumerate(arc.label):
        yield f'<text x="{arc.middle:g}" y="{first + number * LINE:g}" text-anchor="middle">{escape(line)}</text>'


def _drawn_box(box: Box) -> Iterator[str]:
    hosted = box.context.hosted
    look = 'fill="#f2f7f4" stroke="#2f6f4f"' if hosted else 'fill="#fff" stroke="#999" stroke-dasharray="5 4"'
    frame = f'x="{box.left:g}" y="0" width="{box.width:g}" height="{BOX_HEIGHT}" rx="10" stroke-width="1.6"'
    yield f"<rect {frame} {look}/>"
    name, facts = escape(box.context.name), box.context.facts
    first = BOX_HEIGHT / 2 - len(facts) * LINE / 2 + 6
    yield f'<text class="name" x="{box.middle:g}" y="{first:g}" text-anchor="middle">{name}</text>'
    for number, fact in enumerate(facts):
        y = first + UNDER_NAME + number * LINE
        yield f'<text class="fact" x="{box.middle:g}" y="{y:g}" text-anchor="middle">{escape(fact)}</text>'


def _legend(left: float, y: float) -> Iterator[str]:
    for number, (kind, meaning) in enumerate([(Kind.EVENTS, "publishes events to"), (Kind.QUERIES, "asks")]):
        x = left + number * 210
        yield (
            f'<path d="M{x:g} {y:g}h34" stroke="{_COLORS[kind]}" stroke-width="1.6"{_DASHES[kind]}'
            f' marker-end="url(#{kind})"/>'
        )
        yield f'<text x="{x + 44:g}" y="{y + 4:g}" class="fact">{meaning}</text>'


def _arrowhead(kind: Kind) -> str:
    return (
        f'<marker id="{kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"'
        f' markerUnits="userSpaceOnUse"><path d="M0 0L8 4L0 8Z" fill="{_COLORS[kind]}"/></marker>'
    )


def _title(shown: ContextMap) -> str:
    hosted = [context.name for context in shown.contexts if context.hosted]
    return f"Context map: {', '.join(hosted) or 'no context'}"
