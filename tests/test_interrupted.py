"""Full disks, folders that cannot be written and Ctrl-C: one sentence, and a lake that reads as before."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from analyzer.ingest import ingest
from analyzer.lake import TABLES, Lake
from tests.conftest import Run
from tests.logs import TASK, export, invocation, write_export
from tests.test_errors import said
from tests.test_killed import contents

GOES_ON = "what was added before is there, and the same command goes on from it"
# `reportline` with two processes, however little there is to read.
TWO_PROCESSES = (
    "import sys; from analyzer.ingest import workers; workers.WORTHWHILE = 0; from analyzer import ingest;"
    "import analyzer.ingest as room; room.cores = lambda: 2; from analyzer.cli import main; main()"
)


def files(lake: Path) -> list[str]:
    return sorted(path.name for path in lake.rglob("*") if path.is_file())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake that holds something."""
    write_export(tmp_path / "before", export(*invocation("working")))
    ingest([str(tmp_path / "before")], there := Lake(tmp_path / "lake"))
    return there


def many(folder: Path, streams: int, calls: int) -> Path:
    """An export of this many streams of this many invocations."""
    for stream in range(streams):
        ids = (str(uuid.UUID(int=(stream << 64) + call, version=4)) for call in range(calls))
        lines = [line for one in ids for line in invocation("working", request_id=one, duration=5.0)]
        path = folder / "checkout" / TASK / f"2026-03-17-[$LATEST]{stream:032x}" / "000000"
        path.parent.mkdir(parents=True)
        path.write_text(export(*lines))
    return folder


def no_larger_than(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_disk_that_takes_no_more_is_said_and_leaves_the_lake_as_it_was(
    lake: Lake, tmp_path: Path, processes: int
) -> None:
    logs = many(tmp_path / "logs", 60, 400)
    before, there = contents(lake), files(lake.folder)
    command = ["-m", "analyzer"] if processes == 1 else ["-c", TWO_PROCESSES]
    ran = subprocess.run(
        [sys.executable, *command, "ingest", str(logs), "--lake", str(lake.folder)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=no_larger_than(100_000),
    )
    assert ran.returncode == 2
    assert ran.stderr == f"reportline: cannot write to the lake {lake.folder}: {os.strerror(errno.EFBIG)}; {GOES_ON}\n"
    assert (contents(lake), files(lake.folder)) == (before, there)


def test_a_disk_that_is_full_while_pasted_lines_are_read_is_no_damaged_file(
    run: Run, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "Error writing bytes to file")

    (tmp_path / "ticket.txt").write_text("\n".join(invocation("working")))
    before = contents(lake)
    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    ran = run("ingest", tmp_path / "ticket.txt", "--lake", lake.folder)
    assert ran.code == 2
    assert said(ran) == f"reportline: cannot write to the lake {lake.folder}: {os.strerror(errno.ENOSPC)}; {GOES_ON}"
    assert contents(lake) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_small_disk_that_fills_up(lake: Lake, tmp_path: Path) -> None:
    (disk := tmp_path / "disk").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], check=False).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        small = Lake(disk / "lake")
        ingest([str(tmp_path / "before")], small)
        before = contents(small)
        logs = many(tmp_path / "logs", 60, 400)
        command = [sys.executable, "-m", "analyzer", "ingest", str(logs), "--lake", str(small.folder)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 2
        assert os.strerror(errno.ENOSPC) in ran.stderr
        assert contents(small) == before
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 2
        assert os.strerror(errno.EROFS) in ran.stderr
        assert contents(small) == before
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("processes", [1, 2])
def test_control_c_leaves_a_clean_lake_and_130(lake: Lake, tmp_path: Path, processes: int) -> None:
    logs = many(tmp_path / "logs", 60, 400)
    for number in range(4):  # slow to read, so that there is something to interrupt
        (logs / f"{number}.txt").write_text("\n".join("\n".join(invocation("working")) for _ in range(40_000 + number)))
    command = ["-m", "analyzer"] if processes == 1 else ["-c", TWO_PROCESSES]
    with subprocess.Popen(
        [sys.executable, *command, "ingest", str(logs), "--lake", str(lake.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell starts what it puts in the background deaf to Ctrl-C, and these tests may be there.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        while not any(name.startswith(".") for name in files(lake.folder)):
            assert process.poll() is None
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to everybody
        _, complaint = process.communicate()
    assert (process.returncode, complaint) == (130, "")
    left = files(lake.folder)
    assert not any(name.startswith(".") for name in left)
    assert len(left) == len(TABLES) * len(lake.commits())
    assert len(contents(lake)["invocations"]) >= 1
