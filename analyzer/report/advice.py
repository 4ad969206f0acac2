"""Configuration to paste: SAM and Terraform fragments for actions, alarms in both, a CloudWatch dashboard, the way back.

A name from a log is put into configuration only if AWS could have given it to a function; any other is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import yaml
from msgspec import Struct
from msgspec.structs import replace

from analyzer import figures
from analyzer.model import Alarm, FunctionMeasurements, Measured, Severity
from analyzer.report.document import Advice, AlarmAdvice, Snippet
from analyzer.report.terraform import Resource, alarm_resources, function_resources, to_hcl, with_variables

FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
DEFAULT_REGION = "us-east-1"
# More functions than this make a template that nobody reads; report.json and a loop are the better tools then.
MOST_FUNCTIONS = 10
WIDTH = 120
# The seconds that alarms and the dashboard look at together.
PERIOD = 300
NAMESPACE = "LambdaReports"
# Throttled calls are in no function's log, so that this alarm cannot be tried.
ANY_THROTTLE = Alarm(
    signal="errors.sum", threshold=0.0, choice="any", basis=None, period_s=PERIOD, needed=1, periods=1, episode_begin=None,
    trial=None,
)  # fmt: skip
# The words of a REPORT line in text logs, and the same number in JSON logs.
TEXT_REPORT = (
    '[report="REPORT", l1="RequestId:", id, l2="Duration:", duration, u1="ms", l3="Billed", l4="Duration:", billed, u2="ms", '
    'l5="Memory", l6="Size:", size, u3="MB", l7="Max", l8="Memory", l9="Used:", used, u4="MB", ...]'
)
JSON_REPORT = '{ $.type = "platform.report" }'


def deployable(name: str) -> bool:
    """Whether AWS could have given a function this name."""
    return FUNCTION_NAME.fullmatch(name) is not None


def logical_ids(names: Iterable[str]) -> dict[str, str]:
    """CloudFormation ids by function: letters and digits only, with a number where two names differ in nothing else."""
    ids: dict[str, str] = {}
    for name in names:
        plain = "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_]", name)) or "Unnamed"
        free = (f"{plain}{number}" for number in count(2))
        ids[name] = plain if plain not in ids.values() else next(one for one in free if one not in ids.values())
    return ids


def fragment(advice: Iterable[Advice]) -> Snippet | None:
    """The settings of one action for all its functions, as properties of their resources in a SAM template."""
    settings = {
        one.function: one.action.settings
        for one in advice
        if one.action.settings and _known(one.action.settings) and deployable(one.function)
    }
    resources = {
        f"{name}Function": {
            "Type": "AWS::Serverless::Function",
            "Properties": {"FunctionName": function} | settings[function],
        }
        for function, name in logical_ids(settings).items()
    }
    return Snippet("yaml", to_yaml({"Resources": resources})) if resources else None


def terraform_fragment(advice: Iterable[Advice]) -> Snippet | None:
    """The same settings as Terraform; None where one of them has no counterpart there."""
    resources: list[Resource] = []
    for one in advice:
        if one.action.settings and _known(one.action.settings) and deployable(one.function):
            made = function_resources(one.function, one.action.settings)
            if made is None:
                return None
            resources += made
    return Snippet("hcl", to_hcl(with_variables(resources))) if resources else None


def _known(settings: dict[str, Any]) -> bool:
    """Whether every value was measured or stated."""
    return all(_known(value) if isinstance(value, dict) else value is not None for value in settings.values())


def rollback(functions: Iterable[FunctionMeasurements], settings: set[str]) -> Snippet | None:
    """The commands that restore what the logs say was configured before."""
    lines = []
    for function in functions:
        options = []
        if "MemorySize" in settings and "memory.size" in function.metrics:
            options.append(f"--memory-size {function.metrics['memory.size'].value:.0f}")
        if "Timeout" in settings and "timeout.limit" in function.metrics:
            options.append(f"--timeout {function.metrics['timeout.limit'].value:.0f}")
        if options and deployable(function.name):
            lines.append(
                f"aws lambda update-function-configuration --function-name {function.name} {' '.join(options)}"
            )
    return Snippet("sh", "\n".join(lines)) if lines else None


class _Alarm(Struct, frozen=True):
    """`resources` by their logical ids without the part that names the function."""

    advice: AlarmAdvice
    resources: dict[str, Any]


def alarms_for(functions: list[FunctionMeasurements]) -> tuple[list[AlarmAdvice], Snippet | None, Snippet | None]:
    """Alarms with thresholds from the period of the report, and what makes them in CloudFormation and in Terraform."""
    named = _named(functions)
    ids = logical_ids(function.name for function in named)
    alarms = [(ids[function.name], alarm) for function in named for alarm in _alarms(function)]
    if not alarms:
        return [], None, None
    alarms.append(("All", _throttles()))
    resources = {f"{name}{what}": body for name, alarm in alarms for what, body in alarm.resources.items()}
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {"AlarmTopicArn": {"Type": "String", "Description": "SNS topic that is told"}},
        "Resources": resources,
    }
    hcl = to_hcl(alarm_resources(resources))
    return [alarm.advice for _, alarm in alarms], Snippet("yaml", to_yaml(template)), Snippet("hcl", hcl)


def _named(functions: list[FunctionMeasurements]) -> list[FunctionMeasurements]:
    return [function for function in functions if deployable(function.name)][:MOST_FUNCTIONS]


def _alarms(function: FunctionMeasurements) -> Iterator[_Alarm]:
    for alarm in function.alarms:
        match alarm.signal:
            case "duration.p95" | "duration.max":
                yield _duration(function.name, alarm)
            case "errors.rate" | "errors.sum":
                yield _errors(function.name, alarm)
            case "memory.max":
                yield _memory(function.name, alarm)


def _duration(function: str, alarm: Alarm) -> _Alarm:
    percentile = alarm.signal == "duration.p95"
    statistic = {"ExtendedStatistic": "p95"} if percentile else {"Statistic": "Maximum"}
    threshold, basis = figures.threshold(alarm.threshold), figures.write(alarm.basis or 0.0, "ms")
    condition = f"{'95th percentile of Duration' if percentile else 'longest Duration'} above {threshold}"
    match alarm.choice:
        case "between":
            why = f"between {basis}, the most that is usual, and what the slow episode reached"
        case "limit":
            why = f"a tenth below the timeout of {figures.threshold(alarm.basis or 0.0)}, which no call outlasts"
        case _:
            why = f"a fifth above {basis}, the most that is usual"
    why += "" if percentile else "; a percentile of so few calls in five minutes says little"
    return _alarm(function, "Duration", "warning", condition, why, _metric(function, "Duration") | statistic, alarm)


def _errors(function: str, alarm: Alarm) -> _Alarm:
    always = f"it fails all the time: 95 of 100 periods of five minutes hold no more than {_errors_of(alarm)}"
    if alarm.signal == "errors.sum":
        condition = "any error" if alarm.choice == "any" else f"more than {_errors_of(alarm)} in five minutes"
        why = "with so few calls in five minutes a share of them says little" if alarm.choice == "any" else always
        metric = _metric(function, "Errors") | {"Statistic": "Sum"}
        return _alarm(function, "Errors", "critical", condition, why, metric, alarm)
    queries = {
        "Metrics": [
            {"Id": "rate", "Expression": "100 * errors / invocations", "Label": "errors in %"},
            *(_query(function, one) for one in ("Errors", "Invocations")),
        ]
    }
    why = always if alarm.choice == "usual" else "AWS's own recommendation for an alarm"
    percent = replace(alarm, threshold=round(100 * alarm.threshold, 2))
    return _alarm(function, "Errors", "critical", f"more than {_errors_of(alarm)}", why, queries, percent)


def _errors_of(alarm: Alarm) -> str:
    share = alarm.signal == "errors.rate"
    return f"{100 * alarm.threshold:.4g} % errors" if share else f"{alarm.threshold:,.0f} errors"


def _query(function: str, metric: str) -> dict[str, Any]:
    stat = {"Metric": _metric(function, metric), "Period": PERIOD, "Stat": "Sum"}
    return {"Id": metric.lower(), "MetricStat": stat, "ReturnData": False}


def _memory(function: str, alarm: Alarm) -> _Alarm:
    name, metric = function, f"MaxMemoryUsed-{function}"
    made = _alarm(
        name, "Memory", "warning", f"Max Memory Used above {alarm.threshold:.0f} MB",
        f"90 % of the configured {figures.write(alarm.basis or 0.0, 'MB')}; AWS/Lambda has no metric for it, so two metric filters "
        "make one",
        {"Namespace": NAMESPACE, "MetricName": metric, "Statistic": "Maximum"}, alarm,
    )  # fmt: skip
    filters = {
        f"MemoryIn{log_format}Logs": {
            "Type": "AWS::Logs::MetricFilter",
            "Properties": {
                "LogGroupName": f"/aws/lambda/{name}",
                "FilterPattern": pattern,
                "MetricTransformations": [
                    {"MetricNamespace": NAMESPACE, "MetricName": metric, "MetricValue": value, "Unit": "Megabytes"}
                ],
            },
        }
        for log_format, pattern, value in (
            ("Text", TEXT_REPORT, "$used"),
            ("Json", JSON_REPORT, "$.record.metrics.maxMemoryUsedMB"),
        )
    }
    return _Alarm(made.advice, filters | made.resources)


def _throttles() -> _Alarm:
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Throttles", "Statistic": "Sum"}
    return _alarm(
        None, "Throttles", "warning", "any throttled call in the account", "throttled calls are in no function's log",
        metric, ANY_THROTTLE,
    )  # fmt: skip


def _alarm(
    function: str | None, what: str, level: Severity, condition: str, why: str, metric: dict[str, Any], alarm: Alarm
) -> _Alarm:
    name = f"{function or 'lambda'}-{what.lower()}"
    properties: dict[str, Any] = {"AlarmName": name, "AlarmDescription": f"{condition}: {why}"} | metric
    if "Metrics" not in metric:
        properties["Period"] = alarm.period_s
    if "ExtendedStatistic" in metric:
        properties["EvaluateLowSampleCountPercentile"] = "ignore"
    properties |= {
        "Threshold": int(alarm.threshold) if alarm.threshold == int(alarm.threshold) else alarm.threshold,
        "ComparisonOperator": "GreaterThanThreshold",
        "DatapointsToAlarm": alarm.needed,
        "EvaluationPeriods": alarm.periods,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": "AlarmTopicArn"}],
    }
    resource = {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}
    evidence = alarm.trial.evidence if alarm.trial else None
    fired = [one.begin * 1_000_000 for one in alarm.trial.shown] if alarm.trial else []
    advice = AlarmAdvice(function or "all functions", name, condition, level, why, tried(alarm), evidence, fired)
    return _Alarm(advice, {f"{what}Alarm": resource})


def _span(seconds: int) -> str:
    return figures.span(seconds * 1e6)


def tried(alarm: Alarm) -> str:
    """What the alarm would have done on these logs."""
    trial = alarm.trial
    if trial is None:
        return "these logs do not show it"
    watched = _span(trial.watched_s)
    if not trial.firings:
        missed = ", not even in the slow episode" if alarm.episode_begin is not None else ""
        return f"would not have gone off in {watched}{missed}"
    first = trial.shown[0]
    when = f"{figures.write(first.begin, 'time')} for {_span(first.seconds)}"
    if alarm.episode_begin is None:
        times = {1: "once, at", 2: "twice, first at"}.get(trial.firings, f"{trial.firings:,} times, first at")
        return f"would have gone off {times} {when}; on for {_span(trial.on_s)} of {watched}"
    if trial.outside == trial.firings:
        return f"would have missed the slow episode, and gone off {trial.firings:,} times outside it"
    false = {0: "no false alarm", 1: "1 false alarm"}.get(trial.outside, f"{trial.outside:,} false alarms")
    return f"would have gone off at {when}; {false} in the rest of {watched}"


def _metric(function: str, name: str) -> dict[str, Any]:
    return {
        "Namespace": "AWS/Lambda",
        "MetricName": name,
        "Dimensions": [{"Name": "FunctionName", "Value": function}],
    }


def dashboard_for(functions: list[FunctionMeasurements], headline: Measured) -> Snippet | None:
    """The body of a CloudWatch dashboard: durations with the threshold, failures, concurrency, memory and cold starts."""
    named = _named(functions)
    if not named:
        return None
    region = next((function.region for function in named if function.region), DEFAULT_REGION)
    limit = figures.milliseconds((headline.threshold or "").partition(">")[2]) if headline.threshold else None
    names = [function.name for function in named]
    groups = " | ".join(f"SOURCE '/aws/lambda/{name}'" for name in names)
    durations = [
        ["AWS/Lambda", "Duration", "FunctionName", name, {"stat": stat}] for name in names for stat in ("p50", "p95")
    ]
    failures = [["AWS/Lambda", metric, "FunctionName", name] for metric in ("Errors", "Throttles") for name in names]
    concurrency = [["AWS/Lambda", "ConcurrentExecutions", "FunctionName", name, {"stat": "Maximum"}] for name in names]
    widgets = [
        _widget(0, 0, "Duration, p50 and p95", region, durations, annotation=limit),
        _widget(12, 0, "Errors and throttles", region, failures, stat="Sum"),
        _widget(0, 6, "Concurrent executions", region, concurrency),
        {
            "type": "log",
            "x": 12,
            "y": 6,
            "width": 12,
            "height": 6,
            "properties": {
                "title": "Memory used in % of its size, and cold starts in %",
                "region": region,
                "view": "timeSeries",
                "query": f'{groups} | filter @type = "REPORT" | stats max(100 * @maxMemoryUsed / @memorySize) as memory, '
                "100 * count(@initDuration) / count(*) as cold by bin(5m)",
            },
        },
    ]
    return Snippet("json", to_json({"widgets": widgets}))


def _widget(
    x: int,
    y: int,
    title: str,
    region: str,
    metrics: list[list[Any]],
    *,
    stat: str = "Average",
    annotation: float | None = None,
) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "title": title,
        "region": region,
        "view": "timeSeries",
        "period": PERIOD,
        "stat": stat,
        "metrics": metrics,
    }
    if annotation is not None:
        properties["annotations"] = {"horizontal": [{"label": figures.threshold(annotation), "value": annotation}]}
    return {"type": "metric", "x": x, "y": y, "width": 12, "height": 6, "properties": properties}


class _Plain(yaml.SafeDumper):
    """Lists indented under their key, as people write them; no anchors for what occurs twice."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def to_yaml(content: object) -> str:
    return yaml.dump(content, Dumper=_Plain, sort_keys=False, width=1_000, allow_unicode=True).rstrip("\n")


def to_json(content: object, margin: str = "") -> str:
    """JSON that breaks lines only where a line would be too long, so that a metric stands on one."""
    flat = json.dumps(content, ensure_ascii=False)
    if len(margin) + len(flat) <= WIDTH or not isinstance(content, (dict, list)):
        return flat
    deeper = margin + "  "
    if isinstance(content, list):
        lines = [deeper + to_json(item, deeper) for item in content]
        return "[\n" + ",\n".join(lines) + f"\n{margin}]"
    lines = [f"{deeper}{json.dumps(key)}: {to_json(value, deeper)}" for key, value in content.items()]
    return "{\n" + ",\n".join(lines) + f"\n{margin}}}"
