"""What operators see: structured logs, traces and metrics. Each says what it belongs to, none carries content."""

from hedgerow_core.observability.logging import LogFormat, configure_logging, log_of

__all__ = ["LogFormat", "configure_logging", "log_of"]
