"""What Terraform is given is HCL, names what AWS's provider has, and means what the SAM form means."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml
from cfnlint.api import lint
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.diagnose import load_rules
from analyzer.diagnose.rule import SETTINGS
from analyzer.model import Action, Alarm, AlarmTrial, Firing
from analyzer.report import advice as snippets
from analyzer.report.advice import fragment, terraform_fragment
from analyzer.report.document import Advice
from analyzer.report.terraform import Resource, alarm_resources, to_hcl
from tests.conftest import Run
from tests.logs import OTHER_ID, export, invocation, write_export

ROOT = Path(__file__).parent.parent.parent
PROVIDER = json.loads((Path(__file__).parent / "terraform_aws.json").read_text())
# A function's resource in a snippet is to be merged into one that is there.
FRAGMENT = "aws_lambda_function"
# What a rule's placeholders may stand for.
MEASURED = {"memory.next_size": 1024, "timeout.recommended": 45}
Hcl = dict[str, Any]


def unquoted(text: str) -> str:
    return text.removeprefix('"').removesuffix('"')


# What every resource may have, whatever the provider says.
META = {"depends_on"}


def resources(text: str, block: str = "resource") -> list[tuple[str, str, Hcl]]:
    """Type, name and body of every resource, or of every `data`; names are without their quotes."""
    parsed = hcl2.loads(text + "\n")
    return [
        (unquoted(kind), unquoted(name), body)
        for one in parsed.get(block, [])
        for kind, named in one.items()
        for name, body in named.items()
    ]


def problems(text: str) -> list[str]:
    """What `terraform validate` would say of names and of the types of values."""
    found = []
    made = resources(text)
    known = {f"{kind}.{name}" for kind, name, _ in made}
    known |= {f"data.{kind}.{name}" for kind, name, _ in resources(text, "data")}
    variables = {f"var.{unquoted(name)}" for one in hcl2.loads(text + "\n").get("variable", []) for name in one}
    for kind, name, body in made:
        required = kind != FRAGMENT
        found += [f"{kind}.{name}: {one}" for one in _problems(body, PROVIDER[kind], required=required)]
    for reference in re.findall(
        r"(?<![\"\w$.])((?:(?:data\.)?aws_\w+|var)\.[\w-]+)", re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    ):
        if reference not in known | variables:
            found.append(f"{reference} is not declared")
    return found


def _problems(body: Hcl, schema: Hcl, *, required: bool) -> list[str]:
    names = {name for name in body if not name.startswith("__")} - META
    allowed = {*schema["required"], *schema["optional"]}
    found = [f"no argument {name}" for name in sorted(names - allowed)]
    found += [f"{name} is missing" for name in schema["required"] if required and name not in names]
    types = schema["required"] | schema["optional"]
    found += [f"{name} is no {types[name]}" for name in sorted(names & allowed) if not _fits(body[name], types[name])]
    for name, inner in schema.get("blocks", {}).items():
        for block in body.get(name, []):
            found += [f"{name}: {one}" for one in _problems(block, inner, required=True)]
    return found


def _fits(value: Any, kind: str) -> bool:
    """Whether Terraform takes `value` for such an argument; what an expression is, only a plan knows."""
    if isinstance(value, str) and not value.startswith('"'):
        return True
    match kind:
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "map":
            return isinstance(value, dict)
    return isinstance(value, list)


def filled(value: Any) -> Any:
    """A setting of a rule with a number in the place of what is measured."""
    if isinstance(value, dict):
        return {name: filled(one) for name, one in value.items()}
    return MEASURED[value.strip("{}")] if isinstance(value, str) and value.startswith("{") else value


ADVICE = [
    pytest.param(
        Advice("check-out_2", Action(title=action.title, effort="low", why="", settings=filled(action.settings))),
        id=f"{rule.id}: {action.title}",
    )
    for rule in load_rules(ROOT / "rules")
    for action in rule.actions
    if action.settings
]


# Every property that a rule of one's own may set besides.
EVERY = {
    "EphemeralStorage": {"Size": 1024},
    "SnapStart": {"ApplyOn": "PublishedVersions"},
    "Tracing": "Active",
    "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"},
    "ReservedConcurrentExecutions": 20,
    "EventInvokeConfig": {"MaximumEventAgeInSeconds": 3600},
}


def test_every_setting_that_a_rule_may_change_has_its_terraform() -> None:
    used = {name for one in ADVICE for name in one.values[0].action.settings}  # type: ignore[attr-defined]
    assert used | EVERY.keys() == set(SETTINGS)
    snippet = terraform_fragment([Advice("checkout", Action(title="all", effort="low", why="", settings=EVERY))])
    assert snippet is not None
    assert problems(snippet.text) == []


@pytest.mark.parametrize("advice", ADVICE)
def test_what_a_rule_changes_is_known_to_the_provider(advice: Advice) -> None:
    snippet = terraform_fragment([advice])
    assert snippet is not None
    assert problems(snippet.text) == []
    assert f'function_name = "{advice.function}"' in re.sub(" +", " ", snippet.text)


@pytest.mark.parametrize("advice", ADVICE)
def test_what_a_rule_changes_passes_cfn_lint(advice: Advice) -> None:
    snippet = fragment([advice])
    assert snippet is not None
    (resource,) = yaml.safe_load(snippet.text)["Resources"].values()
    resource["Properties"] |= {
        "Runtime": "python3.12",
        "Handler": "app.handler",
        "InlineCode": "def handler(event, context): pass",
    }
    template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Checkout": resource}}
    assert [str(match) for match in lint(json.dumps(template))] == []


def order(text: str) -> list[str]:
    """The resources as Terraform makes them, each behind what its attributes name; CycleError where two wait for each other."""
    made = {f"{kind}.{name}": body for kind, name, body in resources(text)}
    waits = {
        one: {other for other in made if re.search(rf"(?<![\w.-]){re.escape(other)}(?![\w-])", json.dumps(body))}
        for one, body in made.items()
    }
    return list(TopologicalSorter(waits).static_order())


def test_a_queue_for_failed_events_comes_with_the_permission_to_send_to_it() -> None:
    """Lambda calls the ARN of a queue invalid to which the function's role may not send."""
    destination = {"EventInvokeConfig": {"DestinationConfig": {"OnFailure": {"Type": "SQS"}}}}
    snippet = terraform_fragment([Advice("checkout", Action(title="", effort="low", why="", settings=destination))])
    assert snippet is not None
    body = next(body for kind, _, body in resources(snippet.text) if kind == "aws_iam_role_policy")
    assert re.search(r'"sqs:SendMessage",\s*Resource = aws_sqs_queue.checkout-failed.arn', snippet.text)
    assert "aws_lambda_function.checkout.role" in body["role"]
    assert order(snippet.text) == [
        "aws_lambda_function.checkout",
        "aws_sqs_queue.checkout-failed",
        "aws_iam_role_policy.checkout-failed",
        "aws_lambda_function_event_invoke_config.checkout",
    ]


def test_tracing_comes_with_the_permission_to_trace() -> None:
    """Lambda refuses tracing for a role that may not write it, so the function waits for the permission."""
    action = Action(title="", effort="low", why="", settings={"Tracing": "Active"})
    snippet = terraform_fragment([Advice("check-out_2", action)])
    assert snippet is not None
    assert order(snippet.text) == [
        "aws_iam_role_policy_attachment.check-out_2-tracing",
        "aws_lambda_function.check-out_2",
    ]
    ((_, _, data),) = resources(snippet.text, "data")
    assert unquoted(data["function_name"]) == "check-out_2"


def test_what_a_function_waits_for_does_not_wait_for_it() -> None:
    snippet = terraform_fragment([Advice("checkout", Action(title="all", effort="low", why="", settings=EVERY))])
    assert snippet is not None
    assert order(snippet.text)[-1] == "aws_lambda_function_event_invoke_config.checkout"


def test_a_deployment_that_names_alarms_of_a_template_has_no_terraform() -> None:
    settings = {"AutoPublishAlias": "live", "DeploymentPreference": {"Type": "AllAtOnce", "Alarms": [{"Ref": "Slow"}]}}
    assert (
        terraform_fragment([Advice("checkout", Action(title="all", effort="low", why="", settings=settings))]) is None
    )


def test_the_values_are_those_of_the_action() -> None:
    action = Action(title="more", effort="low", why="", settings={"MemorySize": 1024, "Timeout": 45})
    snippet = terraform_fragment([Advice("checkout", action)])
    assert snippet is not None
    ((kind, name, body),) = resources(snippet.text)
    assert (kind, name, body["memory_size"], body["timeout"]) == ("aws_lambda_function", "checkout", 1024, 45)


def test_a_setting_without_a_counterpart_leaves_terraform_out() -> None:
    action = Action(title="log", effort="low", why="", settings={"MemorySize": 1024, "Tags": {"team": "x"}})
    assert terraform_fragment([Advice("checkout", action)]) is None


def test_a_name_that_aws_cannot_have_given_gets_no_snippet() -> None:
    action = Action(title="more", effort="low", why="", settings={"MemorySize": 1024})
    assert terraform_fragment([Advice('x" { }\n', action)]) is None


def test_the_alarms_of_a_report_are_known_to_the_provider_and_those_of_cloudformation(run: Run, tmp_path: Path) -> None:
    assert run("analyze", ROOT / "sample_logs" / "lambda-autotuner-agent", "-o", tmp_path / "out").code == 0
    text = (tmp_path / "out" / "alarms.tf").read_text()
    assert problems(text) == []
    alarms = json.loads((tmp_path / "out" / "report.json").read_text())["alarms"]
    made = [unquoted(body["alarm_name"]) for kind, _, body in resources(text) if kind == "aws_cloudwatch_metric_alarm"]
    assert made == [one["name"] for one in alarms]


def test_functions_whose_names_differ_in_a_hyphen_have_alarms_of_their_own(run: Run, tmp_path: Path) -> None:
    """CloudFormation's ids hold letters and digits alone, so that all of these would be CheckOut."""
    names = ["check-out", "check_out", "checkOut", "check-out-2"]
    for number, name in enumerate(names):
        lines = invocation("working", request_id=f"{OTHER_ID[:-1]}{number}")
        write_export(tmp_path / "logs", export(*lines), function=name)
        assert run("ingest", tmp_path / "logs" / name, "--lake", tmp_path / "lake", "--function", name).code == 0
    assert run("report", "--lake", tmp_path / "lake", "-o", tmp_path / "out").code == 0
    alarms = [one["name"] for one in json.loads((tmp_path / "out" / "report.json").read_text())["alarms"]]
    assert {f"{name}-duration" for name in names} <= set(alarms)
    template = yaml.safe_load((tmp_path / "out" / "alarms.yaml").read_text())
    made = [one["Properties"]["AlarmName"] for one in template["Resources"].values() if one["Type"].endswith("::Alarm")]
    assert sorted(made) == sorted(alarms)
    assert [str(match) for match in lint(json.dumps(template))] == []
    assert problems((tmp_path / "out" / "alarms.tf").read_text()) == []
    advice = [Advice(name, Action(title="", effort="low", why="", settings={"MemorySize": 1024})) for name in names]
    snippet = fragment(advice)
    assert snippet is not None
    settings = yaml.safe_load(snippet.text)["Resources"].values()
    assert [one["Properties"]["FunctionName"] for one in settings] == names


@pytest.mark.skipif(shutil.which("terraform") is None, reason="needs Terraform itself")
def test_terraform_itself_would_not_write_it_otherwise(run: Run, tmp_path: Path) -> None:
    """`terraform fmt` parses what it is given; it needs no provider, which `terraform validate` would."""
    every = Advice("check-out_2", Action(title="all", effort="low", why="", settings=EVERY))
    snippets_of_rules = [terraform_fragment([one]) for one in [*(one.values[0] for one in ADVICE), every]]  # type: ignore[list-item]
    for number, snippet in enumerate(snippets_of_rules):
        assert snippet is not None
        (tmp_path / f"rule-{number}.tf").write_text(snippet.text + "\n")
    assert run("analyze", ROOT / "sample_logs" / "lambda-autotuner-agent", "-o", tmp_path / "alarms.tf").code == 0
    ran = subprocess.run(["terraform", "fmt", "-check", "-diff", tmp_path], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, "")


def test_an_alarm_on_a_rate_is_a_query_of_two_metrics() -> None:
    alarm = Alarm(
        signal="errors.rate", threshold=0.05, choice="recommended", basis=None, period_s=300, needed=2, periods=3,
        episode_begin=None, trial=AlarmTrial(86_400, 1, 1, 600, [Firing(1_772_323_200, 600)], "q1"),
    )  # fmt: skip
    made = snippets._errors("checkout", alarm)
    assert made.advice.tried == "would have gone off once, at 2026-03-01 00:00Z for 10 min; on for 10 min of 24 h"
    text = to_hcl(alarm_resources(made.resources))
    assert problems(text) == []
    ((_, _, body),) = resources(text)
    assert [unquoted(one["id"]) for one in body["metric_query"]] == ["rate", "errors", "invocations"]
    assert "period" not in body


def test_the_check_sees_what_is_wrong() -> None:
    """The checks above are worth something."""
    arguments = "name = 1\n  version = 3\n  function_name = aws_lambda_function.gone.arn"
    wrong = f'resource "aws_lambda_alias" "live" {{\n  {arguments}\n}}'
    assert problems(wrong) == [
        "aws_lambda_alias.live: no argument version",
        "aws_lambda_alias.live: function_version is missing",
        "aws_lambda_alias.live: name is no string",
        "aws_lambda_function.gone is not declared",
    ]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('$%{}"\\ \n\t\x1bab=#/*<~'), max_size=30))
def test_text_stays_text_in_hcl(text: str) -> None:
    """No template begins in it, and reading it back gives the same."""
    hcl = to_hcl([Resource("resource", ("aws_sqs_queue", "q"), {"name": text})])
    ((_, _, body),) = resources(hcl)
    assert not re.search(r"[$%]\{", body["name"])
    assert json.loads(body["name"]) == text
