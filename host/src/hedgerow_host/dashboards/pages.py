"""The dashboards: how the whole host does, its requests, its ledger, all that is told of contexts and processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hedgerow_core.observability.catalogue import PROCESS, Kind, Metric, metrics
from hedgerow_host.dashboards.panels import Line, Panel, Row, choice, dashboard
from hedgerow_host.dashboards.queries import largest, metric, quantile, rate, share, spent, total

REQUESTS = "hedgerow_http_request_duration_seconds"
GRPC_CALLS = "hedgerow_grpc_call_duration_seconds"
HANDLERS = "hedgerow_handler_duration_seconds"
CALLS = "hedgerow_task_call_duration_seconds"
BROKE = "5.."
"""Statuses that say that it was our fault."""
QUANTILES = (0.5, 0.95, 0.99)
SMALL = 4
"""Six beside each other."""
UNITS = {"seconds": "s", "bytes": "bytes", "": "short"}
"""Grafana's words for them."""


def pages() -> Mapping[str, dict[str, Any]]:
    """Every dashboard, by what its file is called."""
    return {
        "overview": _overview(),
        "http": _http(),
        "ledger": _ledger(),
        "contexts": _contexts(),
        "processes": _processes(),
    }


def _overview() -> dict[str, Any]:
    broke = share(rate(REQUESTS, status=BROKE), rate(REQUESTS))
    stands = (
        _lamp("Alarms", f"sum({largest('hedgerow_alarm', 'context', 'subscription', 'what')})", "hedgerow_alarm"),
        _lamp("Dead letters", _dead(), "hedgerow_deliveries"),
        _lamp("Out of service", f"sum({largest('hedgerow_quarantined', 'context')})", "hedgerow_quarantined"),
        _lamp("Died in the background", f"sum({largest('hedgerow_broken', 'context')})", "hedgerow_broken"),
        _lamp("Workers that wait", total("hedgerow_dispatcher_waits"), "hedgerow_dispatcher_waits"),
        _lamp(
            "Remotes cut off", f"sum({largest('hedgerow_remote_cut_off', 'context')})", "hedgerow_remote_cut_off"
        ),
    )
    traffic = (
        _curve("Requests", "ops", REQUESTS, Line(query=rate(REQUESTS), called="requests")),
        Panel(
            title="Requests that broke",
            meaning="Share of the answers with a status of 500 or more.",
            unit="percentunit",
            lines=[Line(query=broke, called="5xx")],
        ),
        _quantiles("Requests take", REQUESTS),
        _quantiles("Handlers take", HANDLERS),
    )
    machine = (
        _curve("Effects", "ops", "hedgerow_effects_total", _by("context", rate, "hedgerow_effects_total")),
        _gauge("hedgerow_pool_in_use", total, title="Connections in use"),
        Panel(
            title="Processor",
            meaning=metric("process_cpu_seconds_total").meaning,
            lines=[Line(query="rate(process_cpu_seconds_total[$__rate_interval])", called="{{job}} {{instance}}")],
        ),
        Panel(
            title="Memory",
            meaning=metric("process_resident_memory_bytes").meaning,
            unit="bytes",
            lines=[Line(query="process_resident_memory_bytes", called="{{job}} {{instance}}")],
        ),
    )
    rows = (
        Row(title="Should somebody look?", panels=stands),
        Row(title="What it does", panels=traffic),
        Row(title="What it needs", panels=machine),
    )
    return dashboard("hedgerow-overview", "Hedgerow: overview", rows)


def _http() -> dict[str, Any]:
    chosen = {"route": "$route"}
    broke = share(rate(REQUESTS, "route", status=BROKE, **chosen), rate(REQUESTS, "route", **chosen))
    slow = (
        _curve("Half of the requests take less", "s", REQUESTS, _slowest(0.5, REQUESTS, "route", **chosen)),
        _curve("All but one of a hundred take less", "s", REQUESTS, _slowest(0.99, REQUESTS, "route", **chosen)),
        _curve("Where time goes", "short", REQUESTS, _dearest(REQUESTS, "route", **chosen)),
        _curve("Requests by route", "ops", REQUESTS, _by("route", rate, REQUESTS, **chosen)),
    )
    wrong = (
        _curve("Requests by status", "ops", REQUESTS, _by("status", rate, REQUESTS, **chosen)),
        Panel(
            title="Share that broke",
            meaning="Answers with a status of 500 or more, by route.",
            unit="percentunit",
            lines=[Line(query=broke, called="{{route}}")],
        ),
    )
    over_grpc = (
        _curve("All but one of a hundred calls take less", "s", GRPC_CALLS, _slowest(0.99, GRPC_CALLS, "call")),
        _curve("Calls by status", "ops", GRPC_CALLS, _by("code", rate, GRPC_CALLS)),
    )
    rows = (
        Row(title="Slow", panels=slow),
        Row(title="Wrong", panels=wrong),
        Row(title="Over gRPC", panels=over_grpc),
    )
    return dashboard(
        "hedgerow-http", "Hedgerow: requests", rows, choices=[choice("route", "route", f"{REQUESTS}_count")]
    )


def _ledger() -> dict[str, Any]:
    by = "subscription"
    failing = share(rate("hedgerow_attempts_failed_total", by), rate(HANDLERS, by))
    backlog = (
        _gauge("hedgerow_deliveries", largest, by=("subscription", "state"), title="Backlog"),
        _gauge("hedgerow_oldest_pending_age_seconds", largest, by=(by,), title="Oldest that is due"),
        _gauge("hedgerow_relay_lag_seconds", largest, by=("subscription", "publisher"), title="Events not carried"),
        _gauge("hedgerow_schedule_overdue_seconds", largest, by=("schedule",), title="Schedules overdue"),
    )
    work = (
        _curve("Effects", "ops", "hedgerow_effects_total", _by(by, rate, "hedgerow_effects_total")),
        Panel(
            title="Share of attempts that fail",
            meaning=metric("hedgerow_attempts_failed_total").meaning,
            unit="percentunit",
            lines=[Line(query=failing, called="{{subscription}}")],
        ),
        _curve("Slow handlers (95%)", "s", HANDLERS, _slowest(0.95, HANDLERS, by)),
        _curve("Where time goes", "short", HANDLERS, _dearest(HANDLERS, by)),
        _curve("Calls outside (95%)", "s", CALLS, _slowest(0.95, CALLS, by)),
        _curve("What came of them", "ops", CALLS, _by("outcome", rate, CALLS)),
    )
    hands = (
        _gauge("hedgerow_expired_leases", largest, by=(by,), title="Partitions without a holder"),
        _gauge("hedgerow_paused", largest, by=(by,), title="Paused"),
        _curve("Hints", "ops", "hedgerow_hints_sent_total", _by("context", rate, "hedgerow_hints_sent_total")),
        _curve(
            "Ticks", "ops", "hedgerow_schedule_ticks_total", _by("schedule", rate, "hedgerow_schedule_ticks_total")
        ),
    )
    rows = (
        Row(title="What waits", panels=backlog),
        Row(title="What is done", panels=work),
        Row(title="By whom", panels=hands),
    )
    return dashboard("hedgerow-ledger", "Hedgerow: ledger", rows)


def _contexts() -> dict[str, Any]:
    """A metric that somebody adds appears here by itself."""
    told = [found for found in metrics().values() if "context" in found.labels]
    chosen = choice("context", "context", "hedgerow_ledger_up")
    rows = _by_kind(told, context="$context")
    return dashboard("hedgerow-contexts", "Hedgerow: contexts", rows, choices=[chosen])


def _processes() -> dict[str, Any]:
    """So does one that is about no context."""
    told = [*PROCESS, *(found for found in metrics().values() if "context" not in found.labels)]
    return dashboard("hedgerow-processes", "Hedgerow: processes", _by_kind(told))


def _by_kind(told: Sequence[Metric], **where: str) -> list[Row]:
    kinds = {
        "How it stands": Kind.GAUGE,
        "What it does": Kind.COUNTER,
        "How long it takes": Kind.HISTOGRAM,
    }
    rows = [
        Row(title=title, panels=[_everything_of(found, **where) for found in told if found.kind is kind])
        for title, kind in kinds.items()
    ]
    return [row for row in rows if row.panels]


def _everything_of(found: Metric, **where: str) -> Panel:
    by, called = found.labels, " ".join(f"{{{{{label}}}}}" for label in found.labels)
    if found.kind is Kind.HISTOGRAM:
        query, unit = f"topk(10, {quantile(0.95, found.name, *by, **where)})", UNITS[found.unit]
    elif found.kind is Kind.COUNTER:
        query, unit = rate(found.name, *by, **where), "short" if found.unit else "ops"
    else:
        query, unit = largest(found.name, *by, **where), UNITS[found.unit]
    line = Line(query=query, called=called)
    return Panel(title=found.name, meaning=found.meaning, unit=unit, lines=[line], width=8)


def _lamp(title: str, query: str, of: str) -> Panel:
    return Panel(title=title, meaning=metric(of).meaning, lines=[Line(query=query)], alone=True, width=SMALL)


def _dead() -> str:
    return f"sum({largest('hedgerow_deliveries', 'context', 'subscription', state='dead')})"


def _curve(title: str, unit: str, of: str, *lines: Line) -> Panel:
    return Panel(title=title, meaning=metric(of).meaning, unit=unit, lines=lines)


def _gauge(name: str, how: Callable[..., str], *, by: tuple[str, ...] = ("context",), title: str) -> Panel:
    called = " ".join(f"{{{{{label}}}}}" for label in by)
    return _curve(title, UNITS[metric(name).unit], name, Line(query=how(name, *by), called=called))


def _by(label: str, how: Callable[..., str], name: str, **where: str) -> Line:
    return Line(query=how(name, label, **where), called=f"{{{{{label}}}}}")


def _quantiles(title: str, name: str) -> Panel:
    lines = [Line(query=quantile(wanted, name), called=f"{wanted:.0%}") for wanted in QUANTILES]
    return _curve(title, "s", name, *lines)


def _slowest(wanted: float, name: str, by: str, **where: str) -> Line:
    """The ten of them that matter most: a page with a curve for each of a hundred routes says nothing."""
    return Line(query=f"topk(10, {quantile(wanted, name, by, **where)})", called=f"{{{{{by}}}}}")


def _dearest(name: str, by: str, **where: str) -> Line:
    return Line(query=f"topk(10, {spent(name, by, **where)})", called=f"{{{{{by}}}}}")
