"""Configuration to paste: SAM fragments for actions, CloudFormation alarms, a CloudWatch dashboard, the way back.

A name from a log is put into configuration only if AWS could have given it to a function; any other is left out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml
from msgspec import Struct

from analyzer import figures
from analyzer.model import FunctionMeasurements, Measured, Severity
from analyzer.report.document import Advice, AlarmAdvice, Snippet

FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
DEFAULT_REGION = "us-east-1"
# More functions than this make a template that nobody reads; report.json and a loop are the better tools then.
MOST_FUNCTIONS = 10
WIDTH = 120
# The five minutes that alarms look at.
PERIOD = 300
# CloudWatch takes a percentile for unreliable below 10 / (1 - p) samples a period: 200 for p95.
RELIABLE_P95 = 200
# AWS's own recipe for an alarm on the memory that REPORT lines state.
FULL = 0.90
# Environments emptier than this need no alarm that they are full.
WORTH_WATCHING = 0.60
ERROR_PERCENT = 5
# Some way above the longest call seen, as the next one may be a little longer without anything being wrong.
ABOVE_LONGEST = 1.2
NAMESPACE = "LambdaReports"
# The words of a REPORT line in text logs, and the same number in JSON logs.
TEXT_REPORT = (
    '[report="REPORT", l1="RequestId:", id, l2="Duration:", duration, u1="ms", l3="Billed", l4="Duration:", billed, u2="ms", '
    'l5="Memory", l6="Size:", size, u3="MB", l7="Max", l8="Memory", l9="Used:", used, u4="MB", ...]'
)
JSON_REPORT = '{ $.type = "platform.report" }'


def deployable(name: str) -> bool:
    """Whether AWS could have given a function this name."""
    return FUNCTION_NAME.fullmatch(name) is not None


def logical_id(name: str) -> str:
    """A CloudFormation id made of a function's name: letters and digits only."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[-_]", name) if part) or "Unnamed"


def fragment(advice: Iterable[Advice]) -> Snippet | None:
    """The settings of one action for all its functions, as properties of their resources in a SAM template."""
    resources = {
        f"{logical_id(one.function)}Function": {
            "Type": "AWS::Serverless::Function",
            "Properties": {"FunctionName": one.function} | one.action.settings,
        }
        for one in advice
        if one.action.settings and _known(one.action.settings) and deployable(one.function)
    }
    return Snippet("yaml", to_yaml({"Resources": resources})) if resources else None


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
    advice: AlarmAdvice
    resources: dict[str, Any]


def alarms_for(functions: list[FunctionMeasurements]) -> tuple[list[AlarmAdvice], Snippet | None]:
    """Alarms with thresholds from the period of the report, and a CloudFormation template that makes them."""
    alarms = [alarm for function in _named(functions) for alarm in _alarms(function)]
    if not alarms:
        return [], None
    alarms.append(_throttles())
    resources: dict[str, Any] = {}
    for alarm in alarms:
        resources |= alarm.resources
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {"AlarmTopicArn": {"Type": "String", "Description": "SNS topic that is told"}},
        "Resources": resources,
    }
    return [alarm.advice for alarm in alarms], Snippet("yaml", to_yaml(template))


def _named(functions: list[FunctionMeasurements]) -> list[FunctionMeasurements]:
    return [function for function in functions if deployable(function.name)][:MOST_FUNCTIONS]


def _alarms(function: FunctionMeasurements) -> Iterator[_Alarm]:
    if "duration.max" in function.metrics:
        yield _duration(function)
    yield _errors(function)
    ratio = function.metrics.get("memory.peak_ratio.max")
    if ratio is not None and ratio.value is not None and ratio.value >= WORTH_WATCHING:
        yield _memory(function)


def _per_period(function: FunctionMeasurements) -> float:
    """Invocations in five minutes, on average over those minutes in which there were any."""
    bins = function.metrics.get("invocations.per_five_minutes")
    return bins.value if bins is not None and bins.value is not None else 0.0


def _duration(function: FunctionMeasurements) -> _Alarm:
    p95, longest = function.metrics["duration.p95"], function.metrics["duration.max"].value or 0.0
    busy = _per_period(function) >= RELIABLE_P95
    if busy and p95.high is not None:
        threshold, statistic = _round_up(p95.high), {"ExtendedStatistic": "p95"}
        condition = f"95th percentile of Duration above {figures.write(threshold, 'ms')}"
        why = f"the upper limit of p95 in this period is {figures.write(p95.high, 'ms')}"
    else:
        threshold, statistic = _round_up(longest * ABOVE_LONGEST), {"Statistic": "Maximum"}
        condition = f"longest Duration above {figures.write(threshold, 'ms')}"
        why = f"a fifth above the longest of this period, {figures.write(longest, 'ms')}"
        why += "" if busy else "; a percentile of so few calls in five minutes says nothing"
    metric, datapoints = _metric(function.name, "Duration") | statistic, (2, 3) if busy else (1, 1)
    return _alarm(function.name, "Duration", "warning", condition, why, metric, threshold, datapoints=datapoints)


def _errors(function: FunctionMeasurements) -> _Alarm:
    name = function.name
    if _per_period(function) < RELIABLE_P95:
        return _alarm(
            name, "Errors", "critical", "any error", "with so few calls in five minutes a single one is a rate",
            _metric(name, "Errors") | {"Statistic": "Sum"}, 1, least=True, datapoints=(1, 1),
        )  # fmt: skip
    queries = {
        "Metrics": [
            {"Id": "rate", "Expression": "100 * errors / invocations", "Label": "errors in %"},
            *(_query(name, one) for one in ("Errors", "Invocations")),
        ]
    }
    return _alarm(
        name, "Errors", "critical", f"more than {ERROR_PERCENT} % errors", "5 % is AWS's own recommendation for an alarm",
        queries, ERROR_PERCENT,
    )  # fmt: skip


def _query(function: str, metric: str) -> dict[str, Any]:
    stat = {"Metric": _metric(function, metric), "Period": PERIOD, "Stat": "Sum"}
    return {"Id": metric.lower(), "MetricStat": stat, "ReturnData": False}


def _memory(function: FunctionMeasurements) -> _Alarm:
    size = function.metrics["memory.size"].value or 0.0
    threshold = math.floor(FULL * size)
    name, metric = function.name, f"MaxMemoryUsed-{function.name}"
    alarm = _alarm(
        name, "Memory", "warning", f"Max Memory Used above {threshold} MB",
        f"90 % of the configured {figures.write(size, 'MB')}; AWS/Lambda has no metric for it, so two metric filters make one",
        {"Namespace": NAMESPACE, "MetricName": metric, "Statistic": "Maximum"}, threshold, datapoints=(1, 1),
    )  # fmt: skip
    filters = {
        f"{logical_id(name)}MemoryIn{log_format}Logs": {
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
    return _Alarm(alarm.advice, filters | alarm.resources)


def _throttles() -> _Alarm:
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Throttles", "Statistic": "Sum"}
    return _alarm(
        None, "Throttles", "warning", "any throttled call in the account", "throttled calls are in no function's log",
        metric, 1, least=True, datapoints=(1, 1),
    )  # fmt: skip


def _alarm(
    function: str | None,
    what: str,
    level: Severity,
    condition: str,
    why: str,
    metric: dict[str, Any],
    threshold: float,
    *,
    least: bool = False,
    datapoints: tuple[int, int] = (2, 3),
) -> _Alarm:
    needed, looked_at = datapoints
    name = f"{function or 'lambda'}-{what.lower()}"
    properties: dict[str, Any] = {"AlarmName": name, "AlarmDescription": f"{condition}: {why}"} | metric
    if "Metrics" not in metric:
        properties["Period"] = PERIOD
    if "ExtendedStatistic" in metric:
        properties["EvaluateLowSampleCountPercentile"] = "ignore"
    properties |= {
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold" if least else "GreaterThanThreshold",
        "DatapointsToAlarm": needed,
        "EvaluationPeriods": looked_at,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": "AlarmTopicArn"}],
    }
    resource = {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}
    advice = AlarmAdvice(function or "all functions", name, condition, level, why)
    return _Alarm(advice, {f"{logical_id(function or 'All')}{what}Alarm": resource})


def _metric(function: str, name: str) -> dict[str, Any]:
    return {
        "Namespace": "AWS/Lambda",
        "MetricName": name,
        "Dimensions": [{"Name": "FunctionName", "Value": function}],
    }


def _round_up(milliseconds: float) -> int:
    """Two digits that a person would choose: 296.8 s becomes 300 s."""
    if milliseconds <= 0:
        return 1
    step: int = 10 ** max(0, math.floor(math.log10(milliseconds)) - 1)
    return math.ceil(milliseconds / step) * step


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
        properties["annotations"] = {"horizontal": [{"label": figures.write(annotation, "ms"), "value": annotation}]}
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
