"""Every snippet that a report prints can be deployed."""

from __future__ import annotations

import json
import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from cfnlint.api import lint
from markdown_it import MarkdownIt

from tests.conftest import Run
from tests.logs import export, invocation, report, write_export

ROOT = Path(__file__).parent.parent.parent
# CloudWatch's description of a dashboard body, as far as these widgets use it.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
PLACE = {
    "x": {"type": "integer", "minimum": 0, "maximum": 23},
    "y": {"type": "integer", "minimum": 0},
    "width": {"type": "integer", "minimum": 1, "maximum": 24},
    "height": {"type": "integer", "minimum": 1, "maximum": 1000},
}
METRIC = {
    "type": "array",
    "prefixItems": [{"type": "string"}, {"type": "string"}],
    "items": {
        "anyOf": [
            {"type": "string"},
            {"type": "object", "additionalProperties": False, "properties": {"stat": {"pattern": "^(Maximum|p[0-9]+)$"}}},
        ]
    },
    "minItems": 2,
}  # fmt: skip
REGION = {"type": "string", "pattern": "^[a-z]{2}(-[a-z]+)+-[0-9]$"}
ANNOTATION = {
    "type": "object",
    "required": ["value"],
    "additionalProperties": False,
    "properties": {"value": {"type": "number"}, "label": {"type": "string"}},
}
METRIC_WIDGET = {
    "type": "object",
    "required": ["type", "properties", *PLACE],
    "additionalProperties": False,
    "properties": PLACE
    | {
        "type": {"const": "metric"},
        "properties": {
            "type": "object",
            "required": ["metrics", "region"],
            "additionalProperties": False,
            "properties": {
                "metrics": {"type": "array", "items": METRIC, "minItems": 1, "maxItems": 500},
                "region": REGION,
                "stat": {"enum": ["Average", "Maximum", "Sum"]},
                "period": {"type": "integer", "multipleOf": 60},
                "title": {"type": "string"},
                "view": {"enum": ["timeSeries", "singleValue"]},
                "annotations": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"horizontal": {"type": "array", "items": ANNOTATION}},
                },
            },
        },
    },
}
LOG_WIDGET = {
    "type": "object",
    "required": ["type", "properties", *PLACE],
    "additionalProperties": False,
    "properties": PLACE
    | {
        "type": {"const": "log"},
        "properties": {
            "type": "object",
            "required": ["query", "region"],
            "additionalProperties": False,
            "properties": {
                "query": {"type": "string", "pattern": "^SOURCE '"},
                "region": REGION,
                "title": {"type": "string"},
                "view": {"enum": ["timeSeries", "table"]},
            },
        },
    },
}
DASHBOARD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["widgets"],
    "additionalProperties": False,
    "properties": {"widgets": {"type": "array", "maxItems": 500, "items": {"anyOf": [METRIC_WIDGET, LOG_WIDGET]}}},
}
# What a function's resource in a SAM template holds besides what a snippet changes.
FUNCTION = {"Runtime": "python3.12", "Handler": "app.handler", "InlineCode": "def handler(event, context): pass"}


def blocks(markdown: str) -> list[tuple[str, str]]:
    """Language and text of every fenced block."""
    return [(token.info, token.content) for token in MarkdownIt().parse(markdown) if token.type == "fence"]


def killed(number: int) -> str:
    """Calls near the memory limit: the third of four is killed."""
    name = f"57325a9d-2f10-4f0e-8f06-5a4e4de1f{number:03x}"
    if number % 4 != 3:
        return export(*invocation("working", request_id=name, duration=20_000.0 + number), begin=number % 60)
    last = report(name, 20_000.0, "\tStatus: error\tError Type: Runtime.OutOfMemory", "").replace(
        "Used: 539", "Used: 1024"
    )
    return export(f"START RequestId: {name} Version: $LATEST", f"END RequestId: {name}", last, begin=number % 60)


def timed_out(number: int) -> str:
    """Durations that reach up to a limit of thirty seconds, and some that were cut off there."""
    name = f"57325a9d-2f10-4f0e-8f06-5a4e4de1f{number:03x}"
    duration = 15_000.0 + 700.0 * number
    if duration < 30_000.0:
        return export(*invocation("working", request_id=name, duration=duration), begin=number)
    last = report(name, 30_000.0, "\tStatus: timeout", "")
    return export(f"START RequestId: {name} Version: $LATEST", f"END RequestId: {name}", last, begin=number)


def cold(number: int) -> str:
    """Every tenth call starts cold, with an initialisation that dwarfs the call."""
    name = f"57325a9d-2f10-4f0e-8f06-5a4e4de1f{number:03x}"
    *lines, last = invocation("working", request_id=name, duration=100.0 + number % 7)
    init = f"\tInit Duration: {4000 + number}.00 ms" if number % 10 == 0 else ""
    return export(*lines, last.rstrip("\t") + init + "\t", begin=number % 60)


@pytest.fixture(params=["sample", "out of memory", "timeouts", "cold starts"])
def markdown(request: pytest.FixtureRequest, run: Run, tmp_path: Path) -> str:
    """A report in which some of the rules have something to say."""
    logs = ROOT / "sample_logs" / "lambda-autotuner-agent"
    made = {"out of memory": (killed, 40), "timeouts": (timed_out, 50), "cold starts": (cold, 400)}
    if request.param in made:
        write, count = made[request.param]
        logs = tmp_path / "logs"
        for number in range(count):
            path = write_export(logs, write(number))
            path.rename(path.parent.with_name(f"2026-03-17-[$LATEST]{number:032x}.log"))
    assert (
        run("analyze", logs, "-o", tmp_path / "out", "--function", "checkout" if request.param in made else "x").code
        == 0
    )
    return (tmp_path / "out" / "report.md").read_text()


def problems(template: dict[str, Any]) -> list[str]:
    return [str(match) for match in lint(json.dumps(template))]


def test_every_template_passes_cfn_lint(markdown: str) -> None:
    templates = [yaml.safe_load(text) for language, text in blocks(markdown) if language == "yaml"]
    assert templates
    for template in templates:
        if "AWSTemplateFormatVersion" not in template:
            # A fragment to merge: it goes into a template whose functions have code.
            for resource in template["Resources"].values():
                resource["Properties"] = FUNCTION | resource["Properties"]
            template = {"Transform": "AWS::Serverless-2016-10-31"} | template
        assert problems(template) == []


def test_cfn_lint_sees_what_is_wrong() -> None:
    """The check above is worth something."""
    function = {"Type": "AWS::Serverless::Function", "Properties": FUNCTION | {"MemorySize": 64}}
    assert problems({"Transform": "AWS::Serverless-2016-10-31", "Resources": {"Checkout": function}})


def test_the_dashboard_is_what_cloudwatch_accepts(markdown: str) -> None:
    dashboards = [json.loads(text) for language, text in blocks(markdown) if language == "json"]
    assert len(dashboards) == 1
    jsonschema.validate(dashboards[0], DASHBOARD)
    named = json.dumps(dashboards[0])
    assert "MemoryUtilization" not in named


SETTING = re.compile(
    r"aws lambda update-function-configuration --function-name [\w-]+(?: --memory-size \d+)?(?: --timeout \d+)?"
)
# What shows a line of a file again, whose name is one word to a shell.
SHOWN = ["gzip", "tail", "head", "cut"]


def test_commands_are_single_words_to_a_shell(markdown: str) -> None:
    for _, text in (block for block in blocks(markdown) if block[0] == "sh"):
        for line in text.splitlines():
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words = list(lexer)
            commands = [words[0], *(word for before, word in pairwise(words) if before == "|")]
            assert SETTING.fullmatch(line) or set(commands) <= set(SHOWN), line
            assert not {";", "&", "&&", "||", ">", "<", "`"} & set(words)


def test_provisioned_concurrency_is_never_put_on_latest(markdown: str) -> None:
    for language, text in blocks(markdown):
        if language == "yaml" and "ProvisionedConcurrencyConfig" in text:
            for resource in yaml.safe_load(text)["Resources"].values():
                assert resource["Properties"]["AutoPublishAlias"]
