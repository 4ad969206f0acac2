"""What looks like trouble and is expected is named as such, and only while nothing speaks for a cause."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run


@pytest.fixture
def report(tmp_path: Path, run: Run) -> Any:
    """Simulated logs of a scenario, reported: the Markdown, and what report.json holds."""

    def write(scenario: str, invocations: int) -> tuple[str, Any]:
        logs, folder = tmp_path / "logs", tmp_path / "report"
        assert run("simulate", scenario, "-o", logs, "--seed", "5", "--invocations", str(invocations)).code == 0
        assert run("analyze", logs, "-o", folder).code == 0
        return (folder / "report.md").read_text(), json.loads((folder / "report.json").read_text())

    return write


@pytest.mark.parametrize(
    ("scenario", "invocations", "kind", "said"),
    [
        ("daily-rhythm", 1500, "daily-traffic", "**traffic follows the day**: "),
        ("slow-by-nature", 600, "slow-by-nature", "**slow by nature**: "),
        ("cold-cron", 120, "cold-schedule", "**cold on a schedule**: it runs every "),
    ],
)
def test_an_expected_pattern_is_named_and_is_no_finding(
    report: Any, scenario: str, invocations: int, kind: str, said: str
) -> None:
    text, found = report(scenario, invocations)
    (pattern,) = [one for one in found["expected"] if one["kind"] == kind]
    section = text.partition("### Expected, not a finding")[2].partition("\n## ")[0]
    assert said in section
    numbers = pattern["numbers"].values()
    assert numbers
    assert all(f"#{one['evidence']}" in text for one in numbers)
    assert not [one for one in found["functions"][0]["hypotheses"] if one["verdict"] == "supported"]


def test_what_is_slow_by_nature_is_not_called_degraded(report: Any) -> None:
    text, found = report("slow-by-nature", 600)
    assert found["status"] == "insufficient-data", "whether the work has to take so long, logs cannot tell"
    assert "verdict: **slow from the first call to the last, and these logs do not say why**" in text
    assert "degraded" not in text
    brief = text.partition("## In plain words")[2].partition("\n## ")[0]
    assert "It was so from the first call to the last, [as shown here](#expected-not-a-finding)" in brief


def test_what_became_slow_is_not_called_slow_by_nature(report: Any) -> None:
    text, found = report("deploy-slower", 800)
    assert found["expected"] == []
    assert "Expected, not a finding" not in text
    assert "from the first call to the last" not in text
    assert "verdict: **degraded" in text
