"""The whole way, from exported logs to the report that stands in docs/sample-report/."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyzer.report.formats import formats
from tests import kinds
from tests.conftest import Run

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "docs" / "sample-report"
SAMPLE = Path("sample_logs/lambda-autotuner-agent")
CONTAINERS = ROOT / "sample_logs" / "containers"
DURATIONS = ("mean", "p50", "p90", "p95", "min", "max", "cv", "iqr", "variance", "relative_range")


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    # The report names files as they were given, so it is made where its reader would make it.
    monkeypatch.chdir(ROOT)


def written(run: Run, output: Path, *arguments: str | Path) -> dict[str, Any]:
    ran = run("analyze", *arguments, "-o", output)
    assert (ran.code, ran.err) == (0, "")
    report: dict[str, Any] = json.loads((output / "report.json").read_text())
    return report


def words(file: Path) -> str:
    """A report without its drawings, in which versions of matplotlib differ."""
    return re.sub(r"<svg .*?</svg>", "", file.read_text(), flags=re.DOTALL)


LONG_NUMBER = re.compile(r"-?\d+\.\d{12,}(?:e[-+]\d+)?")


def contents(folder: Path) -> dict[str, str]:
    """Every file of a report by its place; of drawings, in which versions of matplotlib differ, only that they are there.

    Numbers to twelve digits: scipy's functions have been seen to differ in the last from version to version.
    """
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): ""
        if path.suffix == ".svg"
        else LONG_NUMBER.sub(lambda number: f"{float(number[0]):.12g}", words(path))
        for path in files
    }


def of_the_sample(folder: Path) -> dict[str, str]:
    """Without the reports of the other kinds, which have folders of their own."""
    return {name: text for name, text in contents(folder).items() if name.partition("/")[0] not in kinds.REPORTS}


def test_the_report_of_the_sample_is_the_one_in_the_docs_in_every_format(run: Run, tmp_path: Path) -> None:
    """After a wanted change: `make golden`, and read the difference."""
    written(run, tmp_path, SAMPLE, *(f"--format={name}" for name in kinds.FORMATS))
    made, golden = contents(tmp_path), of_the_sample(GOLDEN)
    assert made.keys() == golden.keys()
    assert {one.file for one in formats()} <= made.keys()
    assert [name for name, text in made.items() if text != golden[name]] == []


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any] | list[Any], str | int]]:
    """The path of every number of a report, with what holds it and under which key."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inside:
        here = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}" if path else key
        if isinstance(one, (dict, list)):
            yield from numbers(one, here)
        elif isinstance(one, (int, float)) and not isinstance(one, bool):
            yield here, value, key


@pytest.mark.parametrize("name", kinds.REPORTS)
def test_the_other_kinds_of_report_are_those_in_the_docs_and_every_number_in_them_is_what_the_lake_gives(
    run: Run, tmp_path: Path, name: str
) -> None:
    """From simulated logs, which are the same everywhere: `make golden` after a wanted change."""
    lake, golden = tmp_path / "lake", GOLDEN / name
    kinds.write(tmp_path, (name,), lake)
    made, there = contents(tmp_path / name), contents(golden)
    assert made.keys() == there.keys()
    assert {one.file for one in formats()} <= made.keys()
    assert [file for file, text in made.items() if text != there[file]] == []
    pictures = [file for file in made if file.endswith(".svg")]
    assert pictures
    assert all(f"]({picture})" in made["report.md"] for picture in pictures)
    ran = run("verify", golden / "report.json", "--lake", lake)
    assert (ran.code, ran.out) == (0, "")
    # One more or less anywhere is found there, and nowhere else.
    report = json.loads((golden / "report.json").read_text())
    changed = list(numbers(report))
    for _, holder, key in changed:
        holder[key] += 1  # type: ignore[index]
    (tmp_path / "changed.json").write_text(json.dumps(report))
    ran = run("verify", tmp_path / "changed.json", "--lake", lake)
    assert ran.code == 1
    assert sorted(line.partition(": ")[0] for line in ran.out.splitlines()) == sorted(path for path, _, _ in changed)


OLDER_PROCESSOR = {"OPENBLAS_CORETYPE": "Nehalem", "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4"}


def test_an_older_processor_gives_the_same_report(tmp_path: Path) -> None:
    """Numpy and BLAS have code of their own for each, which may add in another order. Elsewhere than on x86 both are as ever."""
    code = "import sys; from pathlib import Path; from tests import kinds; kinds.write(Path(sys.argv[1]), ('weekly',))"
    reports = []
    for name, more in (("this", {}), ("older", OLDER_PROCESSOR)):
        subprocess.run([sys.executable, "-c", code, tmp_path / name], env=os.environ | more, cwd=ROOT, check=True)
        reports.append((tmp_path / name / "weekly" / "report.json").read_text())
    assert reports[0] == reports[1]


def test_the_same_logs_give_the_same_bytes(run: Run, tmp_path: Path) -> None:
    for output in ("first", "second"):
        written(run, tmp_path / output, SAMPLE)
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    kinds = ["cold-starts", "concurrency", "distribution", "memory", "timeline"]
    assert names == [
        *("alarms.tf", "alarms.yaml", "dashboard.json", "evidence", "findings.csv"),
        *(f"report-{kind}.svg" for kind in kinds),
        *("report.html", "report.json", "report.md"),
    ]
    first, second = (
        {
            path.relative_to(tmp_path / output): path.read_bytes()
            for path in (tmp_path / output).rglob("*")
            if path.is_file()
        }
        for output in ("first", "second")
    )
    assert first == second


def test_the_figures_that_a_person_once_reported_come_out_each_with_its_population(run: Run, tmp_path: Path) -> None:
    overall = written(run, tmp_path, SAMPLE)["overall"]
    breach = next(one for one in overall["metrics"]["breach.rate"] if one["threshold"] == "duration>60s")
    assert (breach["k"], breach["n"], breach["population"]) == (40, 44, "all invocations")
    assert breach["interval"] == "Wilson, adjusted for 10 log streams"
    assert breach["low"] < 40 / 44 < breach["high"]
    slow = {one["metric"]: one for one in overall["slices"] if one["population"] == "invocations with duration>60s"}
    figures = {name: round(slow[f"duration.{name}"]["value"] / 1000, 1) for name in ("min", "max", "mean", "p95")}
    assert figures == {"min": 61.5, "max": 247.3, "mean": 165.2, "p95": 230.2}
    assert round(100 * slow["duration.relative_range"]["value"]) == 302
    assert {one["n"] for one in slow.values()} == {40}
    assert overall["metrics"]["duration.min"]["value"] < 60_000


def test_the_cause_is_said_to_be_open_where_the_logs_do_not_carry_it(run: Run, tmp_path: Path) -> None:
    report = written(run, tmp_path, SAMPLE)
    verdicts = {
        (one["id"], function["name"]): (one["verdict"], one["reason"])
        for function in report["functions"]
        for one in function["hypotheses"]
    }
    names = {function["name"] for function in report["functions"]}
    assert {verdicts["memory-constrained", name] for name in names} == {("untestable", "U1")}
    assert {verdicts["algorithmic", name] for name in names} == {("untestable", "U3")}
    assert {verdicts["cold-start", name] for name in names} == {("refuted", None)}
    supported = [key for key, (verdict, _) in verdicts.items() if verdict == "supported"]
    assert supported == [("application-error", "user-authentication-service")]
    assert report["status"] == "degraded"


@pytest.mark.parametrize(
    "container",
    ["log-events-json/all.json", "console-csv/log-events-viewer-result.csv", "pasted-text/zgrep.txt"],
)
def test_another_container_of_the_same_invocations_gives_the_same_durations(
    run: Run, tmp_path: Path, container: str
) -> None:
    export = written(run, tmp_path / "export", SAMPLE)["overall"]["metrics"]
    other = written(run, tmp_path / "other", CONTAINERS / container)["overall"]["metrics"]
    for name in DURATIONS:
        assert other[f"duration.{name}"]["value"] == export[f"duration.{name}"]["value"], name
    assert [(one["k"], one["n"]) for one in other["breach.rate"]] == [
        (one["k"], one["n"]) for one in export["breach.rate"]
    ]
    assert other["cold_start.rate"]["k"] == export["cold_start.rate"]["k"]
    assert other["memory.peak"]["value"] == export["memory.peak"]["value"]


@pytest.mark.parametrize("container", ["log-events-json/all.json", "console-csv/log-events-viewer-result.csv"])
def test_a_container_that_carries_every_line_carries_the_failures_too(run: Run, tmp_path: Path, container: str) -> None:
    report = written(run, tmp_path, CONTAINERS / container)
    assert report["overall"]["metrics"]["failure.rate"]["k"] == 2
    assert "44 of 44 invocations belong to no named function" in " ".join(report["quality"]["lacking"])


def test_pasted_report_lines_leave_the_outcome_unknown_and_say_so(run: Run, tmp_path: Path) -> None:
    report = written(run, tmp_path, CONTAINERS / "pasted-text" / "zgrep.txt")
    assert "failure.rate" not in report["overall"]["metrics"]
    assert report["quality"]["counts"]["unknown_outcomes"] == 44
    assert "unknown is not counted as success" in " ".join(report["quality"]["lacking"])
    assert "unknown; these logs show the end of no invocation" in (tmp_path / "report.md").read_text()


def test_every_number_in_the_report_names_a_query_that_is_there(run: Run, tmp_path: Path) -> None:
    report = written(run, tmp_path, SAMPLE)
    ids: set[str] = set()

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("evidence"), str):
                ids.add(value["evidence"])
            for item in value.values():
                collect(item)
        elif isinstance(value, list):
            for item in value:
                collect(item)

    collect({key: value for key, value in report.items() if key != "evidence"})
    assert ids
    assert ids <= report["evidence"].keys()
    text = (tmp_path / "report.md").read_text()
    cited = {text.split("](#")[index].partition(")")[0] for index in range(1, text.count("](#") + 1)}
    assert {name for name in cited if name.startswith("q")} == {
        "q" + name.partition('"')[0] for name in text.split('<a id="q')[1:]
    }
