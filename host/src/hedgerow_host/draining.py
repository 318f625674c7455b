"""How an API ends without losing a request: it says that it is unready, and serves on until nobody is sent here.

Who balances load needs a second or two to notice. A listener that closes before would refuse what it still sends.
"""

from __future__ import annotations

import time
from types import FrameType

import uvicorn

from hedgerow_core.observability import log_of
from hedgerow_host.readiness import Readiness

CLOSE = (b"connection", b"close")
"""On every answer meanwhile: the caller's next request opens a connection, which leads to somebody else."""

_log = log_of(__name__)


class DrainingServer(uvicorn.Server):
    """uvicorn's server, which goes on for `drain_s` after its first signal. A second one ends the wait."""

    def __init__(self, config: uvicorn.Config, readiness: Readiness, drain_s: float) -> None:
        super().__init__(config)
        self._readiness = readiness
        self._drain_s = drain_s
        self._told_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal has come, in the middle of whatever the process does: nothing is done here but to note it."""
        if self.started and self._drain_s and self._told_at is None:
            self._told_at = time.monotonic()
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: whether to end now."""
        ends = await super().on_tick(counter)
        if self._told_at is None or ends:
            return ends
        if not self._readiness.draining:
            self._readiness.draining = True
            self.config.encoded_headers.append(CLOSE)
            self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
            _log.info("api_draining", for_s=self._drain_s)
        return time.monotonic() - self._told_at >= self._drain_s
