"""What an action should do, kept so that the next report can say whether it did."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer import figures
from analyzer.model import Expected, Measured
from analyzer.report.document import (
    Advice,
    Direction,
    Earlier,
    FunctionReport,
    Grade,
    GradedPrediction,
    Issue,
    Prediction,
    Solution,
)
from analyzer.report.symptoms import ANY, SYMPTOMS

# The settings that logs show, and the metric that shows them.
VISIBLE = {"MemorySize": "memory.size", "Timeout": "timeout.limit"}
# Symptoms whose number vanishes with their cause.
VANISHING = ("failing", "timing-out", "out-of-memory", "failing-start", "growing-memory")
BASIS = "the limit of this report, below which the symptom has to fall where this is its cause"
BACK = "what calls took before the change, and a quarter more, from where on this report speaks of a change"
NO_OTHER = "where this was its cause, no such stretch comes back; that none came yet is no proof"


def predictions(solutions: list[Solution], issues: list[Issue], functions: list[FunctionReport]) -> list[Prediction]:
    """What the actions promise, and for the first action against each supported cause that the symptom goes with it."""
    known = {function.name: function for function in functions}
    found, met = [], set()
    for solution in solutions:
        for advice in solution.findings:
            expected = [advice.action.expected] if advice.action.expected else []
            cause = (advice.function, solution.hypothesis)
            if not expected and solution.verdict == "supported" and cause not in met:
                expected = list(_gone(known[advice.function], solution.hypothesis, issues))
            met.add(cause)
            for one in expected:
                before = known[advice.function].metrics[one.metric]
                if isinstance(before, Measured):
                    found.append(_prediction(solution, advice, one, before))
    return found


def _gone(function: FunctionReport, hypothesis: str, issues: list[Issue]) -> Iterator[Expected]:
    """That a symptom which the hypothesis explains no longer reaches its limit, in logs from after the action."""
    symptoms = {symptom.kind: symptom for symptom in SYMPTOMS}
    for issue in issues:
        symptom = symptoms[issue.kind]
        if not any(one.hypothesis == hypothesis and function.name in one.functions for one in issue.candidates):
            continue
        numbers = next(one.numbers for one in issue.functions if one.function == function.name)
        if issue.kind in VANISHING:
            limit = 0.0 if symptom.warning == ANY else symptom.warning
            unit = numbers[symptom.metric].unit
            yield Expected(metric=symptom.metric, unit=unit, value=0.0, low=0.0, high=limit, basis=BASIS)
        elif issue.kind == "changed":
            # The change itself is in no logs from after the action, and the duration is.
            level = function.metrics["change.before"]
            assert isinstance(level, Measured)
            assert level.value is not None
            high = symptom.warning * level.value
            yield Expected(metric="duration.p50", unit="ms", value=level.value, low=0.0, high=high, basis=BACK)
        elif issue.kind == "episode":
            yield Expected(metric="episode.count", unit="count", value=0.0, low=0.0, high=0.0, basis=NO_OTHER)


def _prediction(solution: Solution, advice: Advice, expected: Expected, before: Measured) -> Prediction:
    settings = {
        VISIBLE[name]: float(value)
        for name, value in advice.action.settings.items()
        if name in VISIBLE and isinstance(value, int)
    }
    seen = "".join(f", once {metric} is {value:g}" for metric, value in settings.items())
    return Prediction(
        function=advice.function,
        hypothesis=solution.hypothesis,
        action=solution.title,
        expected=expected,
        direction=_direction(expected, before),
        before=before,
        settings=settings,
        check=f"{expected.metric} over {before.population} in a report on logs from after the action{seen}, "
        "with --baseline and this report.json",
    )


def _direction(expected: Expected, before: Measured) -> Direction:
    now = before.value or 0.0
    if expected.value == now:
        return "stay"
    return "fall" if expected.value < now else "rise"


def grade(earlier: Earlier, functions: list[FunctionReport]) -> list[GradedPrediction]:
    """The predictions of an earlier report held against what was measured since."""
    now = {function.name: function for function in functions}
    then = {function.name: function.versions for function in earlier.functions}
    return [
        _graded(one, now.get(one.function), then.get(one.function, []))
        for one in earlier.predictions
    ]  # fmt: skip


def _graded(prediction: Prediction, function: FunctionReport | None, versions: list[str]) -> GradedPrediction:
    if function is None:
        return GradedPrediction(prediction, "not-tested", None, "the function made no invocation")
    observed = function.metrics.get(prediction.expected.metric)
    if not isinstance(observed, Measured) or observed.value is None:
        return GradedPrediction(prediction, "not-tested", None, "not measured in these logs")
    for metric, wanted in prediction.settings.items():
        setting = function.metrics.get(metric)
        if not isinstance(setting, Measured) or setting.value != wanted:
            is_now = (
                figures.write(setting.value, setting.unit) if isinstance(setting, Measured) and setting.value else "?"
            )
            return GradedPrediction(prediction, "not-tested", observed, f"{metric} is {is_now}, so this was not done")
    result = _held(prediction.expected, observed)
    numbered = versions and versions != ["$LATEST"]
    if result != "held" and not prediction.settings and numbered and versions == function.versions:
        return GradedPrediction(prediction, "not-tested", observed, "the same versions ran as before")
    return GradedPrediction(
        prediction, result, observed, None if result != "not-tested" else "the interval reaches both sides of the limit"
    )


def _held(expected: Expected, observed: Measured) -> Grade:
    """Held where the estimate lies within, not held where its whole interval lies outside; in between it may be either."""
    if expected.low <= (observed.value or 0.0) <= expected.high:
        return "held"
    low, high = observed.low, observed.high
    outside = (low is not None and low > expected.high) or (high is not None and high < expected.low)
    return "not-held" if outside else "not-tested"
