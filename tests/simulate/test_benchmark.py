"""The benchmark of diagnosis counts as it says, and both ways from a case to hypotheses agree."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "truth" / "diagnosis.py"


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("diagnosis", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["diagnosis"] = module
    spec.loader.exec_module(module)
    return module


def result(
    benchmark: ModuleType,
    scenario: str,
    injects: list[str],
    *opinions: tuple[str, str, float],
    also: tuple[str, ...] = (),
) -> object:
    return benchmark.Result(
        spec=benchmark.Spec(scenario, 1, 250, "tuning", False),
        manifest=bool(injects),
        injects=injects,
        true=frozenset(injects) | frozenset(also),
        expects={},
        opinions=[benchmark.Opinion(*opinion, "warning") for opinion in opinions],
        seconds={},
    )


@pytest.mark.parametrize("scenario", ["cpu-starved", "out-of-memory"])
def test_text_and_rows_lead_to_the_same_hypotheses(benchmark: ModuleType, scenario: str) -> None:
    specs = [benchmark.Spec(scenario, 2, 250, "tuning", text) for text in (False, True)]
    by_rows, by_text = (benchmark.judge(spec) for spec in specs)
    assert by_rows.opinions == by_text.opinions
    assert by_rows.named[0] in by_rows.injects


def test_the_first_and_the_first_three_are_counted(benchmark: ModuleType) -> None:
    right = result(benchmark, "out-of-memory", ["out-of-memory"], ("out-of-memory", "supported", 0.9))
    second = result(
        benchmark, "cold-start", ["cold-start"], ("algorithmic", "supported", 0.9), ("cold-start", "weak", 0.6)
    )
    refuted = result(benchmark, "cold-start", ["cold-start"], ("cold-start", "refuted", 0.01))
    scores = benchmark.scores([right, second, refuted])
    assert "(1/3)" in scores["top-1"]
    assert "(2/3)" in scores["top-3"]
    assert "(1/3)" in scores["missed"]
    assert "(1/3)" in scores["wrong beside a fault"]
    assert "(1/3)" in scores["fixed order: top-1"]
    assert "(3/3)" in scores["fixed order: top-3"]


def test_what_came_along_is_no_false_alarm(benchmark: ModuleType) -> None:
    quiet = result(benchmark, "steady", [], ("cold-start", "refuted", 0.01))
    cold = result(benchmark, "steady", [], ("cold-start", "supported", 0.9), also=("cold-start",))
    wrong = result(benchmark, "steady", [], ("cold-start", "supported", 0.9))
    assert "(1/3)" in benchmark.scores([quiet, cold, wrong])["false alarms on healthy"]


def test_calibration_error_is_the_distance_of_what_was_said_and_what_was_true(benchmark: ModuleType) -> None:
    sure = [result(benchmark, "cold-start", ["cold-start"], ("cold-start", "supported", 0.9)) for _ in range(9)]
    wrong = result(benchmark, "steady", [], ("cold-start", "supported", 0.9))
    assert benchmark.calibration_error([*sure, wrong]).startswith("0.000")
    assert benchmark.calibration_error([wrong]).startswith("0.900")
    untested = result(benchmark, "steady", [], ("cold-start", "untestable", 0.2))
    assert benchmark.calibration_error([untested]) == "–"


def test_a_tenth_goes_through_text(benchmark: ModuleType) -> None:
    specs = benchmark.specs({250: 10}, "held-out", 10_000)
    assert len({(spec.scenario, spec.seed) for spec in specs}) == len(specs)
    assert sum(spec.text for spec in specs) == pytest.approx(len(specs) / 10, abs=1)
    assert len({spec.scenario for spec in specs if spec.text}) > 5
