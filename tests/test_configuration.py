"""reportline.toml: what it says is done, flags win over it, and what is wrong in it is told with its line."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.conftest import Run
from tests.test_documents import README, blocks

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "sample_logs" / "lambda-autotuner-agent"
# The last of these invocations ended on 2026-03-17.
PASTED = ROOT / "sample_logs" / "containers" / "pasted-text" / "zgrep.txt"


def suppression(expires: str, **more: str) -> str:
    lines = [
        f'{key} = "{value}"' for key, value in ({"hypothesis": "application-error", "reason": "known"} | more).items()
    ]
    return "\n".join(["[[suppressions]]", *lines, f"expires = {expires}", ""])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report_in(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def test_the_example_of_the_readme_runs(run: Run, folder: Path) -> None:
    (example,) = blocks(README, "toml")
    (folder / "reportline.toml").write_text(example)
    (folder / "our-rules").mkdir()
    ran = run("analyze", SAMPLE, "-o", "out")
    # Nothing else is supported, so that the gate of the example holds.
    assert (ran.code, ran.err) == (0, "")
    assert (folder / "out" / "junit.xml").exists()
    assert (folder / "out" / "slack.json").exists()
    report = report_in(folder / "out")
    assert report["asked"]["thresholds"] == ["duration>2s", "duration>30s"]
    # These logs name their region themselves.
    assert "list price of us-east-1" in report["overall"]["metrics"]["cost.usd"]["note"]
    (told,) = report["suppressions"]
    assert (told["state"], told["findings"]) == ("in force", 1)


def test_flags_win_over_it(run: Run, folder: Path) -> None:
    (folder / "reportline.toml").write_text(
        'thresholds = ["duration>2s"]\nfunction = "from-file"\nredact = "off"\nregion = "eu-south-1"\n'
    )
    assert run("analyze", PASTED, "-o", "said").code == 0
    assert "list price of eu-south-1" in report_in(folder / "said")["overall"]["metrics"]["cost.usd"]["note"]
    assert (
        run(
            "analyze", PASTED, "-o", "flags", "--threshold", "duration>9s", "--function", "mine", "--redact", "strict"
        ).code
        == 0
    )
    assert [
        (report["asked"]["thresholds"], report["asked"]["redacted"], report["functions"][0]["name"])
        for report in (report_in(folder / "said"), report_in(folder / "flags"))
    ] == [(["duration>2s"], False, "from-file"), (["duration>9s"], True, "mine")]


def test_another_file_is_named_by_config(run: Run, folder: Path) -> None:
    (folder / "reportline.toml").write_text('function = "here"\n')
    (folder / "other.toml").write_text('function = "there"\n')
    assert run("analyze", PASTED, "-o", "out", "--config", "other.toml").code == 0
    assert report_in(folder / "out")["functions"][0]["name"] == "there"
    ran = run("analyze", PASTED, "-o", "out", "--config", "gone.toml")
    assert (ran.code, "cannot read gone.toml" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('function = "a"\n\ntresholds = ["duration>2s"]\n', ":3: there is no key tresholds; did you mean thresholds?"),
        ("quite_another = 1\n", "reportline.toml:1: there is no key quite_another; there are kind, function,"),
        ('function = ["a"]\n', "reportline.toml:1: function is a text in quotation marks"),
        ('# no list\nthresholds = "duration>2s"\n', "reportline.toml:2: thresholds is a list of texts"),
        ('thresholds = ["duration>fast"]\n', "reportline.toml:1: the threshold 'duration>fast' is not of the form"),
        ('function = "a"\nregion = nowhere\n', "reportline.toml:2: "),
        ('region = "moon-1"\n', "there are no prices of the region moon-1"),
        ('redact = "perhaps"\n', "redact 'perhaps' is none of strict, off"),
        (suppression("2026-06-30") + suppression("2026-06-30", reasn="x"), ":8: there is no key reasn; did you mean reason?"),
        (suppression('"2026-06-30"'), "reportline.toml:4: expires is a date such as 2026-12-31, without quotation marks"),
        ('[[suppressions]]\nhypothesis = "cold-start"\n', "reportline.toml:1: a suppression needs a reason, and this one has none"),
        ('[suppressions]\nreason = "x"\n', "reportline.toml:1: suppressions are written as [[suppressions]], one table each"),
        (suppression("2026-06-30", hypothesis="aplication-error"), "a suppression names aplication-error, which is no rule"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_it_is_told_with_its_line(run: Run, folder: Path, text: str, said: str) -> None:
    (folder / "reportline.toml").write_text(text)
    ran = run("analyze", PASTED, "-o", "out")
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert not (folder / "out").exists()


def test_a_suppressed_finding_is_told_and_fails_no_gate(run: Run, folder: Path) -> None:
    (folder / "reportline.toml").write_text(suppression("2026-03-17", function="user-authentication-service"))
    ran = run("analyze", SAMPLE, "-o", "out", "--fail-on", "info", *(f"--format={name}" for name in ("sarif", "junit")))
    assert ran.code == 0
    assert (
        "| `application-error` | `user-authentication-service` | 2026-03-17 | known | in force for 1 finding |"
        in (folder / "out" / "report.md").read_text()
    )
    ((result,),) = [one["results"] for one in json.loads((folder / "out" / "findings.sarif").read_text())["runs"]]
    assert result["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "known"}]
    cases = ElementTree.parse(folder / "out" / "junit.xml").getroot()
    assert cases.attrib["failures"] == "0"
    assert "suppressed: known" in [one.attrib["message"] for one in cases.iter("skipped")]
    rows = list(csv.DictReader(io.StringIO((folder / "out" / "findings.csv").read_text())))
    assert [row["hypothesis"] for row in rows if row["suppressed"]] == ["application-error"]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (suppression("2026-03-16"), "**expired**: 1 supported finding counts again"),
        (suppression("2026-06-30", function="another"), "meets no supported finding"),
    ],
)
def test_a_suppression_that_has_ended_or_meets_nothing_is_said(run: Run, folder: Path, toml: str, said: str) -> None:
    (folder / "reportline.toml").write_text(toml)
    assert run("analyze", SAMPLE, "-o", "out", "--fail-on", "info").code == 1
    assert said in (folder / "out" / "report.md").read_text()


def test_a_report_made_with_it_is_verified_without_it(run: Run, folder: Path) -> None:
    (folder / "reportline.toml").write_text('region = "eu-south-1"\n' + suppression("2026-03-17"))
    assert run("analyze", SAMPLE, "-o", "out", "--lake", "lake").code == 0
    (folder / "reportline.toml").unlink()
    assert run("verify", "out/report.json", "--lake", "lake").code == 0
