"""The same configuration as Terraform: settings of functions as resources of the AWS provider, alarms out of their template.

Text stands in HCL as text: `${` and `%{` begin nothing. What has no counterpart here is left out, not guessed.
https://registry.terraform.io/providers/hashicorp/aws/latest/docs
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import Struct

Body = dict[str, Any]


class Reference(str):
    """An expression that stands in HCL as it is, such as aws_lambda_function.checkout.arn."""

    __slots__ = ()


class Block(Struct, frozen=True):
    """A block inside another, such as `metric { ... }`."""

    body: Body


class Resource(Struct, frozen=True):
    """A resource or a variable: `kind` and `labels` as they stand in its first line."""

    kind: str
    labels: tuple[str, ...]
    body: Body


# ── HCL ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def to_hcl(resources: Iterable[Resource]) -> str:
    """As `terraform fmt` would write it."""
    return "\n\n".join(
        "\n".join([f"{one.kind} {' '.join(map(_text, one.labels))} {{", *_lines(one.body, "  "), "}"])
        for one in resources
    )


def _lines(body: Body, margin: str) -> Iterator[str]:
    """Attributes first, with their equals signs below each other, then blocks."""
    attributes = {name: value for name, value in body.items() if not _blocks(value)}
    width = max(map(len, attributes), default=0)
    for name, value in attributes.items():
        yield f"{margin}{name:{width}} = {_value(value)}"
    for name, value in body.items():
        for number, block in enumerate(_blocks(value)):
            if attributes or number or name != next(iter(body)):
                yield ""
            yield f"{margin}{name} {{"
            yield from _lines(block.body, margin + "  ")
            yield f"{margin}}}"


def _blocks(value: object) -> list[Block]:
    if isinstance(value, Block):
        return [value]
    return value if isinstance(value, list) and value and isinstance(value[0], Block) else []


def _value(value: object) -> str:
    match value:
        case Reference():
            return str(value)
        case bool():
            return str(value).lower()
        case int() | float():
            return json.dumps(value)
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return "{ " + ", ".join(f"{name} = {_value(one)}" for name, one in value.items()) + " }"
    raise TypeError(f"HCL has no {type(value).__name__}")


def _text(text: str) -> str:
    """A quoted string that means exactly `text`. An escaped dollar begins no template, whatever stands around it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f]|[$%](?=\{)", lambda match: f"\\u{ord(match[0]):04x}", escaped) + '"'


def label(name: str) -> str:
    """A function's name as the name of a resource, which begins with a letter or an underscore."""
    return name if name[:1].isalpha() else f"_{name}"


# ── settings of functions ────────────────────────────────────────────────────────────────────────────────────────────


def function_resources(function: str, settings: dict[str, Any]) -> list[Resource] | None:
    """What `settings`, named as in SAM, are in Terraform; None where one of them is not known here."""
    # The alarms and hooks of a deployment name resources of a template.
    if not settings.keys() <= SETTINGS.keys() or not settings.get("DeploymentPreference", {}).keys() <= {"Type"}:
        return None
    own: Body = {"function_name": function}
    others: list[Resource] = []
    for setting, value in settings.items():
        changes, more = SETTINGS[setting](function, value)
        own |= changes
        others += more
    return [Resource("resource", ("aws_lambda_function", label(function)), own), *others]


Setting = Callable[[str, Any], tuple[Body, list[Resource]]]


def _attribute(attribute: str) -> Setting:
    return lambda _, value: ({attribute: value}, [])


def _alias(function: str, alias: str) -> tuple[Body, list[Resource]]:
    name = label(function)
    body: Body = {"name": alias} | {
        "function_name": Reference(f"aws_lambda_function.{name}.function_name"),
        "function_version": Reference(f"aws_lambda_function.{name}.version"),
    }
    return {"publish": True}, [Resource("resource", ("aws_lambda_alias", name), body)]


def _provisioned(function: str, value: dict[str, Any]) -> tuple[Body, list[Resource]]:
    name = label(function)
    body = {
        "function_name": Reference(f"aws_lambda_alias.{name}.function_name"),
        "qualifier": Reference(f"aws_lambda_alias.{name}.name"),
        "provisioned_concurrent_executions": value["ProvisionedConcurrentExecutions"],
    }
    return {}, [Resource("resource", ("aws_lambda_provisioned_concurrency_config", name), body)]


def _invoke(function: str, value: dict[str, Any]) -> tuple[Body, list[Resource]]:
    name = label(function)
    body: Body = {"function_name": Reference(f"aws_lambda_function.{name}.function_name")}
    more: list[Resource] = []
    for setting, attribute in (
        ("MaximumRetryAttempts", "maximum_retry_attempts"),
        ("MaximumEventAgeInSeconds", "maximum_event_age_in_seconds"),
    ):
        if setting in value:
            body[attribute] = value[setting]
    if "DestinationConfig" in value:
        queue = f"{name}-failed"
        arn = Reference(f"aws_sqs_queue.{queue}.arn")
        allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
        permission: Body = {
            "name": queue,
            "role": _role_name(f"aws_lambda_function.{name}"),
            "policy": Reference(f"jsonencode({_value({'Version': '2012-10-17', 'Statement': [allowed]})})"),
        }
        more = [
            Resource("resource", ("aws_sqs_queue", queue), {"name": queue}),
            Resource("resource", ("aws_iam_role_policy", queue), permission),
        ]
        body["depends_on"] = [Reference(f"aws_iam_role_policy.{queue}")]
        body["destination_config"] = Block({"on_failure": Block({"destination": arn})})
    return {}, [Resource("resource", ("aws_lambda_function_event_invoke_config", name), body), *more]


def _role_name(function: str) -> Reference:
    """The name of the role that `function` runs as. SAM gives the role what a setting needs; here it has to be written,
    because Lambda refuses a queue or tracing that the role has no permission for.
    """
    return Reference(f'regex("[^/]+$", {function}.role)')


def _deployment(function: str, value: dict[str, Any]) -> tuple[Body, list[Resource]]:
    """CodeDeploy moves the alias from version to version; the role that it needs is yours to give."""
    name = label(function)
    group: Body = {
        "app_name": Reference(f"aws_codedeploy_app.{name}.name"),
        "deployment_group_name": name,
        "deployment_config_name": f"CodeDeployDefault.Lambda{value['Type']}",
        "service_role_arn": Reference("var.codedeploy_role_arn"),
        "deployment_style": Block({"deployment_option": "WITH_TRAFFIC_CONTROL", "deployment_type": "BLUE_GREEN"}),
    }
    return {}, [
        Resource("resource", ("aws_codedeploy_app", name), {"name": name, "compute_platform": "Lambda"}),
        Resource("resource", ("aws_codedeploy_deployment_group", name), group),
    ]


def _ephemeral(_: str, value: dict[str, Any]) -> tuple[Body, list[Resource]]:
    return {"ephemeral_storage": Block({"size": value["Size"]})}, []


def _snapstart(_: str, value: dict[str, Any]) -> tuple[Body, list[Resource]]:
    """It takes effect on published versions alone."""
    return {"publish": True, "snap_start": Block({"apply_on": value["ApplyOn"]})}, []


def _tracing(function: str, mode: str) -> tuple[Body, list[Resource]]:
    """The role is read from the function as it is: what the function waits for cannot wait for the function."""
    own: Body = {"tracing_config": Block({"mode": mode})}
    if mode != "Active":
        return own, []
    name = label(function)
    attachment: Body = {
        "role": _role_name(f"data.aws_lambda_function.{name}"),
        "policy_arn": "arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
    }
    policy = ("aws_iam_role_policy_attachment", f"{name}-tracing")
    return own | {"depends_on": [Reference(".".join(policy))]}, [
        Resource("resource", policy, attachment),
        Resource("data", ("aws_lambda_function", name), {"function_name": function}),
    ]


def _logging(_: str, value: dict[str, Any]) -> tuple[Body, list[Resource]]:
    names = (
        ("LogFormat", "log_format"),
        ("ApplicationLogLevel", "application_log_level"),
        ("SystemLogLevel", "system_log_level"),
        ("LogGroup", "log_group"),
    )
    return {"logging_config": Block({attribute: value[name] for name, attribute in names if name in value})}, []


SETTINGS: dict[str, Setting] = {
    "EphemeralStorage": _ephemeral,
    "SnapStart": _snapstart,
    "Tracing": _tracing,
    "LoggingConfig": _logging,
    "MemorySize": _attribute("memory_size"),
    "Timeout": _attribute("timeout"),
    "ReservedConcurrentExecutions": _attribute("reserved_concurrent_executions"),
    "AutoPublishAlias": _alias,
    "ProvisionedConcurrencyConfig": _provisioned,
    "EventInvokeConfig": _invoke,
    "DeploymentPreference": _deployment,
}
ROLE = Resource(
    "variable",
    ("codedeploy_role_arn",),
    {"type": Reference("string"), "description": "role with AWSCodeDeployRoleForLambda"},
)


def with_variables(resources: list[Resource]) -> list[Resource]:
    """`resources` behind the variables that they name."""
    return (
        [ROLE, *resources]
        if any(one.labels[0] == "aws_codedeploy_deployment_group" for one in resources)
        else resources
    )


# ── alarms ───────────────────────────────────────────────────────────────────────────────────────────────────────────

TOPIC = Resource(
    "variable", ("alarm_topic_arn",), {"type": Reference("string"), "description": "SNS topic that is told"}
)
ALARM = {
    "AlarmName": "alarm_name",
    "AlarmDescription": "alarm_description",
    "Namespace": "namespace",
    "MetricName": "metric_name",
    "Statistic": "statistic",
    "ExtendedStatistic": "extended_statistic",
    "EvaluateLowSampleCountPercentile": "evaluate_low_sample_count_percentiles",
    "Period": "period",
    "Threshold": "threshold",
    "ComparisonOperator": "comparison_operator",
    "DatapointsToAlarm": "datapoints_to_alarm",
    "EvaluationPeriods": "evaluation_periods",
    "TreatMissingData": "treat_missing_data",
}


def alarm_resources(template: dict[str, Any]) -> list[Resource]:
    """The resources of a CloudFormation template of alarms and metric filters."""
    made = {"AWS::CloudWatch::Alarm": _alarm, "AWS::Logs::MetricFilter": _filter}
    return [TOPIC, *(made[one["Type"]](name, one["Properties"]) for name, one in template.items())]


def _alarm(name: str, properties: dict[str, Any]) -> Resource:
    body: Body = {attribute: properties[key] for key, attribute in ALARM.items() if key in properties}
    if "Dimensions" in properties:
        body["dimensions"] = _dimensions(properties)
    body["alarm_actions"] = [Reference("var.alarm_topic_arn")]
    if "Metrics" in properties:
        body["metric_query"] = [Block(_query(one)) for one in properties["Metrics"]]
    return Resource("resource", ("aws_cloudwatch_metric_alarm", name), body)


def _query(query: dict[str, Any]) -> Body:
    if "Expression" in query:
        return {"id": query["Id"], "expression": query["Expression"], "label": query["Label"], "return_data": True}
    stat = query["MetricStat"]
    metric = {
        "namespace": stat["Metric"]["Namespace"],
        "metric_name": stat["Metric"]["MetricName"],
        "period": stat["Period"],
        "stat": stat["Stat"],
        "dimensions": _dimensions(stat["Metric"]),
    }
    return {"id": query["Id"], "metric": Block(metric)}


def _dimensions(metric: dict[str, Any]) -> Body:
    return {one["Name"]: one["Value"] for one in metric["Dimensions"]}


def _filter(name: str, properties: dict[str, Any]) -> Resource:
    (made,) = properties["MetricTransformations"]
    body = {
        "name": name,
        "log_group_name": properties["LogGroupName"],
        "pattern": properties["FilterPattern"],
        "metric_transformation": Block(
            {
                "namespace": made["MetricNamespace"],
                "name": made["MetricName"],
                "value": made["MetricValue"],
                "unit": made["Unit"],
            }
        ),
    }
    return Resource("resource", ("aws_cloudwatch_log_metric_filter", name), body)
