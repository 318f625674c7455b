"""What a running host has counted, read from its metrics: which questions are asked how often, and what crossed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from hedgerow_core.observability.metrics import CROSSED_TRANSACTIONS, QUESTION_SECONDS, REFUSED_STATEMENTS
from hedgerow_host.exits import ExitCode, HostError
from hedgerow_host.extraction.plan.obstacles import Obstacle

TIMEOUT_S = 5.0
LARGEST_ANSWER = 16 * 1024 * 1024
OFTEN_PER_S = 10.0
"""So many requests a second to another host are worth a second thought: a copy by events costs none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredQuestion:
    """How often a context has asked a query in the process that was looked at, and how long it waited."""

    asker: str
    query: str
    asked: int
    mean_ms: float
    per_second: float | None
    """Since the process first asked; None if it does not say since when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the metrics of running hosts had to say."""

    looked_at: str = "not looked at: name a running host by --metrics"
    questions: Sequence[MeasuredQuestion] = ()
    obstacles: Sequence[Obstacle] = ()


def measure(sources: Sequence[str], context: str, *, now: float) -> Measured:
    """Read the metrics of one process or of several, and count them together.

    Raises:
        HostError: one of them has none.
    """
    if not sources:
        return Measured()
    metrics = [metric for source in sources for metric in _metrics_from(source)]
    questions = questions_in(metrics, context, now=now)
    obstacles = [*asked_often(questions), *crossed_while_running(metrics, context)]
    return Measured(looked_at=", ".join(sources), questions=questions, obstacles=obstacles)


def _metrics_from(source: str) -> Sequence[Metric]:
    """Metrics in the text format of Prometheus, from a URL or a file.

    Raises:
        HostError: there are none.
    """
    try:
        return list(text_string_to_metric_families(_text_from(source)))
    except httpx.HTTPError as error:
        raise HostError(
            f"{source} did not answer with metrics ({type(error).__name__}: {error})",
            fix="start the host with HEDGEROW_METRICS_PORT, or hand over a file with what it served",
            code=ExitCode.UNREACHABLE,
        ) from error
    except (OSError, ValueError) as error:
        raise HostError(
            f"{source} holds no metrics ({error})",
            fix="name a URL such as http://127.0.0.1:9100/metrics, or a file with what it served",
            code=ExitCode.MISCONFIGURED,
        ) from error


def questions_in(metrics: Sequence[Metric], context: str, *, now: float) -> list[MeasuredQuestion]:
    """The questions that the context has asked others, and others it, most often asked first."""
    count: dict[tuple[str, str], float] = defaultdict(float)
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    since: dict[tuple[str, str], float] = {}
    for name, labels, value in _samples(metrics, QUESTION_SECONDS._name):
        who = labels.get("context", ""), labels.get("query", "")
        match name.rpartition("_")[2]:
            case "count":
                count[who] += value
            case "sum":
                seconds[who] += value
            case "created":
                since[who] = min(value, since.get(who, value))
    found = [
        MeasuredQuestion(
            asker=asker,
            query=query,
            asked=int(times),
            mean_ms=round(seconds[asker, query] / times * 1000, 2),
            per_second=_rate(times, since.get((asker, query)), now),
        )
        for (asker, query), times in count.items()
        if times and context in (asker, query.partition(".")[0])
    ]
    return sorted(found, key=lambda one: -one.asked)


def asked_often(questions: Sequence[MeasuredQuestion]) -> Iterator[Obstacle]:
    """Questions on a hot path."""
    for question in questions:
        if (question.per_second or 0) >= OFTEN_PER_S:
            yield Obstacle(
                kind="asked_often",
                subject=question.asker,
                what=f"asks {question.query} {question.per_second:,.0f} times a second",
                fix="keep a copy of your own from its events, or remember answers for a moment",
            )


def crossed_while_running(metrics: Sequence[Metric], context: str) -> Iterator[Obstacle]:
    """What a running host has counted that no two hosts could do."""
    for name, labels, times in _samples(metrics, CROSSED_TRANSACTIONS._name):
        own, other = labels.get("context"), labels.get("other")
        if name.endswith("_total") and times and context in (own, other):
            what = f"a transaction of {own} was begun inside one of {other}"
            yield Obstacle(
                kind="crossed_transaction",
                subject=context,
                what=f"{what}; a running host has counted {times:,.0f}",
                fix="run the tests of both in a host: the guard names the line",
            )
    for name, labels, times in _samples(metrics, REFUSED_STATEMENTS._name):
        if name.endswith("_total") and times and labels.get("context") == context:
            yield Obstacle(
                kind="refused_by_role",
                subject=context,
                what=f"was refused statements by PostgreSQL; a running host has counted {times:,.0f}",
                fix="see the log of that host for `permission denied`",
            )


def _samples(metrics: Sequence[Metric], name: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    # `_created` is a family of its own in the text format.
    for metric in metrics:
        if metric.name in (name, f"{name}_created"):
            for sample in metric.samples:
                yield sample.name, sample.labels, sample.value


def _rate(times: float, since: float | None, now: float) -> float | None:
    return None if since is None or now <= since else round(times / (now - since), 3)


def _text_from(source: str) -> str:
    if not source.startswith(("http://", "https://")):
        return Path(source).read_text(encoding="utf-8")
    with httpx.stream("GET", source, timeout=TIMEOUT_S, trust_env=False) as answer:
        answer.raise_for_status()
        read = bytearray()
        for piece in answer.iter_bytes():
            read += piece
            if len(read) > LARGEST_ANSWER:
                raise ValueError(f"it is larger than {LARGEST_ANSWER // 1024**2} MiB")
    return read.decode("utf-8")
