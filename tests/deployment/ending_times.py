"""How long a process of each role may take from SIGTERM to its end: nobody may kill it before."""

from __future__ import annotations

from fastapi import FastAPI

from hedgerow_host.api import server_config
from hedgerow_host.ending import ENDS_WITHIN_S as LEFTOVERS_S
from hedgerow_host.lifespans import LEFT_WITHIN_S
from hedgerow_host.settings import DRAIN_S
from hedgerow_host.worker import SHUTDOWN_GRACE_S

ENDS_WITHIN_S = {
    "api": DRAIN_S + (server_config(FastAPI()).timeout_graceful_shutdown or 0) + LEFT_WITHIN_S + LEFTOVERS_S,
    "worker": SHUTDOWN_GRACE_S + LEFT_WITHIN_S + LEFTOVERS_S,
}
"""What is running, then a lifespan that hangs, then what contexts have left to threads."""
