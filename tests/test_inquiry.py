"""What people ask of a finished report, and of a lake about one invocation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyzer.inquiry import diff
from tests.conftest import Run
from tests.logs import ID, OTHER_ID, export, invocation, report, write_export

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "sample_logs" / "lambda-autotuner-agent"
ERROR = "[ERROR] KeyError: 's3'\nTraceback (most recent call last):\n\u00a0\u00a0File 'app.py', line 30, in handler"
Json = dict[str, Any]


@pytest.fixture
def sample(run: Run, tmp_path: Path) -> tuple[Path, Path]:
    """report.json of the sample and the lake that it was made from."""
    assert run("analyze", SAMPLE, "--lake", tmp_path / "lake", "-o", tmp_path / "report.json").code == 0
    return tmp_path / "report.json", tmp_path / "lake"


def test_every_number_of_a_report_is_what_the_lake_gives(run: Run, sample: tuple[Path, Path]) -> None:
    path, lake = sample
    ran = run("verify", path, "--lake", lake)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.startswith("every number holds")


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report["overall"]["metrics"]["duration.p95"].update(value=1.0),
        lambda report: report["functions"][1]["metrics"]["failure.rate"].update(k=3),
        lambda report: report["functions"][0]["hypotheses"][0].update(verdict="supported"),
        lambda report: report["evidence"]["q3"].update(result_sha256="0" * 64),
        lambda report: report["issues"].pop(),
        lambda report: report["timeouts"][0]["numbers"]["timeout.recommended"].update(value=30.0),
        lambda report: report["quality"].update(lines=1),
    ],
)
def test_a_number_that_was_changed_by_hand_is_found(
    run: Run, sample: tuple[Path, Path], change: Callable[[Json], None]
) -> None:
    path, lake = sample
    report = json.loads(path.read_text())
    change(report)
    path.write_text(json.dumps(report))
    ran = run("verify", path, "--lake", lake)
    assert ran.code == 1
    assert "the report says" in ran.out


def test_window_thresholds_and_redaction_are_kept_so_that_the_report_can_be_made_again(
    run: Run, tmp_path: Path
) -> None:
    lake, path = tmp_path / "lake", tmp_path / "report.json"
    options = ("--since", "4h", "--threshold", "duration>100s", "--redact", "off")
    assert run("analyze", SAMPLE, "--lake", lake, "-o", path, *options).code == 0
    assert run("verify", path, "--lake", lake).code == 0


def test_a_number_is_explained_by_its_query_its_rows_and_its_lines(run: Run, sample: tuple[Path, Path]) -> None:
    path, lake = sample
    breach = next(
        one
        for one in json.loads(path.read_text())["overall"]["metrics"]["breach.rate"]
        if one["threshold"] == "duration>60s"
    )
    ran = run("explain", path, breach["evidence"], "--lake", lake)
    assert ran.code == 0
    assert "breach.rate = 90.9 % (40 of 44" in ran.out
    assert "count(*) FILTER (duration_ms > 60000.0)" in ran.out
    assert "'k2': 40" in ran.out
    slowest = ran.out.partition("the slowest of them:\n")[2].splitlines()
    assert [line.split()[1:4] for line in slowest] == [["247.3", "s", "ok"], ["238.6", "s", "ok"], ["230.2", "s", "ok"]]


def test_the_place_of_a_line_is_where_the_line_stands(run: Run, tmp_path: Path) -> None:
    path = write_export(
        tmp_path / "logs", export(*invocation("a"), *invocation("b", request_id=OTHER_ID, duration=9.0))
    )
    run("analyze", tmp_path / "logs", "--lake", tmp_path / "lake", "-o", tmp_path / "report.json")
    ran = run("explain", tmp_path / "report.json", "q1", "--lake", tmp_path / "lake")
    place = int(ran.out.strip().rpartition(" at byte ")[2])
    assert path.read_bytes()[place:].split(b"\t")[0].endswith(f"REPORT RequestId: {OTHER_ID}".encode())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("explain", "{report}", "q9999"), "the report has no query q9999"),
        (("explain", "{lake}/nothing.json", "q1"), "cannot read"),
        (("verify", "{other}", "--lake", "{lake}"), "is no report.json"),
        (("verify", "{report}", "--lake", "{other}"), "there is no lake in"),
        (("diff", "{report}", "{other}"), "is no report.json"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_sentence(
    run: Run, sample: tuple[Path, Path], tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    other = tmp_path / "other"
    other.write_text("{}")
    filled = [argument.format(report=sample[0], lake=sample[1], other=other) for argument in arguments]
    ran = run(*filled)
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert sentence in ran.err


def failing(share: int, name: str, run: Run, folder: Path) -> Json:
    """The report on a hundred invocations, each on its own stream, of which so many fail."""
    logs = folder / name
    for number in range(100):
        lines = invocation(
            *([ERROR] if number < share else ["fine"]), request_id=f"57325a9d-2f10-4f0e-8f06-{number:012d}"
        )
        path = write_export(logs, export(*lines, begin=number % 60))
        path.rename(path.parent.with_name(f"2026-03-17-[$LATEST]{number:032x}.log"))
    assert run("analyze", logs, "-o", folder / f"{name}.json", "--function", "checkout").code == 0
    report: Json = json.loads((folder / f"{name}.json").read_text())
    return report


def test_two_reports_are_told_apart_by_what_is_new_fixed_worse_and_better(run: Run, tmp_path: Path) -> None:
    reports = {share: failing(share, f"failing-{share}", run, tmp_path) for share in (0, 10, 60)}
    states = {
        (before, after): [one.state for one in diff(reports[before], reports[after]).findings]
        for before, after in ((0, 10), (10, 0), (10, 60), (60, 10), (10, 10), (0, 0))
    }
    assert states == {
        (0, 10): ["new"],
        (10, 0): ["fixed"],
        (10, 60): ["worse"],
        (60, 10): ["better"],
        (10, 10): ["unchanged"],
        (0, 0): [],
    }
    numbers = {one.metric: one.state for one in diff(reports[10], reports[60]).numbers}
    assert (numbers["failure.rate"], numbers["duration.p50"]) == ("worse", "unchanged")
    ran = run("diff", tmp_path / "failing-10.json", tmp_path / "failing-60.json")
    assert "| worse | `checkout` | Errors of the application | supported | supported |" in ran.out


def test_an_invocation_tells_its_life(run: Run, tmp_path: Path) -> None:
    lines = (*invocation("fine", request_id=OTHER_ID, duration=12.0), *invocation(ERROR, duration=99.0))
    write_export(tmp_path / "logs", export(*lines))
    run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake")
    ran = run("why", ID, "--lake", tmp_path / "lake")
    assert ran.code == 0
    assert ran.out.startswith(f"{ID}, attempt 1 of 1: error after 99 ms\n")
    for told in ("KeyError", "slower than 50.0 %", f"{OTHER_ID}  12 ms, ok", "its lines:", "[ERROR] KeyError: 's3'"):
        assert told in ran.out, told


def test_a_request_that_was_tried_again_tells_each_attempt(run: Run, tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*invocation(ERROR), *invocation("fine")))
    run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake")
    out = run("why", ID, "--lake", tmp_path / "lake").out
    assert f"{ID}, attempt 1 of 2: error" in out
    assert f"{ID}, attempt 2 of 2: ok" in out


def test_an_id_that_the_lake_does_not_hold_ends_with_3(run: Run, tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*invocation("fine")))
    run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake")
    ran = run("why", "'; DROP TABLE invocations; --", "--lake", tmp_path / "lake")
    assert ran.code == 3
    assert "has no invocation with the request id" in ran.err


def test_secrets_are_masked_in_a_life_unless_asked_otherwise(run: Run, tmp_path: Path) -> None:
    secret = "hunter2" * 2
    write_export(tmp_path / "logs", export(*invocation(f"[ERROR]\t2026-03-17T08:00:01.000Z\t{ID}\tpassword={secret}")))
    run("ingest", tmp_path / "logs", "--lake", tmp_path / "lake")
    assert secret not in run("why", ID, "--lake", tmp_path / "lake").out
    assert secret in run("why", ID, "--lake", tmp_path / "lake", "--redact", "off").out


def test_pasted_lines_without_stream_and_time_still_tell_what_they_know(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pasted.txt").write_text(report())
    run("ingest", tmp_path / "pasted.txt", "--lake", tmp_path / "lake")
    out = run("why", ID, "--lake", tmp_path / "lake").out
    assert out.startswith(f"{ID}, attempt 1 of 1: unknown after 92.4 s\n")
    assert "its environment" not in out
