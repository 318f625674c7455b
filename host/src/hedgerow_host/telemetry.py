"""What a process tells about itself while it serves: metrics on a port of their own, traces to a collector.

Both are off unless asked for. Traces need the SDK, which the extra `telemetry` brings along.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from prometheus_client import ProcessCollector, start_http_server

from hedgerow_core.observability import log_of
from hedgerow_core.observability.metrics import REGISTRY
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.hosted_context import process_name
from hedgerow_host.settings import HostSettings

EXPORT_WITHIN_S = 5.0
"""A collector that is away must not hold up the end of a process."""

_log = log_of(__name__)


@contextmanager
def telemetry(settings: HostSettings, role: str) -> Iterator[None]:
    """Serve metrics and export traces while the body runs, as far as the settings ask for it.

    Raises:
        HostError: the port of the metrics is taken, or the SDK is not installed.
    """
    with _traces(settings.otlp_endpoint, role), _metrics(settings.metrics_host, settings.metrics_port):
        yield


@contextmanager
def _metrics(host: str, port: int | None) -> Iterator[None]:
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, host, REGISTRY)
    except OSError as error:
        raise HostError(
            f"cannot serve metrics on {host}:{port}: {error.strerror or error}",
            fix="end the program that uses the port, or choose another with HEDGEROW_METRICS_PORT",
            code=ExitCode.MISCONFIGURED,
        ) from error
    _log.info("metrics_served", host=host, port=server.server_port)
    process = ProcessCollector(registry=REGISTRY)
    try:
        yield
    finally:
        REGISTRY.unregister(process)
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def _traces(endpoint: str | None, role: str) -> Iterator[None]:
    if endpoint is None:
        yield
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from hedgerow_host.span_privacy import WithoutQueries
    except ImportError as error:
        raise HostError(
            f"HEDGEROW_OTLP_ENDPOINT is set, but {error.name} is not installed",
            fix="install hedgerow-host[telemetry], or unset it",
            code=ExitCode.MISCONFIGURED,
        ) from error
    resource = Resource.create(
        {
            "service.namespace": "hedgerow",
            "service.name": f"hedgerow-{role}",
            "service.version": version("hedgerow-host"),
            "service.instance.id": process_name(),
        }
    )
    provider = TracerProvider(resource=resource)
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_WITHIN_S)
    provider.add_span_processor(WithoutQueries())
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    try:
        yield
    finally:
        provider.shutdown()
