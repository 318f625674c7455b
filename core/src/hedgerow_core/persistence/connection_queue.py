"""Who waits for a connection, so that it can be told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class ConnectionQueue:
    """Those who wait for a connection of one context: for one to come free, or to be opened."""

    waiting: int = 0
