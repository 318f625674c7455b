"""Where things stand in the picture of the map: boxes in a row, arcs in lanes over and under them. In pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hedgerow_host.context_map.context_map import ContextMap, Kind, MappedContext, Relation, without_context

MARGIN, GAP, PORT = 32, 72, 26
"""Around the picture, between boxes, and between two arcs at a box."""
LETTER, LINE = 7.3, 17
"""A letter of the monospaced labels is this wide, a line this high."""
BOX_WIDTH, BOX_HEIGHT = 190, 92


@dataclass(frozen=True, slots=True)
class Box:
    """A context and where it stands."""

    context: MappedContext
    left: float
    width: float

    @property
    def middle(self) -> float:
        """Where its writing is centred."""
        return self.left + self.width / 2

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.left + self.width


@dataclass(frozen=True, slots=True)
class Arc:
    """A relation, from where to where it goes, and what is written on it."""

    relation: Relation
    start: float
    end: float
    label: tuple[str, ...]
    middle: float
    """Where the label is centred."""

    @property
    def height(self) -> float:
        """How much room its lane must have."""
        return len(self.label) * LINE + 2 * LINE

    @property
    def reach(self) -> tuple[float, float]:
        """What it takes of a lane, from left to right, writing included."""
        half = _half(self.label)
        return min(self.start, self.end, self.middle - half), max(self.start, self.end, self.middle + half)


Lane = Sequence[Arc]
"""Arcs beside each other that don't meet."""


def boxes_of(shown: ContextMap) -> list[Box]:
    """The contexts in their order, each wide enough for its name and its arcs."""
    boxes: list[Box] = []
    left = 0.0
    for context in shown.contexts:
        arcs = max(len(_ends(shown, context.name, kind)) for kind in Kind)
        written = max(len(text) for text in (context.name, *context.facts)) * 10 + MARGIN
        boxes.append(Box(context, left, max(BOX_WIDTH, written, (arcs + 1) * PORT)))
        left = boxes[-1].right + GAP
    return boxes


def lanes_of(shown: ContextMap, boxes: Sequence[Box], kind: Kind) -> list[Lane]:
    """The arcs of a kind in lanes, from the boxes outwards: short arcs first, what would meet in different ones."""
    lanes: list[list[Arc]] = []
    for arc in sorted(_arcs(shown, boxes, kind), key=lambda arc: arc.reach[1] - arc.reach[0]):
        free = next((lane for lane in lanes if not any(_meet(arc, other) for other in lane)), None)
        if free is None:
            lanes.append([arc])
        else:
            free.append(arc)
    return [*lanes]


def height_of(lane: Lane) -> float:
    """How high a lane is."""
    return max(arc.height for arc in lane)


def _ends(shown: ContextMap, name: str, kind: Kind) -> list[tuple[Relation, bool]]:
    """The ends of arcs at a context, each with whether it is where the arc starts."""
    return [
        (relation, starts)
        for relation in shown.relations
        if relation.kind is kind
        for starts in (True, False)
        if (relation.source if starts else relation.target) == name
    ]


def _arcs(shown: ContextMap, boxes: Sequence[Box], kind: Kind) -> list[Arc]:
    """The arcs of a kind. At a box they lie so that short ones stay inside of long ones and don't cross them."""
    places = {box.context.name: number for number, box in enumerate(boxes)}
    ports: dict[tuple[Relation, bool], float] = {}
    for box in boxes:
        by_distance = [
            (away > 0, -away, end)
            for end in _ends(shown, box.context.name, kind)
            for away in [places[end[0].target if end[1] else end[0].source] - places[box.context.name]]
        ]
        ends = [end for _right, _near, end in sorted(by_distance, key=lambda found: found[:2])]
        first = box.middle - (len(ends) - 1) * PORT / 2
        ports |= {end: first + number * PORT for number, end in enumerate(ends)}
    pairs = {each: (ports[each, True], ports[each, False]) for each in shown.relations if each.kind is kind}
    return [_arc(relation, pairs) for relation in pairs]


def _arc(relation: Relation, pairs: Mapping[Relation, tuple[float, float]]) -> Arc:
    """An arc whose label lies as near to the middle as it can without covering the line of a longer arc."""
    label = tuple(map(without_context, relation.names))
    (start, end), half = pairs[relation], _half(label)
    left, right = min(start, end), max(start, end)
    longer = [
        port
        for other, pair in pairs.items()
        if other is not relation and abs(pair[0] - pair[1]) >= right - left
        for port in pair
    ]
    middle = (left + right) / 2
    free = [
        place
        for place in [middle, *(left + step * PORT for step in range(int((right - left) / PORT) + 1))]
        if left + half <= place <= right - half and all(abs(place - port) > half for port in longer)
    ]
    return Arc(relation, start, end, label, min(free, key=lambda place: abs(place - middle), default=middle))


def _half(label: Sequence[str]) -> float:
    """Half of the room that a label takes in a lane."""
    return max(map(len, label)) * LETTER / 2 + PORT / 2


def _meet(one: Arc, other: Arc) -> bool:
    return one.reach[0] < other.reach[1] and other.reach[0] < one.reach[1]
