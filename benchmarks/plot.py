"""Ratios as a picture: one bar a line of the table, and a mark where its limit is. Plain SVG, no library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.measure import Result

_WIDTH, _NAMES, _ROW, _BAR = 900, 360, 28, 16
_KEPT, _MISSED, _UNJUDGED = "#3a7d44", "#b3392f", "#8a8a8a"


def plotted(results: Sequence[Result]) -> str:
    """An SVG document."""
    top = max([1.0, *(result.figure for result in results), *(result.at_least or 0 for result in results)]) * 1.1
    scale = (_WIDTH - _NAMES - 60) / top
    bars = [_bar(result, row, scale) for row, result in enumerate(results)]
    height = _ROW * len(results) + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        f'font-size="13"><rect width="100%" height="100%" fill="white"/>{"".join(bars)}</svg>\n'
    )


def _bar(result: Result, row: int, scale: float) -> str:
    y = 10 + row * _ROW
    colour = _UNJUDGED if result.at_least is None else _KEPT if result.kept else _MISSED
    width = result.figure * scale
    mark = ""
    if result.at_least is not None:
        x = _NAMES + result.at_least * scale
        mark = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 3}" y2="{y + _BAR + 3}" stroke="black" stroke-width="2"/>'
    return (
        f'<text x="{_NAMES - 8}" y="{y + 13}" text-anchor="end">{escape(result.name)}</text>'
        f'<rect x="{_NAMES}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>{mark}'
        f'<text x="{_NAMES + width + 6:.1f}" y="{y + 13}">{result.figure:.2f}</text>'
    )
