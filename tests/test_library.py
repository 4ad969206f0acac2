"""What docs/library.md says is so: its code runs, and its columns are those of the DataFrames."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest

from analyzer import errors, measurements
from analyzer.lake import Lake
from analyzer.model import Unit
from tests.test_documents import ROOT, blocks, table

LIBRARY = ROOT / "docs" / "library.md"


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The names that the page's code leaves behind, run over the sample in the place of the reader's own logs."""
    folder = tmp_path_factory.mktemp("library")
    shutil.copytree(ROOT / "sample_logs" / "lambda-autotuner-agent", folder / "exported-logs")
    (code,) = blocks(LIBRARY, "python")
    found: dict[str, Any] = {"folder": folder}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(code, found)
    return found


def columns(heading: str) -> list[str]:
    return [name.strip() for row in table(LIBRARY, heading) for name in row[0].split(",")]


def test_the_columns_of_both_frames_are_those_that_the_page_describes(values: dict[str, Any]) -> None:
    assert list(values["calls"].columns) == columns("Invocations")
    assert sorted(values["numbers"].columns) == sorted(columns("Measurements"))


def test_units_are_those_that_the_page_names(values: dict[str, Any]) -> None:
    (row,) = (row for row in table(LIBRARY, "Measurements") if row[0] == "unit")
    named = set(row[1].replace(",", " ").split())
    assert set(values["numbers"]["unit"]) <= set(get_args(Unit)) <= named


def test_the_numbers_are_those_of_the_report(values: dict[str, Any]) -> None:
    report = json.loads((values["folder"] / "report" / "report.json").read_text())
    numbers = values["numbers"]
    assert len(report["functions"]) >= 1
    for function in report["functions"]:
        own = numbers[(numbers["function"] == function["name"]) & (numbers["metric"] == "duration.p50")]
        (one,) = own[own["population"] == "all invocations"].to_dict("records")
        stated = function["metrics"]["duration.p50"]
        for name in ("value", "low", "high", "n"):
            assert (None if pd.isna(one[name]) else one[name]) == stated[name], name


def test_no_number_stands_twice(values: dict[str, Any]) -> None:
    numbers = values["numbers"]
    assert not numbers.duplicated(["function", "metric", "population", "threshold"]).any()


def test_a_lake_without_invocations_is_said_to_be_empty(tmp_path: Path) -> None:
    Lake(tmp_path / "lake")
    with pytest.raises(errors.NoInvocations, match="holds no Lambda invocation"):
        measurements(tmp_path / "lake")
