"""What must not leave in a span although a library puts it there. Needs the SDK: import it where that is set up."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanProcessor

QUERY = "url.query"


class WithoutQueries(SpanProcessor):
    """Queries may carry what somebody searched for, or a one-time token: that there was one is all we tell."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Called with every new span, before anybody else sees it."""
        if span.attributes and QUERY in span.attributes:
            span.set_attribute(QUERY, "REDACTED")
