"""The kinds of report, as the people read them whom they are for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import kinds, weeks
from tests.conftest import Run
from tests.logs import OTHER_ID, export, invocation, write_export
from tests.logs import report as log_line

SAMPLE = Path(__file__).parent.parent.parent / "sample_logs" / "lambda-autotuner-agent"
KINDS = ("error-analysis", "incident", "weekly", "postmortem")
Json = dict[str, Any]


def read(path: Path) -> Json:
    report: Json = json.loads(path.read_text())
    return report


# ── the weekly review of two simulated weeks ─────────────────────────────────────────────────────────────────────────

# What is told of the second week, besides what was there in the first: findings, and numbers for the worse. A call that is
# cut off at its limit loses its environment, and so the next one starts cold.
FAULTS = {
    "application-error": ({"application-error"}, {"failure.rate"}),
    "downstream-hang": ({"downstream-dependency"}, {"breach.rate"}),
    "timeout-too-low": ({"timeout-misconfigured"}, {"failure.rate", "timeout.rate", "cold_start.rate"}),
    "steady": (set[str](), set[str]()),
}


@pytest.mark.parametrize("scenario", FAULTS)
def test_a_weekly_review_names_the_change_that_was_made_and_no_other(scenario: str, run: Run, tmp_path: Path) -> None:
    case = weeks.write(scenario, tmp_path / "logs")
    assert run("analyze", tmp_path / "logs", "--kind", "weekly", "-o", tmp_path / "weekly.json").code == 0
    report = read(tmp_path / "weekly.json")
    changes = report["changes"]
    findings = {(one["hypothesis"], one["state"]) for one in changes["findings"] if one["state"] != "unchanged"}
    worse, numbers = FAULTS[scenario]
    assert findings == {(name, "new") for name in worse}
    assert {name for name in worse if name in case.truth.injects} == set(case.truth.injects)
    assert {(one["metric"], one["state"]) for one in changes["numbers"] if one["state"] != "unchanged"} == {
        (name, "worse") for name in numbers
    }
    assert report["period"]["from"] >= "2026-03-08T23:"
    assert report["earlier"]["period"]["to"] < report["period"]["from"]


@pytest.fixture(scope="module")
def two_weeks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weeks")
    weeks.write("application-error", folder / "logs")
    return folder / "logs"


def test_a_report_of_last_week_may_lie_in_a_file_as_well(two_weeks: Path, run: Run, tmp_path: Path) -> None:
    """Then what it predicted is graded, and the gate closes for what is new or worse."""
    first, second = tmp_path / "first.json", tmp_path / "second.md"
    assert run("analyze", two_weeks / "week-1", "--kind", "weekly", "-o", first, "--fail-on", "critical").code == 0
    ran = run(
        "analyze", two_weeks / "week-2", "--kind", "weekly", "-o", second, "--baseline", first, "--fail-on", "new"
    )
    assert (ran.code, ran.err) == (1, "1 supported finding new or worse than in the baseline\n")
    text = second.read_text()
    assert "| **new** | Errors of the application |" in text
    assert "Held against the weekly report of 2026-03-02" in text


def test_the_gate_stays_open_while_nothing_is_new_or_worse(two_weeks: Path, run: Run, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    assert run("analyze", two_weeks / "week-2", "-o", report).code == 0
    again = ("analyze", two_weeks / "week-2", "-o", tmp_path / "again.json", "--baseline", report)
    assert run(*again, "--fail-on", "new").code == 0
    assert run(*again, "--fail-on", "warning").code == 1


def test_an_error_budget_is_spent_by_what_failed_and_by_what_was_slow(
    two_weeks: Path, run: Run, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    objectives = ("--objective", "99.9%", "--objective", "95%<50ms")
    assert run("analyze", two_weeks / "week-2", "-o", report, *objectives).code == 0
    found = read(report)
    failures, slow = found["budgets"]
    function = found["functions"][0]["metrics"]
    assert failures["measured"] == function["failure.rate"]
    assert failures["spent"] == pytest.approx(1000 * function["failure.rate"]["value"])
    assert failures["low"] < failures["spent"] < failures["high"]
    assert slow["measured"] == next(one for one in function["breach.rate"] if one["threshold"] == "duration>50ms")
    assert slow["spent"] == pytest.approx(20 * slow["measured"]["value"])


# ── every kind ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def afternoon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("afternoon")


@pytest.fixture
def written(afternoon: Path, run: Run) -> Callable[[str], Path]:
    """The afternoon of the sample held against its morning, as each kind of report; made once each."""

    def write(kind: str) -> Path:
        folder = afternoon / kind
        if not folder.exists():
            window = ("--since", "2026-03-17T13:00Z", "--baseline", "6h", "--objective", "99%")
            ran = run("analyze", SAMPLE, "--kind", kind, "-o", folder, "--lake", afternoon / "lake", *window)
            assert (ran.code, ran.err) == (0, "")
        return folder

    return write


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_25_lines_say_what_a_person_in_a_hurry_needs(kind: str, written: Callable[[str], Path]) -> None:
    first = "\n".join((written(kind) / "report.md").read_text().splitlines()[:25])
    for said in ("verdict: **", "**Impact**", "**Cause of ", "(supported)", "Ruled out or not found: ", "**Since ",
                 "**Do now**: (1) ", "(2) ", "(3) ", "**Cannot tell from these logs**"):  # fmt: skip
        assert said in first, said


def test_the_first_lines_of_an_incident_tell_it_in_one_sentence_and_nothing_as_a_share_of_nothing(
    tmp_path: Path,
) -> None:
    kinds.write(tmp_path, ("incident",))
    first = (tmp_path / "incident" / "report.md").read_text().splitlines()[:25]
    time = r"2026-\d\d-\d\d \d\d:\d\d:\d\dZ"
    told = rf"- \*\*When\*\*: from {time} until {time} the median of warm calls to `[\w-]+` was \d"
    assert [line for line in first if re.match(told, line)]
    assert [line for line in first if line.startswith("- **Durations**: none of 2,")]
    ruled_out = [line for line in first if "Ruled out or not found: " in line]
    assert len(ruled_out) == len({line.partition("Ruled out")[2] for line in ruled_out})


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_chosen_carries_no_digit_that_nobody_chose(kind: str, written: Callable[[str], Path]) -> None:
    """Periods of five minutes are not 10.0 minutes, and a threshold of a minute is not 60.0 s."""
    text = (written(kind) / "report.md").read_text()
    assert not re.findall(r"\d\.0 (?:min|h|days)\b", text)
    assert not re.findall(r"(?:longest Duration above|\"label\":) \W?[\d,]+\.0 s", text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_link_leads_somewhere_and_every_mark_of_a_number_to_its_query(
    kind: str, written: Callable[[str], Path]
) -> None:
    text = (written(kind) / "report.md").read_text()
    cited = {part.partition(")")[0] for part in text.split("](#")[1:]}
    marks = {name for name in cited if name[0] in "qb" and name[1:].isdigit()}
    anchors = {part.partition('"')[0] for part in text.split('<a id="')[1:]}
    assert marks == {name for name in anchors if name[0] in "qb" and name[1:].isdigit()}
    headings = (line.lstrip("# ").lower() for line in text.splitlines() if line.startswith("#"))
    assert cited <= anchors | {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}
    if kind == "weekly":
        assert any(name.startswith("b") for name in marks)


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_of_every_kind_is_what_the_lake_gives(
    kind: str, written: Callable[[str], Path], afternoon: Path, run: Run
) -> None:
    ran = run("verify", written(kind) / "report.json", "--lake", afternoon / "lake")
    assert (ran.code, ran.out) == (0, "")


CHANGES: dict[str, Callable[[Json], None]] = {
    "error-analysis": lambda report: report["predictions"][0]["before"].update(value=1.0),
    "incident": lambda report: report["timeline"][0].update(at="2026-03-17T13:00:00.000Z"),
    "weekly": lambda report: report["budgets"][0].update(spent=0.1),
    "postmortem": lambda report: report["earlier"]["functions"][0]["numbers"][0].update(n=1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_number_that_was_changed_by_hand_is_found_in_every_kind(
    kind: str, written: Callable[[str], Path], afternoon: Path, run: Run, tmp_path: Path
) -> None:
    report = read(written(kind) / "report.json")
    CHANGES[kind](report)
    (tmp_path / "changed.json").write_text(json.dumps(report))
    ran = run("verify", tmp_path / "changed.json", "--lake", afternoon / "lake")
    assert ran.code == 1
    assert len(ran.out.splitlines()) == 1


def test_what_is_kept_of_an_earlier_file_is_sealed(
    written: Callable[[str], Path], afternoon: Path, run: Run, tmp_path: Path
) -> None:
    """The file itself may be gone by the time that somebody verifies."""
    earlier = written("error-analysis") / "report.json"
    path, lake = tmp_path / "report.json", afternoon / "lake"
    assert run("report", "--lake", lake, "-o", path, "--since", "4h", "--baseline", earlier).code == 0
    assert run("verify", path, "--lake", lake).code == 0
    report = read(path)
    report["earlier"]["functions"][0]["numbers"][0]["n"] += 1
    path.write_text(json.dumps(report))
    ran = run("verify", path, "--lake", lake)
    assert ran.code == 1
    assert "earlier.sha256" in ran.out


def test_what_an_earlier_report_left_unmasked_is_masked_here(
    written: Callable[[str], Path], afternoon: Path, run: Run, tmp_path: Path
) -> None:
    report = read(written("error-analysis") / "report.json")
    report["functions"][0]["hypotheses"][0].update(
        title="mail to jane.doe@example.com", verdict="supported", fingerprint="0"
    )
    earlier, path = tmp_path / "earlier.json", tmp_path / "report.json"
    earlier.write_text(json.dumps(report))
    lake = ("--lake", afternoon / "lake")
    assert run("report", *lake, "-o", path, "--since", "4h", "--baseline", earlier).code == 0
    assert "jane.doe" not in path.read_text()
    assert "mail to <email>" in path.read_text()
    assert run("verify", path, *lake).code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_logs_that_carry_next_to_nothing_make_a_report_all_the_same(kind: str, run: Run, tmp_path: Path) -> None:
    """REPORT lines alone, with neither time, stream, outcome nor name."""
    (tmp_path / "pasted.txt").write_text("\n".join(log_line(duration=100.0 + number) for number in range(3)))
    options = ("--kind", kind, "--objective", "99.9%", "--objective", "95%<1s")
    assert run("analyze", tmp_path / "pasted.txt", "-o", tmp_path / "report.md", *options).code == 0
    first = (tmp_path / "report.md").read_text().splitlines()[:25]
    assert any(line.startswith("- **Cannot tell from these logs**") for line in first)


def test_a_number_of_the_earlier_period_can_be_explained_too(written: Callable[[str], Path], run: Run) -> None:
    path = written("weekly") / "report.json"
    name = read(path)["changes"]["numbers"][0]["before"]["evidence"]
    assert name.startswith("b")
    out = run("explain", path, name).out
    assert ", earlier: " in out
    assert "FROM invocations WHERE" in out


def test_a_postmortem_leaves_to_people_what_only_people_know(written: Callable[[str], Path]) -> None:
    text = (written("postmortem") / "report.md").read_text()
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    order = "Impact, Contributing factors, Trigger, Resolution, Detection, Action items, Lessons learned, Timeline"
    assert [name for name in headings if name in order.split(", ")] == order.split(", ")
    hints = [part.strip(" |\n") for part in text.split("**TODO**")[1:]]
    assert len(hints) > 10
    for heading in ("What went well", "What went wrong", "Where we got lucky"):
        section = text.partition(f"### {heading}\n")[2].partition("\n##")[0]
        assert "**TODO** what " in section, heading


def test_every_row_of_a_timeline_names_its_source(written: Callable[[str], Path]) -> None:
    text = (written("incident") / "report.md").read_text()
    rows = text.partition("## Timeline\n")[2].partition("\n## ")[0].splitlines()
    rows = [row for row in rows if row.startswith("| 2026-")]
    assert len(rows) >= 3
    assert all("](#q" in row for row in rows if "These logs" not in row)


# ── predictions ──────────────────────────────────────────────────────────────────────────────────────────────────────

ERROR = "[ERROR] KeyError: 's3'\nTraceback (most recent call last):\n\u00a0\u00a0File 'app.py', line 30, in handler"


def failing(folder: Path, percent: int, memory: int = 1024) -> Path:
    """A hundred invocations, each on its own stream, of which so many fail."""
    for number in range(100):
        request = f"57325a9d-2f10-4f0e-8f06-{number:012d}"
        lines = export(*invocation(*([ERROR] if number < percent else ["fine"]), request_id=request), begin=number % 60)
        path = write_export(folder, lines.replace("Memory Size: 1024", f"Memory Size: {memory}"))
        path.rename(path.parent.with_name(f"2026-03-17-[$LATEST]{number:032x}.log"))
    return folder


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.mark.parametrize(("percent", "grade"), [(0, "held"), (8, "not-held"), (2, "not-tested")])
def test_what_an_action_was_to_do_is_graded_by_the_next_report(
    percent: int, grade: str, reports: Path, run: Run, tmp_path: Path
) -> None:
    """Ten in a hundred fail, and mending the error is to bring them below one: none, eight, and two of which nobody knows yet."""
    before, after = reports / "before.json", tmp_path / "after.md"
    if not before.exists():
        failing(tmp_path / "before", 10)
        assert run("analyze", tmp_path / "before", "-o", before).code == 0
    prediction = next(one for one in read(before)["predictions"] if one["hypothesis"] == "application-error")
    assert (prediction["expected"]["metric"], prediction["direction"]) == ("failure.rate", "fall")
    assert (prediction["expected"]["high"], prediction["before"]["k"]) == (0.01, 10)
    assert prediction["before"]["evidence"] in read(before)["evidence"]
    logs = failing(tmp_path / "after", percent)
    run("analyze", logs, "-o", tmp_path / "after.json", "--baseline", before)
    run("analyze", logs, "-o", after, "--baseline", before)
    (graded,) = (
        one for one in read(tmp_path / "after.json")["graded"] if one["prediction"]["hypothesis"] == "application-error"
    )
    assert (graded["grade"], graded["observed"]["k"]) == (grade, percent)
    assert f"**{grade.replace('-', ' ')}**" in after.read_text()


def paced(folder: Path, pace: Callable[[int], float], versions: tuple[int, int] = (7, 8)) -> Path:
    """Six hundred calls of one environment, a second and a half apart, each as long as `pace` says in milliseconds."""
    lines = []
    for number in range(600):
        request = f"57325a9d-2f10-4f0e-8f07-{number:012d}"
        at = f"2026-03-17T08:{number * 3 // 120:02d}:{number * 3 // 2 % 60:02d}.{number % 2 * 500:03d}Z"
        start = f"START RequestId: {request} Version: {versions[number >= 300]}"
        # A hundredth more or less from call to call.
        end = log_line(request, pace(number) * (1 + (number * 7919 % 21 - 10) / 1000))
        lines += [f"{at} {line}\n\n" for line in (start, "working", f"END RequestId: {request}", end)]
    write_export(folder, "".join(lines))
    return folder


def steady(_: int) -> float:
    return 100.0


def slower_since(number: int) -> float:
    return 100.0 if number < 300 else 300.0


def slow_for_a_while(number: int) -> float:
    return 300.0 if 250 <= number < 350 else 100.0


@pytest.mark.parametrize(
    ("pace", "metric", "most"),
    [(slower_since, "duration.p50", 125.0), (slow_for_a_while, "episode.count", 0.0)],
    ids=["a change", "an episode"],
)
def test_what_should_become_of_a_change_and_of_an_episode_is_graded_by_the_next_report(
    pace: Callable[[int], float], metric: str, most: float, run: Run, tmp_path: Path
) -> None:
    """Durations return to what they were before the change; no such stretch comes back."""
    before = tmp_path / "before.json"
    assert run("analyze", paced(tmp_path / "before", pace), "-o", before).code == 0
    predictions = [one for one in read(before)["predictions"] if one["expected"]["metric"] == metric]
    assert predictions
    assert [one["expected"]["high"] for one in predictions] == pytest.approx([most] * len(predictions), rel=0.02)
    for name, since, grade in (("mended", steady, "held"), ("again", lambda number: 3 * pace(number), "not-held")):
        after = tmp_path / f"{name}.json"
        assert run("analyze", paced(tmp_path / name, since, (8, 9)), "-o", after, "--baseline", before).code == 0
        graded = [one for one in read(after)["graded"] if one["prediction"]["expected"]["metric"] == metric]
        assert {one["grade"] for one in graded} == {grade}


def test_a_prediction_about_a_memory_size_that_nobody_set_is_not_tested(run: Run, tmp_path: Path) -> None:
    report, again = tmp_path / "report.json", tmp_path / "again.json"
    assert run("analyze", SAMPLE, "-o", report).code == 0
    assert run("analyze", SAMPLE, "-o", again, "--baseline", report).code == 0
    graded = [one for one in read(again)["graded"] if one["prediction"]["settings"]]
    assert len(graded) == 3
    assert {one["grade"] for one in graded} == {"not-tested"}
    assert {one["why"] for one in graded} == {"memory.size is 512 MB, so this was not done"}


# ── slips ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--baseline", "7d"), 2, "say where the window begins: --since"),
        (("--baseline", "nothing.json"), 2, "cannot read nothing.json"),
        (("--fail-on", "new"), 2, "--fail-on new needs something to compare with"),
        (("--objective", "very good"), 2, "is neither a share that must not fail"),
        (("--objective", "100%"), 2, "is neither a share that must not fail"),
        (("--kind", "novel"), 2, "there are error-analysis, incident, postmortem, weekly"),
        (("--since", "1h", "--baseline", "1h"), 3, "there is no baseline"),
    ],
)
def test_a_slip_is_one_plain_sentence(
    arguments: tuple[str, ...], code: int, sentence: str, run: Run, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    write_export(logs, export(*invocation("working"), *invocation("working", request_id=OTHER_ID)))
    ran = run("analyze", logs, "-o", tmp_path / "out", *arguments)
    assert (ran.code, len(ran.err.splitlines())) == (code, 1)
    assert sentence in ran.err


def test_a_week_with_nothing_before_it_says_so(run: Run, tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*invocation("working")))
    assert run("analyze", tmp_path / "logs", "--kind", "weekly", "-o", tmp_path / "out").code == 0
    assert "**Since last time**: nothing to compare with" in (tmp_path / "out" / "report.md").read_text()


def test_an_earlier_report_is_text_from_outside(run: Run, tmp_path: Path) -> None:
    """It may have come by mail: what it says is escaped, and a report that is none of ours is refused."""
    before, after = tmp_path / "before.json", tmp_path / "after.html"
    run("analyze", failing(tmp_path / "logs", 10), "-o", before)
    report = read(before)
    for function in report["functions"]:
        function["name"] = "<script>alert(1)</script>| x"
        for one in function["hypotheses"]:
            one["fingerprint"], one["title"] = one["fingerprint"][::-1], "[link](http://evil.example)"
    report["predictions"][0]["action"] = "<img src=x onerror=alert(1)>"
    before.write_text(json.dumps(report))
    assert run("analyze", tmp_path / "logs", "-o", after, "--baseline", before).code == 0
    for markup in ("<script>alert", "<img src=x", 'href="http://evil'):
        assert markup not in after.read_text()
    report["functions"][0]["metrics"]["failure.rate"]["value"] = "a word"
    before.write_text(json.dumps(report))
    ran = run("analyze", tmp_path / "logs", "-o", after, "--baseline", before)
    assert (ran.code, len(ran.err.splitlines())) == (2, 1)
    assert "is no report.json that this version can be held against" in ran.err
