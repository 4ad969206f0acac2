"""What the documents say is so; what can be run in them is run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from time import time

import boto3
import pytest
from markdown_it import MarkdownIt
from moto.server import ThreadedMotoServer

from analyzer import errors
from analyzer.ingest.containers import containers
from analyzer.report.symptoms import SYMPTOMS
from tests.aws import PLAYED
from tests.conftest import Run
from tests.logs import invocation
from tests.readme import LINES, README, quoted, updated

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/architecture.md",
        "docs/truth.md",
        "sample_logs/README.md",
    )
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def blocks(path: Path, language: str) -> list[str]:
    tokens = MarkdownIt().parse(path.read_text())
    return [token.content for token in tokens if token.type == "fence" and token.info == language]


def table(path: Path, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    text = path.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


def test_the_piece_of_a_report_in_the_readme_is_that_of_the_sample() -> None:
    assert updated(README.read_text()) == README.read_text()
    assert len(quoted().splitlines()) == LINES


def test_the_first_two_commands_of_the_readme_are_in_the_makefile() -> None:
    commands = [line.split()[1] for line in blocks(README, "sh")[0].splitlines()]
    assert commands == ["report", "test"]
    for command in commands:
        assert re.search(rf"^{command}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A bucket with the sample, and the log group of a function that ran an hour ago, on a server that plays AWS."""
    for name, value in PLAYED.items():
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.get_host_and_port()))
    s3, logs = boto3.client("s3"), boto3.client("logs")
    s3.create_bucket(Bucket="acme-logs")
    sample = ROOT / "sample_logs" / "lambda-autotuner-agent"
    for file in sample.rglob("*.gz"):
        s3.upload_file(str(file), "acme-logs", f"exports/{file.relative_to(sample)}")
    group = {"logGroupName": "/aws/lambda/checkout"}
    logs.create_log_group(**group)
    logs.create_log_stream(**group, logStreamName="2026/11/29/[$LATEST]4eeec71d18b1461580e35b89cb060777")
    hour_ago = round(time() - 3_600) * 1_000
    events = [{"timestamp": hour_ago + number, "message": text} for number, text in enumerate(invocation("working"))]
    logs.put_log_events(**group, logStreamName="2026/11/29/[$LATEST]4eeec71d18b1461580e35b89cb060777", logEvents=events)
    yield
    server.stop()


def test_every_command_that_the_readme_shows_runs(aws: None, tmp_path: Path) -> None:
    """With the sample in the place of the reader's own logs."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "reportline"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m analyzer "$@"\n')
    command.chmod(0o755)
    shutil.copytree(ROOT / "sample_logs" / "lambda-autotuner-agent", tmp_path / "exported-logs")
    shutil.copytree(tmp_path / "exported-logs", tmp_path / "exports")
    shutil.copy(ROOT / "sample_logs" / "containers" / "log-events-json" / "all.json", tmp_path / "logs.json")
    shutil.copy(ROOT / "docs" / "sample-report" / "report.json", tmp_path / "last-week.json")
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    lines = [line.partition("  #")[0].strip() for block in blocks(README, "sh")[1:] for line in block.splitlines()]
    assert len(lines) >= 6
    for line in filter(None, lines):
        ran = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, (line, ran.stderr)


def test_the_library_use_in_the_readme_runs(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "sample_logs" / "lambda-autotuner-agent", tmp_path / "exported-logs")
    (code,) = blocks(README, "python")
    values: dict[str, object] = {}
    exec(code, values)
    assert len(values["frame"]) == 44  # type: ignore[arg-type]


def test_the_rule_that_contributing_shows_passes_its_own_tests(run: Run, tmp_path: Path) -> None:
    (rule,) = blocks(ROOT / "CONTRIBUTING.md", "yaml")
    (tmp_path / "sparse-traffic.yaml").write_text(rule)
    result = run("rules", "test", str(tmp_path))
    tested = [line.split(maxsplit=1)[1] for line in result.out.splitlines() if line.startswith("sparse-traffic ")]
    assert (result.code, tested) == (0, ["3 of 3 tests passed"])


def test_contributing_names_every_symptom_with_the_metric_that_shows_it() -> None:
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text().split())
    assert ", ".join(f"`{one.kind}` (`{one.metric}`)" for one in SYMPTOMS) + "." in text


def test_the_exit_codes_in_the_readme_are_those_of_the_exceptions() -> None:
    listed = {int(row[0]) for row in table(README, "Exit codes")}
    raised = {kind.exit_code for kind in (errors.UserError, errors.NoInvocations, errors.ReportlineError)}
    interrupted = 128 + signal.SIGINT
    assert listed == raised | {0, 1, interrupted}


def test_the_readme_has_a_row_for_every_container() -> None:
    listed = " ".join(row[0] for row in table(README, "What it reads"))
    for container in containers():
        assert f"`{container.name}`" in listed, container.name


def test_every_dependency_has_its_reason() -> None:
    listed = [
        name.strip()
        for row in table(ROOT / "docs" / "architecture.md", "Dependencies, each with its reason")
        for name in row[0].split(",")
    ]
    needed = [re.split(r"[<>=]", dependency)[0] for dependency in PROJECT["dependencies"]]
    assert sorted(listed) == sorted(needed)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_paths_lead_somewhere(path: Path) -> None:
    text = path.read_text()
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target
    for name in re.findall(r"`((?:analyzer|tests|docs|rules|report_templates|sample_logs)/[\w./-]*)`", text):
        assert (ROOT / name).exists(), name


def test_the_drawing_names_every_module_of_the_layers() -> None:
    drawn = (ROOT / "docs" / "architecture.md").read_text()
    for path in (ROOT / "analyzer").iterdir():
        if path.suffix == ".py" and not path.name.startswith("__"):
            assert path.stem in drawn, path.name
        elif path.is_dir() and (path / "__init__.py").exists():
            assert f"analyzer/{path.name}/" in drawn, path.name


def test_the_version_is_in_the_changelog() -> None:
    from analyzer import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_make_explains_itself() -> None:
    ran = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("report", "test", "check"):
        assert f"make {target}" in ran.stdout
