"""What operators see: structured logs that carry the request they belong to."""

from hedgerow_core.observability.logging import LogFormat, configure_logging, log_of

__all__ = ["LogFormat", "configure_logging", "log_of"]
