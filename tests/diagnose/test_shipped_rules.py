"""The rules that Reportline ships with, and the commands that look at rules."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from analyzer.diagnose import Rule, load_rules, run_tests
from analyzer.diagnose.vocabulary import VOCABULARY
from analyzer.measure.family import Settings, Threshold
from analyzer.measure.metrics import families
from analyzer.measure.scope import Scope
from tests.conftest import MakeLake, Run
from tests.logs import export, invocation, write_export

FOLDER = Path(__file__).parents[2] / "rules"
IDS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
RULES = load_rules(FOLDER)

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)

MINE = """\
id: mine
title: A slow neighbour
severity: info
explains: [slow]
hypothesis: Calls of {function} wait for a neighbour.
prior: 0.5
supported_when: duration.p50 >= 3 s
evidence:
  for:
    - if: duration.p50 >= 3 s
      strength: direct
      say: "Half take {duration.p50}."
refuted_by: fast calls.
settled_by: traces.
tests:
  - name: slow calls
    given: {duration.p50: [4000, 5000]}
    expect: supported
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with a rule of one's own."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "mine.yaml").write_text(MINE)
    return folder


# ── what is shipped ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_file_is_a_rule() -> None:
    assert [rule.id for rule in RULES] == IDS
    assert len(IDS) >= 6


@each_rule
def test_the_tests_of_a_rule_pass(rule: Rule) -> None:
    assert [f"{one.name}: {one.problem}" for one in run_tests(rule) if not one.passed] == []


@each_rule
def test_a_rule_shows_what_supports_it_what_refutes_it_and_where_it_cannot_be_tested(rule: Rule) -> None:
    assert {"supported", "refuted", "untestable"} <= {test.expect for test in rule.tests}


@each_rule
def test_a_test_of_what_cannot_be_tested_states_the_reason(rule: Rule) -> None:
    assert [test.name for test in rule.tests if (test.expect == "untestable") != (test.reason is not None)] == []


@each_rule
def test_every_reason_that_a_rule_gives_is_shown_by_a_test(rule: Rule) -> None:
    assert {gap.reason for gap in rule.gaps} <= {test.reason for test in rule.tests}


@each_rule
def test_the_names_of_a_rules_tests_differ(rule: Rule) -> None:
    names = [test.name for test in rule.tests]
    assert len(names) == len(set(names))


@each_rule
def test_a_rule_explains_a_symptom_and_says_what_would_settle_it(rule: Rule) -> None:
    assert rule.explains
    assert rule.refuted is not None
    assert rule.refuted_by
    assert rule.settled_by


@each_rule
def test_a_rule_has_something_to_do_and_signs_for_both_sides(rule: Rule) -> None:
    assert any("supported" in action.verdicts for action in rule.actions)
    assert rule.signs_for
    assert rule.signs_against


@each_rule
def test_a_rule_follows_from_others_that_are_shipped(rule: Rule) -> None:
    assert set(rule.follows) <= set(IDS) - {rule.id}


@each_rule
def test_references_are_links_to_documentation(rule: Rule) -> None:
    assert rule.references
    link = re.compile(r"https://docs\.aws\.amazon\.com/[\w/.-]+\.html(#[\w-]+)?")
    assert [text for text in rule.references if not link.fullmatch(text)] == []


@pytest.fixture
def units(make_lake: MakeLake) -> dict[str, str]:
    """Every metric that measuring the rows of the families' examples gives, each as a function of its own, with its unit."""
    names = {family.name: {"function": family.name} for family in families()}
    invocations = [names[family.name] | row for family in families() for row in family.example.invocations]
    invocations += [{"function": "cold_starts", "init_ms": 800.0}] * 20  # the least that show a 95th percentile
    invocations += [{"function": "timeouts", "duration_ms": 1.0}] * 1000  # the least that show a 99.9th
    events = [names[family.name] | row for family in families() for row in family.example.events]
    settings = Settings(Threshold("duration>60s", 60_000.0), region="us-east-1")
    with make_lake(invocations, events).open() as engine:
        measured = [
            one for family in families() for one in family.measure(engine, Scope(function=family.name), settings)
        ]
    return {one.metric: one.unit for one in measured}


def test_every_metric_that_a_rule_names_is_measured(units: dict[str, str]) -> None:
    """As the files are written, without a link's last part."""
    text = "".join(re.sub(r"https://\S+", "", path.read_text()) for path in FOLDER.glob("*.yaml"))
    families_of_names = {name.partition(".")[0] for name in VOCABULARY if "." in name}
    named = set(re.findall(rf"\b(?:{'|'.join(families_of_names)})\.[a-z][\w.]*\w", text))
    assert len(named) >= 20
    assert named - set(units) == set()


def test_the_vocabulary_is_what_is_measured_in_its_unit(units: dict[str, str]) -> None:
    assert {metric: unit for metric, (unit, _) in VOCABULARY.items()} == units


# ── the commands ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_rules_list_shows_every_rule_with_its_severity(run: Run) -> None:
    ran = run("rules", "list")
    assert ran.code == 0
    assert [line.split()[:2] for line in ran.out.splitlines()] == [[rule.id, rule.severity] for rule in RULES]
    assert all(rule.title in ran.out for rule in RULES)


def test_rules_list_shows_a_rule_of_ones_own_among_the_others(run: Run, mine: Path) -> None:
    ran = run("rules", "list", mine)
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == sorted([*IDS, "mine"])


@pytest.mark.parametrize("name", IDS)
def test_rules_show_prints_a_rule_as_it_is_written(run: Run, name: str) -> None:
    ran = run("rules", "show", name)
    assert (ran.code, ran.out) == (0, (FOLDER / f"{name}.yaml").read_text())


def test_rules_show_of_an_unknown_id_names_those_there_are(run: Run) -> None:
    ran = run("rules", "show", "gremlins")
    assert ran.code == 2
    (sentence,) = ran.err.splitlines()
    assert f"there is no rule gremlins; there are {', '.join(IDS)}" in sentence
    assert ran.out == ""


def test_rules_show_of_a_rule_of_ones_own_needs_its_folder(run: Run, mine: Path) -> None:
    assert run("rules", "show", "mine").code == 2
    assert run("rules", "show", "mine", mine).out == MINE


def test_rules_test_passes_for_what_is_shipped(run: Run) -> None:
    ran = run("rules", "test")
    assert ran.code == 0
    for rule in RULES:
        number = len(rule.tests)
        assert re.search(rf"^{rule.id} +{number} of {number} tests passed$", ran.out, re.MULTILINE)


def test_rules_test_with_a_failing_test_ends_with_1_and_names_it(run: Run, mine: Path) -> None:
    (mine / "mine.yaml").write_text(
        MINE + "  - name: fast calls\n    given: {duration.p50: 20}\n    expect: refuted\n"
        "  - name: nothing at all\n    given: {}\n    expect: untestable\n    reason: U1\n"
    )
    ran = run("rules", "test", mine)
    assert ran.code == 1
    lines = ran.out.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("mine "))
    assert lines[at].endswith("1 of 3 tests passed")
    assert lines[at + 1 : at + 3] == [
        "  fast calls: expected refuted, got not-supported",
        "  nothing at all: expected untestable U1, got untestable U3",
    ]


def test_rules_test_says_which_verdict_no_test_of_a_rule_shows(run: Run, mine: Path) -> None:
    ran = run("rules", "test", mine)
    assert re.search(r"^mine +1 of 1 tests passed; none shows it refuted or untestable$", ran.out, re.MULTILINE)


def test_rules_metrics_lists_whatever_a_rule_may_name(run: Run) -> None:
    ran = run("rules", "metrics")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == list(VOCABULARY)


def test_rules_test_runs_the_rules_of_a_folder_alone(run: Run, mine: Path) -> None:
    ran = run("rules", "test", mine)
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == ["mine"]


def test_rules_test_prints_what_a_rule_says_when_it_is_asked_to(run: Run) -> None:
    said = run("rules", "test", "--verbose").out
    assert (
        "  one memory size: untestable U1, probability 0.35\n    All an unknown value invocations ran at 512 MB."
        in said
    )
    assert "\n    for: Durations fell as memory grew: elasticity 0.950 (95 % CI 0.800–1.10), where 1 " in said
    assert '\n    action: Measure another memory size {"MemorySize": null}\n' in said


@pytest.mark.parametrize("command", [["list"], ["show", "cold-start"], ["test"]])
def test_a_folder_that_is_not_there_ends_with_2(run: Run, tmp_path: Path, command: list[str]) -> None:
    ran = run("rules", *command, tmp_path / "nowhere")
    assert ran.code == 2
    assert f"there is no folder of rules {tmp_path / 'nowhere'}" in ran.err


def test_a_folder_without_a_rule_to_test_ends_with_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(MINE)
    ran = run("rules", "test", tmp_path)
    assert ran.code == 2
    assert f"there is no rule in {tmp_path}: rules are files that end in .yaml" in ran.err


@pytest.mark.parametrize("command", [["list"], ["show", "cold-start"], ["test"]])
def test_a_broken_rule_ends_with_2_and_its_place(run: Run, mine: Path, command: list[str]) -> None:
    (mine / "mine.yaml").write_text(MINE.replace("prior: 0.5", "prior: 5"))
    ran = run("rules", *command, mine)
    assert ran.code == 2
    assert f"{mine / 'mine.yaml'}:6: " in ran.err
    assert "Traceback" not in ran.err


def test_a_rule_of_the_same_id_replaces_the_shipped_one(run: Run, mine: Path) -> None:
    (mine / "mine.yaml").rename(mine / "cold-start.yaml")
    own = MINE.replace("id: mine", "id: cold-start")
    (mine / "cold-start.yaml").write_text(own)
    assert run("rules", "show", "cold-start", mine).out == own
    listed = run("rules", "list", mine).out
    assert [line.split()[0] for line in listed.splitlines()] == IDS
    assert "A slow neighbour" in listed
    assert "Cold starts" not in listed


# ── in a report ──────────────────────────────────────────────────────────────────────────────────────────────────────


def hypotheses(run: Run, folder: Path, *arguments: str | Path) -> dict[str, Any]:
    """The hypotheses of a report on three slow calls, by their ids."""
    ids = [f"6556e9bb-dd89-49e6-9dc4-d8344fdc37c{number}" for number in range(3)]
    lines = [line for name in ids for line in invocation("working", request_id=name, duration=4_200.0)]
    write_export(folder / "logs", export(*lines))
    ran = run("analyze", folder / "logs", *arguments, "-o", folder / "report.json")
    assert ran.code == 0, ran.err
    (function,) = json.loads((folder / "report.json").read_text())["functions"]
    return {one["id"]: one for one in function["hypotheses"]}


def test_a_report_holds_a_hypothesis_for_each_shipped_rule(run: Run, tmp_path: Path) -> None:
    found = hypotheses(run, tmp_path)
    assert sorted(found) == IDS
    assert sorted(one["rank"] for one in found.values()) == list(range(1, len(IDS) + 1))


def test_a_rule_of_ones_own_is_held_against_the_logs(run: Run, tmp_path: Path, mine: Path) -> None:
    found = hypotheses(run, tmp_path, "--rules", mine)
    assert sorted(found) == sorted([*IDS, "mine"])
    assert found["mine"]["statement"] == "Calls of checkout wait for a neighbour."
    assert found["mine"]["verdict"] in ("supported", "weak")


def test_a_rule_of_the_same_id_is_the_only_one_in_the_report(run: Run, tmp_path: Path, mine: Path) -> None:
    (mine / "mine.yaml").unlink()
    (mine / "cold-start.yaml").write_text(MINE.replace("id: mine", "id: cold-start"))
    found = hypotheses(run, tmp_path, "--rules", mine)
    assert sorted(found) == IDS
    assert found["cold-start"]["title"] == "A slow neighbour"
