"""Breaks a text on purpose, for the twin that shows that a guard goes red."""

from __future__ import annotations


def broken(text: str, old: str, new: str) -> str:
    """`text` with every `old` replaced; an `old` that isn't there would make the twin worthless."""
    assert old in text, f"nothing to break: {old!r} is gone"
    return text.replace(old, new)
