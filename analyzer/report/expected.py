"""What looks like trouble and is expected: told in the report so that nobody goes after it, and a finding of no kind.

A pattern is named only where nothing speaks for a cause of it that is supported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from analyzer.model import FunctionMeasurements, Hypothesis, Measured
from analyzer.report.document import Issue, Pattern, PatternKind

Numbers = dict[str, Measured]

# Hours differ beyond chance, and by so much that charts show it.
ALPHA, LEAST_AMPLITUDE, LEAST_TRAFFIC = 0.01, 1.25, 2.0
# Slow by nature: from this median on a person asks why, and within this spread and drift it is the same all the time.
SLOW_MS, MOST_SPREAD, MOST_DRIFT = 10_000.0, 4.0, 0.15
# A schedule keeps its pauses, and harmless starts are a small part of the bill.
REGULAR, MOSTLY_COLD, MOST_BILLED = 0.8, 0.5, 0.10
# What would explain long calls by something that can be mended.
SLOWNESS = "slow"
# Of a function that is slow by nature these symptoms say no more than that.
NATURAL = ("slow", "uneven")


def patterns(function: FunctionMeasurements, hypotheses: list[Hypothesis]) -> Iterator[Pattern]:
    """The expected patterns of one function, with the numbers that show them."""
    metrics = function.metrics

    def value(name: str, otherwise: float) -> float:
        measured = metrics.get(name)
        return otherwise if measured is None or measured.value is None else measured.value

    supported = {one.id for one in hypotheses if one.verdict == "supported"}
    if value("traffic.day_p", 1) <= ALPHA and value("traffic.day_amplitude", 1) >= LEAST_TRAFFIC:
        yield _pattern("daily-traffic", function, "traffic.day_amplitude", "traffic.day_p")
    if value("rhythm.p", 1) <= ALPHA and value("rhythm.amplitude", 1) >= LEAST_AMPLITUDE:
        yield _pattern("daily-durations", function, "rhythm.amplitude", "rhythm.p")
    lasting = value("change.count", 1) == 0 and value("episode.count", 1) == 0
    even = value("duration.p99_over_p50", MOST_SPREAD) < MOST_SPREAD and abs(value("trend.total", 1)) < MOST_DRIFT
    caused = any(SLOWNESS in one.explains for one in hypotheses if one.id in supported)
    if value("duration.p50", 0) >= SLOW_MS and lasting and even and not caused:
        yield _pattern("slow-by-nature", function, "duration.p50", "duration.p99_over_p50", "trend.total")
    scheduled = value("traffic.pause.regular", 0) >= REGULAR
    harmless = value("init.billed_share", 0) < MOST_BILLED and "cold-start" not in supported
    if scheduled and value("cold_start.rate", 0) >= MOSTLY_COLD and harmless:
        yield _pattern("cold-schedule", function, "traffic.pause.p50", "cold_start.rate", "init.billed_share")


def always_so(issues: Iterable[Issue], expected: Iterable[Pattern]) -> bool:
    """Whether nothing became worse: the issues are those of functions that are slow from the first call to the last."""
    natural = {one.function for one in expected if one.kind == "slow-by-nature"}
    return all(
        issue.kind in NATURAL and natural.issuperset(one.function for one in issue.functions) for issue in issues
    )


def _pattern(kind: PatternKind, function: FunctionMeasurements, *names: str) -> Pattern:
    return Pattern(kind, function.name, {name: function.metrics[name] for name in names if name in function.metrics})
