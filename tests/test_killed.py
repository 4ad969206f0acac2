"""An ingest that is killed at any instant leaves a lake that reads as if the files in hand had not been tried."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from analyzer.ingest import ingest
from analyzer.lake import Lake
from tests.logs import TASK, export, invocation

TABLES = {
    "invocations": "request_id, stream, end_time, duration_ms, outcome, nth, complete, source, position",
    "events": "request_id, stream, time, kind, message, source, position",
    "sources": "source, sha256, lines, understood",
}
KILLS = 8


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six hundred streams of a few invocations, in which something goes wrong now and then."""
    folder, randomly = tmp_path_factory.mktemp("logs"), random.Random(7)
    for number in range(600):
        lines: list[str] = []
        for _ in range(randomly.randint(1, 12)):
            name = str(uuid.UUID(int=randomly.getrandbits(128), version=4))
            wrong = randomly.random() < 0.2
            said = f"[ERROR]\t2026-03-17T08:00:01.000Z\t{name}\tnothing to send" if wrong else "working"
            lines += invocation(said, request_id=name, duration=randomly.uniform(5, 5000))
        path = folder / "checkout" / TASK / f"2026-03-17-[$LATEST]{number:032x}" / "000000"
        path.parent.mkdir(parents=True)
        path.write_text(export(*lines))
    return folder


def contents(lake: Lake) -> dict[str, list[tuple[object, ...]]]:
    with lake.open() as engine:
        return {
            table: sorted(tuple(map(str, row.values())) for row in engine.rows(f"SELECT {columns} FROM {table}"))
            for table, columns in TABLES.items()
        }


def test_a_killed_ingest_that_is_taken_up_again_gives_the_lake_of_a_single_run(logs: Path, tmp_path: Path) -> None:
    whole = Lake(tmp_path / "whole")
    began = time.monotonic()
    ingest([str(logs)], whole)
    span = time.monotonic() - began
    expected = contents(whole)
    by_source = {row[0]: row for row in expected["sources"]}
    lake, randomly = tmp_path / "killed", random.Random(11)
    command = [sys.executable, "-m", "analyzer", "ingest", str(logs), "--lake", str(lake)]
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Anywhere from before the first import to after the last row.
        time.sleep(randomly.uniform(0.0, 0.4 + span))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        if not (lake / "sources").is_dir():
            continue
        found = contents(Lake(lake))
        # What is listed is there as a whole and once; what is not listed is not there at all.
        listed = [row[0] for row in found["sources"]]
        assert len(listed) == len(set(listed))
        for row in found["sources"]:
            assert row == by_source[row[0]]
        for table in ("invocations", "events"):
            assert found[table] == [row for row in expected[table] if row[-2] in set(listed)]
    assert killed
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert contents(Lake(lake)) == expected
