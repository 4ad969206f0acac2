"""Measurements and hypotheses in, a Report out: which facts are told, about which functions, in which order.

Nothing is put into words here, and no number is made here that a query has not given.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from analyzer.model import (
    EFFORTS,
    SEVERITIES,
    VERDICTS,
    Action,
    FunctionMeasurements,
    Hypothesis,
    Measured,
    Measurements,
    Move,
)
from analyzer.report.advice import alarms_for, dashboard_for, fragment, rollback, terraform_fragment
from analyzer.report.budget import budgets
from analyzer.report.document import (
    SCHEMA,
    Advice,
    Asked,
    Cause,
    CheckedStatus,
    Earlier,
    Finding,
    FunctionReport,
    Issue,
    Period,
    QualityReport,
    Report,
    Solution,
    SourceReport,
    TimeoutAdvice,
)
from analyzer.report.earlier import changes
from analyzer.report.expected import patterns
from analyzer.report.predictions import grade, predictions
from analyzer.report.story import timeline, turns
from analyzer.report.suppressions import suppress
from analyzer.report.symptoms import issues

# With fewer invocations than this no share and no quantile has an interval worth printing.
LEAST_INVOCATIONS = 5
# The hypotheses of each function in the order of their rank.
Ranked = dict[str, list[Hypothesis]]
TIMEOUT_NUMBERS = ("duration.p95", "duration.max", "timeout.limit", "timeout.recommended", "timeout.count")


def compose(
    measurements: Measurements,
    hypotheses: Ranked,
    *,
    kind: str,
    version: str,
    asked: Asked,
    subject: str | None,
    unreadable: list[str],
    earlier: Earlier | None = None,
    moves: list[Move] | None = None,
) -> Report:
    """The report on `measurements`. `hypotheses` are ranked, by function; `unreadable` says what could not be read.

    `moves` are those of the numbers since the `earlier` report, where there is one.
    """
    found = issues(measurements.overall, measurements.functions, hypotheses)
    ranked = {
        function.name: [_graded(function.name, one, found) for one in hypotheses[function.name]]
        for function in measurements.functions
    }
    ranked, suppressions = suppress(ranked, asked.suppressions, measurements.period[1])
    solutions = _solutions(ranked)
    functions = [_function(function, ranked[function.name]) for function in measurements.functions]
    alarms, template, terraform = alarms_for(measurements.functions)
    headline = measurements.overall.metrics["breach.rate"]
    return Report(
        schema=SCHEMA,
        kind=kind,
        generator=f"reportline {version}",
        subject=subject or _subject(measurements.functions),
        status=_status(measurements, found, ranked),
        asked=asked,
        period=Period(*(_iso(moment) for moment in measurements.period)),
        headline=headline.threshold or "",
        overall=_function(measurements.overall, []),
        functions=functions,
        issues=found,
        causes=_causes(ranked),
        expected=[one for function in measurements.functions for one in patterns(function, ranked[function.name])],
        solutions=solutions,
        timeouts=list(_timeouts(measurements.functions)),
        alarms=alarms,
        alarms_template=template,
        alarms_terraform=terraform,
        dashboard=dashboard_for(measurements.functions, headline),
        rollback=rollback(measurements.functions, _settings(solutions)),
        predictions=predictions(solutions, found, functions),
        timeline=timeline(measurements.functions, _time),
        turns=turns(measurements.functions, _time),
        budgets=budgets(asked.objectives, functions),
        earlier=earlier,
        changes=None if earlier is None else changes(earlier, functions, moves or []),
        graded=[] if earlier is None else grade(earlier, functions),
        suppressions=suppressions,
        evidence=measurements.evidence,
        quality=_quality(measurements, unreadable),
    )


def _graded(function: str, one: Hypothesis, found: list[Issue]) -> Hypothesis:
    """A hypothesis as grave as what it would explain here, and no graver than its rule says; its actions spelt out.

    Where the function shows nothing that it would explain, it is of no more than interest and needs no action.
    """
    grades = [
        affected.severity
        for issue in found
        if issue.kind in one.explains
        for affected in issue.functions
        if affected.function == function
    ]
    if not grades:
        # What is of interest anyway, such as money to be saved, may be acted on where it is shown.
        kept = one.actions if one.severity == "info" and one.verdict == "supported" else []
        return replace(one, severity="info", actions=[_spelt(function, action) for action in kept])
    gravest = min(grades, key=SEVERITIES.index)
    return replace(
        one,
        severity=max(one.severity, gravest, key=SEVERITIES.index),
        actions=[_spelt(function, action) for action in one.actions],
    )


def _spelt(function: str, action: Action) -> Action:
    snippet = fragment([Advice(function, action)])
    return replace(action, snippet=snippet.text) if snippet else action


def _status(measurements: Measurements, found: list[Issue], hypotheses: Ranked) -> CheckedStatus:
    """Degraded with a cause; insufficient data where something is wrong and no cause could be shown, or little was seen."""
    supported = [one for ranked in hypotheses.values() for one in ranked if one.verdict == "supported"]
    if any(one.severity != "info" for one in supported):
        return "degraded"
    wrong = any(issue.severity != "info" for issue in found)
    return "insufficient-data" if wrong or measurements.overall.invocations < LEAST_INVOCATIONS else "healthy"


def _subject(functions: list[FunctionMeasurements]) -> str:
    return functions[0].name if len(functions) == 1 else f"{len(functions)} functions"


def _iso(moment: int | None) -> str | None:
    return None if moment is None else _time(moment)


def _time(moment: int) -> str:
    """Microseconds since 1970 as 2026-03-17T08:12:05.123Z."""
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


def _causes(hypotheses: Ranked) -> list[Cause]:
    """The hypotheses across functions: the best supported first, then those that come first in a function, then the likeliest."""
    causes: dict[str, list[Finding]] = {}
    for function, ranked in hypotheses.items():
        for one in ranked:
            causes.setdefault(one.id, []).append(Finding(function, one))
    ordered = []
    for name, findings in causes.items():
        findings = sorted(
            findings, key=lambda finding: (VERDICTS.index(finding.hypothesis.verdict), finding.hypothesis.rank)
        )
        best = findings[0].hypothesis
        ordered.append(
            (
                VERDICTS.index(best.verdict),
                best.rank,
                -best.probability,
                SEVERITIES.index(best.severity),
                name,
                findings,
            )
        )
    return [
        Cause(name, findings[0].hypothesis.title, findings[0].hypothesis.verdict, findings)
        for *_, name, findings in sorted(ordered)
    ]


def _solutions(hypotheses: Ranked) -> list[Solution]:
    """Actions of every cause that may be acted on, the same action of several functions together."""
    together: dict[tuple[int, int, str, str], tuple[Hypothesis, Action, list[Advice]]] = {}
    for function, ranked in hypotheses.items():
        for one in ranked:
            for action in one.actions:
                key = (EFFORTS.index(action.effort), VERDICTS.index(one.verdict), one.id, action.title)
                together.setdefault(key, (one, action, []))[2].append(Advice(function, action))
    return [
        Solution(one.id, one.verdict, action.effort, action.title, advice, fragment(advice), terraform_fragment(advice))
        for _, (one, action, advice) in sorted(together.items(), key=lambda item: item[0][:2])
    ]


def _settings(solutions: list[Solution]) -> set[str]:
    """The names of all settings that any solution changes."""
    return {name for solution in solutions for advice in solution.findings for name in advice.action.settings}


def _timeouts(functions: list[FunctionMeasurements]) -> Iterator[TimeoutAdvice]:
    for function in functions:
        if "duration.max" in function.metrics:
            numbers = {name: function.metrics[name] for name in TIMEOUT_NUMBERS if name in function.metrics}
            yield TimeoutAdvice(function.name, numbers)


def _quality(measurements: Measurements, unreadable: list[str]) -> QualityReport:
    quality = measurements.quality
    return QualityReport(
        lines=quality.lines,
        understood=quality.understood,
        sources=[
            SourceReport(one.source, one.container, one.sha256, one.lines, one.understood, one.problems, one.duplicates)
            for one in quality.sources
        ],
        counts=quality.counts,
        lacking=quality.lacking,
        flaws=quality.flaws,
        broken=quality.broken,
        not_in_logs=quality.not_in_logs,
        unreadable=unreadable,
    )
