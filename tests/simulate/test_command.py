"""`reportline simulate`, as people run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analyzer.simulate import CONTAINERS, scenarios
from tests.conftest import Run


def test_the_list_names_every_scenario_with_a_sentence(run: Run) -> None:
    ran = run("simulate", "--list")
    listed = {line[:28].strip(): line[28:].strip() for line in ran.out.splitlines()}
    assert ran.code == 0
    assert listed == {name: scenario.sentence for name, scenario in scenarios().items()}
    assert all(sentence.endswith(".") for sentence in listed.values())


def test_logs_and_their_truth_are_written_and_can_be_analysed(run: Run, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    ran = run("simulate", "out-of-memory", "-o", logs, "--seed", "4", "--invocations", "150")
    assert (ran.code, ran.out) == (0, f"{logs / 'truth.json'}\n")
    truth = json.loads((logs / "truth.json").read_text())
    assert truth["injects"] == ["out-of-memory"]
    assert (truth["seed"], truth["ranges"]) == (4, "tuning")
    assert truth["invocations"] >= 150
    assert run("analyze", logs, "-o", tmp_path / "report.json").code == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert [function["name"] for function in report["functions"]] == [truth["function"]]
    assert report["functions"][0]["invocations"] == truth["invocations"]


@pytest.mark.parametrize("container", sorted(CONTAINERS))
def test_every_container_can_be_asked_for(container: str, run: Run, tmp_path: Path) -> None:
    ran = run("simulate", "steady", "-o", tmp_path / "logs", "--invocations", "20", "--container", container)
    assert ran.code == 0


def test_an_empty_folder_is_as_good_as_none(run: Run, tmp_path: Path) -> None:
    assert run("simulate", "steady", "-o", tmp_path, "--invocations", "5").code == 0


def _occupied(folder: Path) -> Path:
    (folder / "notes.txt").write_text("mine")
    return folder


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("no-such-fault",), "there is no scenario no-such-fault; there are"),
        (("steady", "--container", "carrier-pigeon"), "logs cannot be written as carrier-pigeon; they can as"),
        (("steady", "--ranges", "wishes"), "there is no file of ranges wishes; there are held-out, tuning"),
    ],
)
def test_a_slip_is_one_plain_sentence(arguments: tuple[str, ...], says: str, run: Run, tmp_path: Path) -> None:
    ran = run("simulate", *arguments, "-o", tmp_path / "logs")
    assert ran.code == 2
    assert ran.err.startswith(f"reportline: {says}")
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "logs").exists()


def test_a_folder_with_something_in_it_is_left_alone(run: Run, tmp_path: Path) -> None:
    ran = run("simulate", "steady", "-o", _occupied(tmp_path))
    assert ran.code == 2
    assert "is not an empty folder" in ran.err
    assert ran.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_the_place_of_the_folder_is_left_alone(run: Run, tmp_path: Path) -> None:
    ran = run("simulate", "steady", "-o", _occupied(tmp_path) / "notes.txt")
    assert ran.code == 2
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_scenario_and_the_folder_have_to_be_said(run: Run, tmp_path: Path) -> None:
    for arguments in ((), ("steady",), ("-o", tmp_path / "logs")):
        ran = run("simulate", *arguments)
        assert ran.code == 2
        assert "--list" in ran.err
