"""What is wrong, before anyone asks why: symptoms held against limits whose source is printed beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from analyzer.model import SEVERITIES, VERDICTS, FunctionMeasurements, Hypothesis, Measured, SymptomKind
from analyzer.report.document import Affected, Candidate, Issue, Receipt
from analyzer.report.receipts import receipt

Numbers = dict[str, Measured]


class Symptom(Struct, frozen=True):
    """`metric` at or above `warning` is worth a warning, at or above `critical` more. `also` are numbers told with it."""

    kind: SymptomKind
    metric: str
    warning: float
    critical: float
    source: str
    also: tuple[str, ...] = ()
    look: Callable[[FunctionMeasurements], Numbers] = lambda function: dict(function.metrics)


def slow_population(function: FunctionMeasurements) -> Numbers:
    """The durations of the breaching invocations, under their usual names, beside the metrics of all."""
    population = slow_population_name(function.metrics["breach.rate"].threshold or "")
    slow = {measured.metric: measured for measured in function.slices if measured.population == population}
    return function.metrics | slow


def slow_population_name(threshold: str) -> str:
    """What measuring calls the invocations beyond a threshold."""
    return f"invocations with {threshold}"


def where(metric: str, at_most: float) -> Callable[[FunctionMeasurements], Numbers]:
    """Looks only where the p-value `metric` shows that it is no chance."""

    def look(function: FunctionMeasurements) -> Numbers:
        measured = function.metrics.get(metric)
        clear = measured is not None and measured.value is not None and measured.value <= at_most
        return dict(function.metrics) if clear else {}

    return look


def ceiling(function: FunctionMeasurements) -> Numbers:
    """A schedule alone keeps a few calls at once, time and again, and never one more."""
    level = function.metrics.get("concurrency.cap.level")
    few = level is None or level.value is None or level.value < LEAST_CEILING
    return {} if few else where("concurrency.cap.p", 0.001)(function)


# Any occurrence at all.
ANY = 1e-12
NEVER = float("inf")
MOST_RECEIPTS = 3
LEAST_CEILING = 5

SYMPTOMS = (
    Symptom(
        "slow",
        "breach.rate",
        0.10,
        0.50,
        "one in ten and one in two, limits of this report",
        ("duration.p50", "duration.p95", "duration.max"),
    ),
    Symptom(
        "uneven",
        "duration.relative_range",
        1.0,
        NEVER,
        "the slowest takes at least twice as long as the fastest, a limit of this report",
        (
            "duration.min",
            "duration.max",
            "duration.mean",
            "duration.p95",
            "duration.stddev",
            "duration.variance",
            "duration.cv",
            "duration.iqr",
            "breach.rate",
        ),
        look=slow_population,
    ),
    Symptom(
        "failing",
        "failure.rate",
        0.01,
        0.10,
        "1 % and 10 %, the limits of Datadog's Lambda insights",
        ("error.rate", "timeout.rate", "oom.rate"),
    ),
    Symptom("timing-out", "timeout.rate", ANY, 0.05, "any, and 5 %", ("timeout.count", "timeout.limit")),
    Symptom("out-of-memory", "oom.rate", ANY, ANY, "any", ("oom.count", "memory.peak", "memory.size")),
    Symptom(
        "near-memory-limit",
        "memory.peak_ratio.max",
        0.90,
        NEVER,
        "90 % of the configured size, AWS's own recipe for an alarm",
        ("memory.peak", "memory.size", "environments"),
    ),
    Symptom(
        "cold-tail",
        "cold_start.p95_reduction",
        0.20,
        NEVER,
        "p95 would fall by a fifth, a limit of this report",
        ("cold_start.rate", "init.p50", "init.max"),
    ),
    Symptom("failing-start", "init.failures", 1.0, 1.0, "any"),
    Symptom(
        "retried", "retry.amplification", 1.02, NEVER, "2 % more invocations than requests, a limit of this report"
    ),
    Symptom(
        "changed",
        "change.ratio",
        1.25,
        2.0,
        "a lasting change beyond chance to 1.25 and 2 times the duration before, limits of this report",
        ("change.at", "change.p", "duration.p50"),
    ),
    Symptom(
        "episode",
        "episode.ratio",
        1.25,
        2.0,
        "a stretch beyond chance at 1.25 and 2 times the usual duration, limits of this report",
        ("episode.begin", "episode.end", "episode.p"),
    ),
    Symptom(
        "drifting",
        "trend.total",
        0.15,
        NEVER,
        "15 % over the period, a limit of this report",
        ("trend.p",),
        look=where("trend.p", 0.01),
    ),
    Symptom(
        "hanging",
        "plateau.round",
        1.0,
        NEVER,
        "slow calls that agree on a round number of seconds",
        ("plateau.count", "plateau.at", "plateau.concentration"),
    ),
    Symptom(
        "growing-memory",
        "memory.leak.slope",
        0.05,
        NEVER,
        "new high-water marks late in the life of environments, beyond chance (p at most 1 %)",
        ("memory.leak.records_p", "memory.leak.environments", "memory.leak.calls"),
        look=where("memory.leak.records_p", 0.01),
    ),
    Symptom(
        "capped",
        "concurrency.cap.hits",
        8.0,
        NEVER,
        "a level of concurrency that is reached eight times and never exceeded, beyond chance (p at most 0.1 %)",
        ("concurrency.cap.level", "concurrency.cap.expected", "concurrency.cap.p"),
        look=ceiling,
    ),
    Symptom(
        "crowded",
        "concurrency.load.slope",
        0.02,
        NEVER,
        "2 % longer with each further call at once, beyond chance (p at most 1 %)",
        ("concurrency.load.p", "concurrency.peak"),
        look=where("concurrency.load.p", 0.01),
    ),
    Symptom(
        "uneven-environments",
        "environment.slow_share",
        0.02,
        NEVER,
        "one environment in fifty at twice the usual median, a limit of this report",
        ("environment.slow_calls_share", "environment.icc", "environments"),
    ),
)
# The breaching invocations of a function that breaches next to nothing make no population worth a word.
LEAST_UNEVEN = 0.10


def issues(
    overall: FunctionMeasurements, functions: list[FunctionMeasurements], hypotheses: dict[str, list[Hypothesis]]
) -> list[Issue]:
    """The symptoms that any function shows, the gravest first, each with the hypotheses that would explain it."""
    found = [issue for symptom in SYMPTOMS if (issue := _issue(symptom, overall, functions, hypotheses))]
    return sorted(found, key=lambda issue: SEVERITIES.index(issue.severity))


def _issue(
    symptom: Symptom,
    overall: FunctionMeasurements,
    functions: list[FunctionMeasurements],
    hypotheses: dict[str, list[Hypothesis]],
) -> Issue | None:
    affected = list(_affected(symptom, functions))
    if not affected:
        return None
    return Issue(
        symptom.kind,
        min((one.severity for one in affected), key=SEVERITIES.index),
        _numbers(symptom, symptom.look(overall)),
        affected,
        symptom.source,
        _candidates(symptom.kind, {one.function: hypotheses[one.function] for one in affected}),
        _receipts(symptom.kind, {one.function for one in affected}, functions),
    )


def _receipts(kind: SymptomKind, affected: set[str], functions: list[FunctionMeasurements]) -> list[Receipt]:
    """The lines of the busiest function that is affected, of failures those of the commonest errors."""
    for function in functions:
        failing = [excerpt for group in function.errors if group.failed for excerpt in group.excerpts]
        lines = failing if kind in ("failing", "failing-start") else function.behind.get(kind, [])
        if function.name in affected and lines:
            return [receipt(function.name, excerpt) for excerpt in lines[:MOST_RECEIPTS]]
    return []


def _candidates(kind: SymptomKind, hypotheses: dict[str, list[Hypothesis]]) -> list[Candidate]:
    """The hypotheses that would explain a symptom, by verdict, the best supported first."""
    together: dict[tuple[int, str], Candidate] = {}
    for function, ranked in hypotheses.items():
        for one in ranked:
            if kind in one.explains:
                key = (VERDICTS.index(one.verdict), one.id)
                together.setdefault(key, Candidate(one.id, one.title, one.verdict, [])).functions.append(function)
    return [together[key] for key in sorted(together, key=lambda key: key[0])]


def _affected(symptom: Symptom, functions: list[FunctionMeasurements]) -> Iterator[Affected]:
    for function in functions:
        numbers = symptom.look(function)
        value = numbers[symptom.metric].value if symptom.metric in numbers else None
        if value is None or value < symptom.warning:
            continue
        if symptom.kind == "uneven" and (numbers["breach.rate"].value or 0.0) < LEAST_UNEVEN:
            continue
        yield Affected(
            function.name, "critical" if value >= symptom.critical else "warning", _numbers(symptom, numbers)
        )


def _numbers(symptom: Symptom, numbers: Numbers) -> Numbers:
    return {name: numbers[name] for name in (symptom.metric, *symptom.also) if name in numbers}
