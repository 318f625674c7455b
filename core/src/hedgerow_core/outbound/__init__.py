"""How this process calls others: a circuit breaker for each, and a client over HTTP that tries again where it may.

Read in this order: breaker → http (the client of a context).
"""

from hedgerow_core.outbound.breaker import CircuitBreaker, CircuitOpen

__all__ = ["CircuitBreaker", "CircuitOpen"]
