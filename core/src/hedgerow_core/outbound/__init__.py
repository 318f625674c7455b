"""How this process calls others: a circuit breaker for each, and a client over HTTP that tries again where it may.

Read in this order: breaker → calls (of one server, by whatever client) → http (a client of ours).
"""

from hedgerow_core.outbound.breaker import CircuitBreaker, CircuitOpen
from hedgerow_core.outbound.calls import Calls
from hedgerow_core.outbound.http import HttpAnswer, OutboundHttp, ServerAway

__all__ = ["Calls", "CircuitBreaker", "CircuitOpen", "HttpAnswer", "OutboundHttp", "ServerAway"]
