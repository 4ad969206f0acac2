"""A terminal shows how far an ingest is; anything else gets nothing but results."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from analyzer.ingest import Progress, ingest, workers
from analyzer.lake import Lake
from tests.logs import TASK, export, invocation, report

FILES = 40


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty streams of the fast path, and one long file of pasted text."""
    folder = tmp_path_factory.mktemp("logs")
    for number in range(FILES):
        ids = [f"{number:08x}-0000-4000-8000-{one:012x}" for one in range(200)]
        lines = [line for one in ids for line in invocation("working", request_id=one, duration=5.0)]
        path = folder / "checkout" / TASK / f"2026-03-17-[$LATEST]{number:032x}" / "000000"
        path.parent.mkdir(parents=True)
        path.write_text(export(*lines))
    return folder


def on_terminal(*arguments: str | Path) -> str:
    """What a terminal of 160 columns gets to see on standard error."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    command = [sys.executable, "-m", "analyzer", *map(str, arguments)]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "160"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=slave, env=environment) as process:
        os.close(slave)
        seen = b""
        try:
            while chunk := os.read(master, 4096):
                seen += chunk
        except OSError:  # how Linux says that nobody holds the other end any more
            pass
        os.close(master)
    assert process.returncode == 0
    return seen.decode()


def test_a_terminal_shows_how_much_is_read_how_fast_and_which_file(logs: Path, tmp_path: Path) -> None:
    seen = on_terminal("ingest", logs, "--lake", tmp_path / "lake")
    size = sum(path.stat().st_size for path in logs.rglob("*") if path.is_file())
    found = re.findall(rf"(\d+) of {size / 1e6:,.0f} MB, ([\d,]+) lines/s, ([\d,]+) invocations/s, …\S+/000000", seen)
    assert found
    assert max(int(megabytes) for megabytes, _, _ in found) == round(size / 1e6)


def test_what_is_piped_holds_no_progress(logs: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "analyzer", "ingest", str(logs), "--lake", str(tmp_path / "lake")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stderr == f"{200 * FILES:,} invocations added to {tmp_path / 'lake'}\n"
    assert "\x1b" not in ran.stdout


def test_a_report_that_is_piped_says_nothing_more_when_it_ends(logs: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "analyzer", "analyze", str(logs), "-o", str(tmp_path / "out")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ran.stderr.splitlines() == [line for line in ran.stderr.splitlines() if str(tmp_path) in line]


@pytest.mark.parametrize("processes", [1, 2])
def test_progress_moves_while_files_are_read_and_ends_where_everything_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setattr(workers, "WORTHWHILE", 0)
    files, many = 2, 8_000
    for number in range(files):
        ids = (f"{number:08x}-0000-4000-8000-{one:012x}" for one in range(many + number))
        (tmp_path / f"{number}.txt").write_text("".join(f"{report(one, duration=5.0)}\n" for one in ids))
    told: list[Progress] = []
    paths = [tmp_path / f"{number}.txt" for number in range(files)]
    ingest([str(path) for path in paths], Lake(tmp_path / "lake"), progress=told.append, processes=processes)
    assert len({one.bytes for one in told}) > files
    assert [one.bytes for one in told] == sorted(one.bytes for one in told)
    last, size = told[-1], sum(path.stat().st_size for path in paths)
    assert (last.files, last.lines, last.invocations) == (files, files * many + 1, files * many + 1)
    assert (last.bytes, last.total) == (size, size)


def test_how_much_there_is_to_read_is_not_known_of_a_pipe_or_an_archive(logs: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "-czf", tmp_path / "logs.tar.gz", "-C", logs, "."], check=True)
    told: list[Progress] = []
    ingest([str(tmp_path / "logs.tar.gz")], Lake(tmp_path / "lake"), progress=told.append)
    assert {one.total for one in told} == {None}
