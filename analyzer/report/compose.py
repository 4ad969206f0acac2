"""Measurements and hypotheses in, a Report out: which facts are told, about which functions, in which order.

Nothing is put into words here, and no number is made here that a query has not given.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from analyzer import __version__
from analyzer.model import Effort, FunctionMeasurements, Hypothesis, Measured, Measurements, Severity, Verdict
from analyzer.report.advice import alarms_for, dashboard_for
from analyzer.report.document import (
    SCHEMA,
    Advice,
    Cause,
    CheckedStatus,
    Finding,
    FunctionReport,
    Issue,
    Period,
    Prediction,
    QualityReport,
    Report,
    Solution,
    SourceReport,
    TimeoutAdvice,
)
from analyzer.report.symptoms import issues

# With fewer invocations than this no share and no quantile has an interval worth printing.
LEAST_INVOCATIONS = 5
VERDICTS: tuple[Verdict, ...] = ("supported", "weak", "untestable", "not-supported", "refuted")
# What may be acted on: a cause that the data carry, or the experiment that would settle one.
ACTIONABLE: tuple[Verdict, ...] = ("supported", "weak", "untestable")
EFFORTS: tuple[Effort, ...] = ("low", "medium", "high")
TIMEOUT_NUMBERS = ("duration.p95", "duration.max", "timeout.limit", "timeout.recommended", "timeout.count")


def compose(
    measurements: Measurements,
    hypotheses: dict[str, list[Hypothesis]],
    *,
    kind: str,
    subject: str | None,
    unreadable: list[str],
) -> Report:
    """The report on `measurements`. `hypotheses` are ranked, by function; `unreadable` says what could not be read."""
    found = issues(measurements.overall, measurements.functions)
    solutions = _solutions(measurements.functions, hypotheses)
    alarms, template = alarms_for(measurements.functions)
    return Report(
        schema=SCHEMA,
        kind=kind,
        generator=f"reportline {__version__}",
        subject=subject or _subject(measurements.functions),
        status=_status(measurements, found, hypotheses),
        period=Period(*(_iso(moment) for moment in measurements.period)),
        overall=_function(measurements.overall, []),
        functions=[_function(function, hypotheses[function.name]) for function in measurements.functions],
        issues=found,
        causes=_causes(hypotheses),
        solutions=solutions,
        timeouts=list(_timeouts(measurements.functions)),
        alarms=alarms,
        alarms_template=template,
        dashboard=dashboard_for(measurements),
        predictions=list(_predictions(solutions)),
        evidence=measurements.evidence,
        quality=_quality(measurements, unreadable),
    )


def _status(measurements: Measurements, found: list[Issue], hypotheses: dict[str, list[Hypothesis]]) -> CheckedStatus:
    """Degraded with a cause; insufficient data where something is wrong and no cause could be shown, or little was seen."""
    supported = (one for ranked in hypotheses.values() for one in ranked if one.verdict == "supported")
    if any(one.severity != "info" for one in supported):
        return "degraded"
    wrong = any(issue.severity != "info" for issue in found)
    return "insufficient-data" if wrong or measurements.overall.invocations < LEAST_INVOCATIONS else "healthy"


def _subject(functions: list[FunctionMeasurements]) -> str:
    return functions[0].name if len(functions) == 1 else f"{len(functions)} functions"


def _iso(moment: int | None) -> str | None:
    """Microseconds since 1970 as 2026-03-17T08:12:05.123Z."""
    if moment is None:
        return None
    time = datetime.fromtimestamp(moment // 1_000_000, UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{moment % 1_000_000 // 1000:03d}Z"


def _function(function: FunctionMeasurements, ranked: list[Hypothesis]) -> FunctionReport:
    metrics: dict[str, Measured | list[Measured]] = dict(sorted(function.metrics.items()))
    metrics["breach.rate"] = function.breaches
    return FunctionReport(
        name=function.name,
        invocations=function.invocations,
        metrics=metrics,
        slices=function.slices,
        hypotheses=ranked,
        runtimes=function.runtimes,
        versions=function.versions,
        memory_sizes=function.memory_sizes,
        region=function.region,
        errors=function.errors,
    )


SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")


def _causes(hypotheses: dict[str, list[Hypothesis]]) -> list[Cause]:
    """The hypotheses across functions, the best supported first, then the gravest."""
    causes: dict[str, list[Finding]] = {}
    for function, ranked in hypotheses.items():
        for one in ranked:
            causes.setdefault(one.id, []).append(Finding(function, one))
    ordered = []
    for name, findings in causes.items():
        findings = sorted(
            findings, key=lambda finding: (VERDICTS.index(finding.hypothesis.verdict), -finding.hypothesis.probability)
        )
        best = findings[0].hypothesis
        rank = sum(finding.hypothesis.rank for finding in findings) / len(findings)
        ordered.append(
            (VERDICTS.index(best.verdict), SEVERITIES.index(best.severity), -best.probability, rank, name, findings)
        )
    return [
        Cause(name, findings[0].hypothesis.title, findings[0].hypothesis.verdict, findings)
        for *_, name, findings in sorted(ordered)
    ]


def _solutions(functions: list[FunctionMeasurements], hypotheses: dict[str, list[Hypothesis]]) -> list[Solution]:
    """Actions of every cause that may be acted on, the same action of several functions together."""
    together: dict[tuple[int, int, str, str], Solution] = {}
    for function in functions:
        for one in hypotheses[function.name]:
            if one.verdict not in ACTIONABLE:
                continue
            for action in one.actions:
                key = (EFFORTS.index(action.effort), VERDICTS.index(one.verdict), one.id, action.title)
                solution = together.setdefault(key, Solution(one.id, one.verdict, action.effort, action.title, []))
                solution.findings.append(Advice(function.name, action))
    return [together[key] for key in sorted(together, key=lambda key: key[:2])]


def _timeouts(functions: list[FunctionMeasurements]) -> Iterator[TimeoutAdvice]:
    for function in functions:
        if "duration.max" in function.metrics:
            numbers = {name: function.metrics[name] for name in TIMEOUT_NUMBERS if name in function.metrics}
            yield TimeoutAdvice(function.name, numbers)


def _predictions(solutions: list[Solution]) -> Iterator[Prediction]:
    for solution in solutions:
        for advice in solution.findings:
            if advice.action.expected:
                yield Prediction(advice.function, solution.hypothesis, solution.title, advice.action.expected)


def _quality(measurements: Measurements, unreadable: list[str]) -> QualityReport:
    quality = measurements.quality
    return QualityReport(
        lines=quality.lines,
        understood=quality.understood,
        sources=[
            SourceReport(one.source, one.container, one.sha256, one.lines, one.understood, one.problems)
            for one in quality.sources
        ],
        counts=quality.counts,
        lacking=quality.lacking,
        not_in_logs=quality.not_in_logs,
        unreadable=unreadable,
    )
