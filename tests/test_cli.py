"""The command line: help that answers at once, options that do what they say, quiet where nobody looks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.logs import OTHER_ID, export, invocation, report, write_export

SLOW_TO_LOAD = {"duckdb", "pyarrow", "numpy", "scipy", "pandas", "matplotlib", "jinja2", "yaml"}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    write_export(tmp_path / "logs", export(*invocation("working"), *invocation("working", request_id=OTHER_ID)))
    return tmp_path / "logs"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["analyze", "--help"], ["rules", "--help"]])
def test_help_loads_nothing_that_is_slow_to_load(arguments: list[str]) -> None:
    assert loaded(*arguments) & SLOW_TO_LOAD == set()


def test_adding_a_file_loads_nothing_that_only_questions_and_reports_need(logs: Path, tmp_path: Path) -> None:
    modules = loaded("ingest", str(logs), "--lake", str(tmp_path / "lake"))
    assert {"pyarrow.parquet", "analyzer.ingest"} <= modules
    assert modules & (SLOW_TO_LOAD - {"pyarrow", "numpy"}) == set()
    assert modules & {"pyarrow.dataset", "pyarrow.compute", "pydantic", "analyzer.measure", "analyzer.report"} == set()


def test_a_report_loads_neither_pandas_nor_pydantic(logs: Path, tmp_path: Path) -> None:
    modules = loaded("analyze", str(logs), "-o", str(tmp_path / "report"))
    assert {"duckdb", "jinja2"} <= modules
    assert modules & {"pandas", "pydantic"} == set()


def loaded(*arguments: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    code = f"""
import sys
sys.argv = ["reportline", *{arguments!r}]
from analyzer.cli import main
if __name__ == "__main__":
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, ended.code
    print("LOADED", *sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(ran.stdout.splitlines()[-1].split())


def test_help_names_every_option_of_analyze(run: Run) -> None:
    text = run("analyze", "--help").out
    options = "output kind lake function since until baseline threshold objective rules templates redact fail-on"
    for option in options.split():
        assert f"--{option} " in text, option


def test_analyze_without_an_option_writes_into_a_folder_here(
    run: Run, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("analyze", logs)
    assert (ran.code, ran.err) == (0, "")
    pictures = [f"report-{name}.svg" for name in ("distribution", "timeline", "memory", "concurrency")]
    others = ["alarms.yaml", "findings.csv", "dashboard.json", "alarms.tf", "evidence"]
    names = ["report.md", *pictures, "report.html", "report.json", *others]
    assert ran.out.splitlines() == [f"reportline-report/{name}" for name in names]


@pytest.mark.parametrize(
    ("output", "files"),
    [
        ("incident.json", ["incident.json"]),
        ("incident.html", ["incident.html"]),
        (
            "incident.md",
            [
                *(f"incident-{name}.svg" for name in ("concurrency", "distribution", "memory", "timeline")),
                "incident.md",
            ],
        ),
        ("folder.2026-03", ["folder.2026-03"]),
    ],
)
def test_the_suffix_says_the_format_and_anything_else_is_a_folder(
    run: Run, logs: Path, tmp_path: Path, output: str, files: list[str]
) -> None:
    place = tmp_path / "out"
    place.mkdir()
    assert run("analyze", logs, "-o", place / output).code == 0
    assert sorted(path.name for path in place.iterdir()) == files


def test_standard_input_is_read(run: Run, tmp_path: Path) -> None:
    ran = run("analyze", "-", "-o", tmp_path / "report.json", stdin=f"{report()}\n{report(OTHER_ID)}\n".encode())
    assert (ran.code, ran.err) == (0, "")
    assert json.loads((tmp_path / "report.json").read_text())["overall"]["invocations"] == 2


def test_a_kept_lake_is_reused_and_reported_on(run: Run, logs: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    assert run("analyze", logs, "--lake", lake, "-o", tmp_path / "first").code == 0
    assert run("analyze", logs, "--lake", lake, "-o", tmp_path / "second").code == 0
    assert run("report", "--lake", lake, "-o", tmp_path / "third").code == 0
    first, second, third = (
        json.loads((tmp_path / name / "report.json").read_text()) for name in ("first", "second", "third")
    )
    assert first == second
    assert third["overall"] == first["overall"]


def test_the_window_narrows_what_is_reported(run: Run, tmp_path: Path) -> None:
    text = export(*invocation("early")) + export(*invocation("late", request_id=OTHER_ID), begin=30)
    write_export(tmp_path / "logs", text)
    for option in (("--since", "10m"), ("--since", "2026-03-17T08:20Z")):
        assert run("analyze", tmp_path / "logs", *option, "-o", tmp_path / "late.json").code == 0
        assert json.loads((tmp_path / "late.json").read_text())["overall"]["invocations"] == 1


def test_each_threshold_has_its_breach_rate(run: Run, logs: Path, tmp_path: Path) -> None:
    run("analyze", logs, "--threshold", "duration>100s", "--threshold", "duration > 500ms", "-o", tmp_path / "r.json")
    rates = json.loads((tmp_path / "r.json").read_text())["overall"]["metrics"]["breach.rate"]
    assert [(one["threshold"], one["value"]) for one in rates] == [("duration>100s", 0.0), ("duration>500ms", 1.0)]


def test_fail_on_turns_a_supported_finding_into_exit_code_1(run: Run, tmp_path: Path) -> None:
    error = "[ERROR] KeyError: 's3'\nTraceback (most recent call last):\n\u00a0\u00a0File 'app.py'"
    names = [f"57325a9d-2f10-4f0e-8f06-{number:012d}" for number in range(12)]
    write_export(tmp_path / "bad", export(*(line for name in names for line in invocation(error, request_id=name))))
    write_export(tmp_path / "good", export(*(line for name in names for line in invocation("fine", request_id=name))))
    assert run("analyze", tmp_path / "bad", "-o", tmp_path / "out").code == 0
    ran = run("analyze", tmp_path / "bad", "-o", tmp_path / "out", "--fail-on", "critical")
    assert ran.code == 1
    assert ran.err == "1 supported finding of severity critical or graver\n"
    assert run("analyze", tmp_path / "good", "-o", tmp_path / "out", "--fail-on", "info").code == 0


def test_redaction_is_on_unless_it_is_switched_off(run: Run, tmp_path: Path) -> None:
    secret = "hunter2" + "hunter2"
    error = f"[ERROR] AuthError: password={secret}\nTraceback (most recent call last):\n\u00a0\u00a0File 'app.py'"
    write_export(tmp_path / "logs", export(*invocation(error)))
    for options, shown in ((), False), (("--redact", "off"), True):
        run("analyze", tmp_path / "logs", "-o", tmp_path / "out", *options)
        for name in ("report.md", "report.json"):
            assert (secret in (tmp_path / "out" / name).read_text()) is shown, (name, options)


def test_a_terminal_escape_in_a_name_does_not_reach_the_terminal(run: Run, tmp_path: Path) -> None:
    (tmp_path / "\x1b[31mred.txt").write_text("nothing")
    ran = run("analyze", tmp_path)
    assert ran.code == 3
    assert "\x1b" not in ran.err + ran.out
