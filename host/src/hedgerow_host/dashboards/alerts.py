"""When somebody is called: rules for Prometheus, each with the section of the how-to that says what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hedgerow_core.messaging.health import Matter
from hedgerow_host.dashboards.queries import counted, increase, largest, quantile, rate, share, smallest, total

RUNBOOK = "docs/how-to/watch-a-host.md"
REQUESTS = "hedgerow_http_request_duration_seconds"
HANDLERS = "hedgerow_handler_duration_seconds"
CALLS = "hedgerow_task_call_duration_seconds"
QUESTIONS = "hedgerow_question_duration_seconds"
LATELY = "10m"
_BY_SUBSCRIPTION = ("context", "subscription")


class Severity(StrEnum):
    """Whom it gets out of bed."""

    PAGE = "page"
    """Somebody, now: something does not happen that users wait for."""
    TICKET = "ticket"
    """Somebody, tomorrow: it goes on, but not well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule. `lasting` is for how long it must hold, so that what mends itself calls nobody."""

    name: str
    query: str
    lasting: str
    severity: Severity
    summary: str
    """In Prometheus' template language."""

    @property
    def runbook(self) -> str:
        """Where it says what to do: the section of its name."""
        return f"{RUNBOOK}#{self.name.lower()}"


def alerts() -> Sequence[Alert]:
    """All rules: what users feel first, then the ledger, then what wants a look."""
    return [*_felt_by_users(), *_of_the_ledger(), *_of_neighbours(), *_of_the_build()]


def _felt_by_users() -> Iterator[Alert]:
    yield _page(
        "HedgerowDown", 'up{job=~"hedgerow.*"} == 0', "1m", "{{ $labels.job }} at {{ $labels.instance }} is silent"
    )
    yield _page(
        "HedgerowRequestsBreak",
        f"{share(rate(REQUESTS, over='5m', status='5..'), rate(REQUESTS, over='5m'))} > 0.01",
        "5m",
        "{{ $value | humanizePercentage }} of the requests are answered 5xx",
    )
    yield _ticket(
        "HedgerowRequestsSlow",
        f"{quantile(0.99, REQUESTS, 'method', 'route', over=LATELY)} > 1",
        LATELY,
        "one of a hundred {{ $labels.method }} {{ $labels.route }} takes {{ $value | humanizeDuration }} or longer",
    )
    yield _page(
        "HedgerowPoolExhausted",
        f"{increase('hedgerow_pool_turned_away_total', 'context', over='5m')} > 0",
        "0m",
        "{{ $labels.context }} has no connection to PostgreSQL left",
    )
    yield _page(
        "HedgerowLedgerUnreadable",
        f"{largest('hedgerow_ledger_up', 'context')} == 0",
        "1m",
        "no process can read the ledger of {{ $labels.context }}",
    )


def _of_the_ledger() -> Iterator[Alert]:
    told = {
        Matter.STALE: (_page, "HedgerowStale", "is not worked off"),
        Matter.DEAD: (_ticket, "HedgerowDeadLetters", "has dead letters, which want a decision"),
        Matter.NOT_CARRIED: (_page, "HedgerowNotCarried", "gets no events"),
        Matter.FEED_EXPIRED: (_page, "HedgerowFeedExpired", "has missed events, and stands still"),
    }
    for what in Matter:
        kind, name, happens = told[what]
        ringing = largest("hedgerow_alarm", *_BY_SUBSCRIPTION, what=what)
        yield kind(name, f"{ringing} == 1", "1m", f"{{{{ $labels.subscription }}}} {happens}")
    overdue = largest("hedgerow_schedule_overdue_seconds", "context", "schedule")
    yield _page(
        "HedgerowScheduleOverdue", f"{overdue} > 120", "1m", "{{ $labels.schedule }} does not tick: no worker runs"
    )
    yield _page(
        "HedgerowWorkerWaits",
        f"{total('hedgerow_dispatcher_waits', 'context')} > 0",
        "1m",
        "a worker of {{ $labels.context }} can't reach its database or the broker",
    )
    failed = rate("hedgerow_attempts_failed_total", *_BY_SUBSCRIPTION, over=LATELY)
    yield _ticket(
        "HedgerowAttemptsFail",
        f"{share(failed, rate(HANDLERS, *_BY_SUBSCRIPTION, over=LATELY))} > 0.1",
        LATELY,
        "{{ $value | humanizePercentage }} of the attempts of {{ $labels.subscription }} fail",
    )
    yield _ticket(
        "HedgerowHandlerSlow",
        f"{quantile(0.95, HANDLERS, *_BY_SUBSCRIPTION, over=LATELY)} > 5",
        LATELY,
        "one of twenty {{ $labels.subscription }} takes {{ $value | humanizeDuration }} or longer",
    )
    yield _ticket(
        "HedgerowPartitionsOrphaned",
        f"{largest('hedgerow_expired_leases', *_BY_SUBSCRIPTION)} > 0",
        "2m",
        "{{ $labels.subscription }} has partitions that a worker left behind and nobody takes over",
    )
    yield _ticket(
        "HedgerowPaused",
        f"{largest('hedgerow_paused', *_BY_SUBSCRIPTION)} == 1",
        "1h",
        "{{ $labels.subscription }} has been paused for an hour",
    )


def _of_neighbours() -> Iterator[Alert]:
    outcome = ("context", "subscription")
    bad = rate(CALLS, *outcome, over=LATELY, outcome="failed|late")
    yield _page(
        "HedgerowOutboundFails",
        f"{share(bad, rate(CALLS, *outcome, over=LATELY))} > 0.25",
        "5m",
        "{{ $value | humanizePercentage }} of the calls that {{ $labels.subscription }} makes outside fail",
    )
    asked = ("context", "query")
    bad = rate(QUESTIONS, *asked, over=LATELY, outcome="failed|late")
    yield _page(
        "HedgerowQuestionsFail",
        f"{share(bad, rate(QUESTIONS, *asked, over=LATELY))} > 0.05",
        "5m",
        "{{ $value | humanizePercentage }} of what {{ $labels.context }} asks by {{ $labels.query }} fails",
    )
    cut_off = largest("hedgerow_remote_cut_off", "context")
    yield _page(
        "HedgerowRemoteCutOff", f"{cut_off} == 1", "1m", "the host of {{ $labels.context }} does not answer"
    )
    unheard = smallest("hedgerow_identity_age_seconds", "context")
    yield _page(
        "HedgerowIdentityUnheard",
        f"{unheard} > 5",
        "30s",
        "the host of {{ $labels.context }} says for nobody any more: its callers are refused",
    )


def _of_the_build() -> Iterator[Alert]:
    out, broken = largest("hedgerow_quarantined", "context"), largest("hedgerow_broken", "context")
    yield _page("HedgerowQuarantined", f"{out} == 1", "0m", "{{ $labels.context }} is broken, and out of service")
    yield _page(
        "HedgerowBroken",
        f"{broken} == 1",
        "0m",
        "{{ $labels.context }} goes on without what it did in the background",
    )
    crossed = counted("hedgerow_crossed_transactions_total", "context")
    refused = increase("hedgerow_refused_statements_total", "context", over="1h")
    yield _ticket(
        "HedgerowBoundaryCrossed",
        f"{crossed} > 0 or {refused} > 0",
        "0m",
        "{{ $labels.context }} reaches into another context's data",
    )


def _page(name: str, query: str, lasting: str, summary: str) -> Alert:
    return Alert(name=name, query=query, lasting=lasting, severity=Severity.PAGE, summary=summary)


def _ticket(name: str, query: str, lasting: str, summary: str) -> Alert:
    return Alert(name=name, query=query, lasting=lasting, severity=Severity.TICKET, summary=summary)


def as_yaml(rules: Sequence[Alert]) -> str:
    """As Prometheus reads them. What YAML calls a string in double quotes, JSON does, too."""
    written = "".join(_rule(rule) for rule in rules)
    return f"groups:\n  - name: hedgerow\n    rules:\n{written}"


def _rule(rule: Alert) -> str:
    lines = (
        f"      - alert: {rule.name}",
        f"        expr: {json.dumps(rule.query)}",
        f"        for: {rule.lasting}",
        f"        labels: {{ severity: {rule.severity} }}",
        "        annotations:",
        f"          summary: {json.dumps(rule.summary)}",
        f"          runbook: {rule.runbook}",
    )
    return "\n".join(lines) + "\n"
