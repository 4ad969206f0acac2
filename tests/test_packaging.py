"""What is built carries all it needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, ROOT],
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return path


def test_a_wheel_carries_the_rules_and_the_templates_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, where in (("rules", "rules"), ("report_templates", "report_templates")):
        there = [path.relative_to(ROOT / folder) for path in (ROOT / folder).rglob("*") if path.is_file()]
        wanted = {str(path) for path in there if "__pycache__" not in path.parts}
        assert {f"analyzer/_data/{where}/{name}" for name in wanted} <= names
    assert {"analyzer/measure/prices.json", "analyzer/ingest/library.so"} <= names
    assert "analyzer/diagnose/weights.yaml" in names
    assert {"analyzer/simulate/calibration.csv", "analyzer/simulate/scenarios/steady.yaml"} <= names
    assert not [name for name in names if name.startswith(("tests/", "sample_logs/", "docs/")) or "__pycache__" in name]


def test_an_installed_wheel_writes_a_report_far_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from analyzer.cli import main; main()"
    sample = ROOT / "sample_logs" / "lambda-autotuner-agent"
    ran = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "site", "analyze", sample, "-o", tmp_path / "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert (tmp_path / "out" / "report.md").read_text().startswith("# lambda-autotuner-agent: Lambda error analysis\n")
