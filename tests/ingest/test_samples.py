"""Out of every sample comes exactly what was put into it, and the larger sample has the figures it was made for."""

from __future__ import annotations

import gzip
import json
import re
import statistics
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from analyzer.ingest import ingest
from analyzer.lake import Lake
from tests.ingest.conftest import Rows, rows

SAMPLES = Path(__file__).parents[2] / "sample_logs"
AGENT = SAMPLES / "lambda-autotuner-agent"
CONTAINERS = SAMPLES / "containers"
FOLDERS = sorted(path.parent for path in SAMPLES.rglob("expect.json"))
# The same 44 invocations in every container. The first three carry every line of them, the last two REPORT lines alone.
WHOLE = (
    AGENT,
    CONTAINERS / "log-events-json" / "all.json",
    CONTAINERS / "console-csv" / "log-events-viewer-result.csv",
)
PASTED = (CONTAINERS / "pasted-text" / "zgrep.txt", CONTAINERS / "pasted-text" / "terminal.txt")
MEASURED = ("request_id", "duration_ms", "billed_ms", "init_ms", "memory_mb", "max_memory_mb")
WRITTEN_BY_HAND = {"README.md"} | {path.name for path in SAMPLES.glob("*.py")}


def read(path: Path, lake: Path) -> Rows:
    """Rows of the invocations under a path, in an order that no container decides."""
    there = Lake(lake)
    ingest([str(path)], there)
    return sorted(rows(there), key=lambda row: row["request_id"])


def without(row: dict[str, object], *columns: str) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in columns}


def reports(text: str) -> list[str]:
    return [line for line in text.splitlines() if " REPORT RequestId: " in line]


def durations(text: str) -> list[Decimal]:
    return [Decimal(number) for number in re.findall(r"\tDuration: ([\d.]+) ms\t", text)]


def exported(function: str = "*") -> str:
    """What stands in the exported files of the larger sample, read without Reportline."""
    return "".join(gzip.decompress(path.read_bytes()).decode() for path in sorted(AGENT.glob(f"{function}/*/*/*.gz")))


@pytest.fixture(scope="module")
def slow() -> list[Decimal]:
    """Durations above a minute in milliseconds, shortest first."""
    return sorted(duration for duration in durations(exported()) if duration > 60_000)


@pytest.mark.parametrize("folder", FOLDERS, ids=[str(folder.relative_to(SAMPLES)) for folder in FOLDERS])
def test_out_of_a_sample_comes_what_was_put_into_it(folder: Path, tmp_path: Path) -> None:
    expected = {
        str(folder / name): file for name, file in json.loads((folder / "expect.json").read_text())["files"].items()
    }
    for number, (name, file) in enumerate(expected.items()):
        # Many of them hold the same invocations, which count once in one lake.
        lake = Lake(tmp_path / str(number))
        (source,) = ingest([name], lake).read
        assert (source.container, source.lines, source.understood) == (
            file["container"],
            file["lines"],
            file["understood"],
        )
        assert (source.source, source.problems) == (name, [])
        found, wanted = rows(lake), {one["request_id"]: one for one in file["invocations"]}
        assert len(found) == len(file["invocations"])
        assert {
            row["request_id"]: {column: row[column] for column in wanted[row["request_id"]]} for row in found
        } == wanted


def test_the_samples_are_what_their_maker_writes(tmp_path: Path) -> None:
    for folder in ("first", "second"):
        subprocess.run(
            [sys.executable, "-B", str(SAMPLES / "make.py"), str(tmp_path / folder)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    first, second, committed = (
        {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        for folder in (tmp_path / "first", tmp_path / "second", SAMPLES)
    )
    assert first == second
    assert first.keys() == committed.keys() - WRITTEN_BY_HAND
    for name, content in first.items():
        # Another build of zlib may pack the same text into other bytes.
        unpack = gzip.decompress if name.endswith(".gz") else bytes
        assert unpack(content) == unpack(committed[name]), name


def test_the_same_invocations_come_out_of_every_container(tmp_path: Path) -> None:
    first, *others = (
        [[row[column] for column in MEASURED] for row in read(path, tmp_path / str(number))]
        for number, path in enumerate((*WHOLE, *PASTED))
    )
    assert len(first) == 44
    assert all(other == first for other in others)


def test_containers_that_carry_every_line_differ_in_the_name_of_the_function_alone(tmp_path: Path) -> None:
    export, *others = (read(path, tmp_path / str(number)) for number, path in enumerate(WHOLE))
    assert {row["function"] for row in export} == {folder.name for folder in AGENT.iterdir()}
    for other in others:
        assert {row["function"] for row in other} == {None}
        place = ("function", "source", "position")
        assert [without(row, *place) for row in other] == [without(row, *place) for row in export]


@pytest.mark.parametrize("path", PASTED, ids=lambda path: path.name)
def test_what_pasted_reports_do_not_carry_is_null_and_their_outcome_unknown(path: Path, tmp_path: Path) -> None:
    for row in read(path, tmp_path / "lake"):
        assert (row["outcome"], row["complete"]) == ("unknown", False)
        absent = ("function", "log_group", "stream", "version", "runtime", "nth", "error_type", "fingerprint")
        assert [row[column] for column in absent] == [None] * len(absent)


def test_the_larger_sample_counts_44_invocations_of_which_40_take_longer_than_a_minute(slow: list[Decimal]) -> None:
    counts = {folder.name: len(reports(exported(folder.name))) for folder in AGENT.iterdir()}
    assert counts == {
        "data-processing-pipeline": 18,
        "user-authentication-service": 14,
        "email-notification-sender": 12,
    }
    assert len(slow) == 40


def test_the_durations_of_the_larger_sample_have_the_figures_they_were_made_for(slow: list[Decimal]) -> None:
    shortest, longest = slow[0], slow[-1]
    assert statistics.mean(slow) == Decimal("165200.00")
    assert [f"{value / 1000:.1f}" for value in (shortest, longest, slow[37])] == ["61.5", "247.3", "230.2"]
    assert f"{100 * (longest - shortest) / shortest:.0f}" == "302"


def test_nothing_in_the_larger_sample_says_why_it_is_slow() -> None:
    text = exported()
    assert set(re.findall(r"Memory Size: (\d+) MB", text)) == {"512"}
    assert all(140 <= int(used) <= 380 for used in re.findall(r"Max Memory Used: (\d+) MB", text))
    assert not re.search(r"\w=\d|Status: |timed out", text)


def test_two_invocations_of_the_larger_sample_fail_alike_and_two_have_nothing_to_do() -> None:
    assert exported("user-authentication-service").count("[ERROR] KeyError: 'tenant_id'\nTraceback") == 2
    assert exported().count("[ERROR]") == 2
    assert exported("email-notification-sender").count("nothing to send") == 2


def test_every_environment_of_the_larger_sample_starts_cold_once_and_keeps_its_peak_of_memory() -> None:
    for path in AGENT.glob("*/*/*/*.gz"):
        text = gzip.decompress(path.read_bytes()).decode()
        first, *later = reports(text)
        assert text.index("INIT_START") == len("2026-03-17T08:00:00.000Z ")
        assert 400 <= float(first.partition("Init Duration: ")[2].removesuffix(" ms\t")) <= 1300
        assert not any("Init Duration" in line for line in later)
        peaks = [int(number) for number in re.findall(r"Max Memory Used: (\d+) MB", text)]
        assert peaks == sorted(peaks)
