"""A second process draws the pictures, to the same bytes, and a report gets on without it."""

from __future__ import annotations

import os
import signal
from functools import partial
from multiprocessing import Pipe
from pathlib import Path

import pytest

from analyzer import analyze
from analyzer.report.beside import Drawn, Easel, second_process
from analyzer.report.page import Picture
from analyzer.report.pictures import Sketch
from tests.logs import OTHER_ID, export, invocation, write_export


def test_a_report_is_the_same_whoever_draws_its_pictures(tmp_path: Path) -> None:
    write_export(tmp_path / "logs", export(*invocation("working"), *invocation("working", request_id=OTHER_ID)))
    alone, beside = tmp_path / "alone", tmp_path / "beside"
    for output, processes in ((alone, 1), (beside, 2)):
        analyze([str(tmp_path / "logs")], output, processes=processes)
    names = sorted(path.relative_to(alone) for path in alone.rglob("*.*"))
    assert len([name for name in names if name.suffix == ".svg"]) == 4
    for name in names:
        assert (alone / name).read_bytes() == (beside / name).read_bytes(), name


def test_pictures_are_drawn_here_when_the_other_process_was_killed() -> None:
    sketches = [Sketch("memory", "report-memory.svg", "96 MB of 128 MB", partial(drawn_only_by, os.getpid()))]
    with second_process() as pipe:
        killed_while_drawing = Easel(sketches, pipe)
        killed_while_drawing.put_on_page("# A report", "reportline")
        finished = killed_while_drawing.drawn()
    here, there = Pipe()
    there.close()
    gone_before = Easel(sketches, here)
    gone_before.put_on_page("# A report", "reportline")
    assert finished == gone_before.drawn()
    assert finished.pictures == [Picture("memory", "report-memory.svg", "96 MB of 128 MB", b"<svg/>")]
    assert finished.page is not None
    assert "A report</h1>" in finished.page


def drawn_only_by(process: int) -> bytes:
    if os.getpid() != process:
        os.kill(os.getpid(), signal.SIGKILL)
    return b"<svg/>"


def test_the_second_process_takes_no_module_from_the_folder_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "matplotlib.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    with second_process() as pipe:
        pipe.send([Sketch("memory", "report-memory.svg", "96 MB of 128 MB", partial(bytes, b"<svg/>"))])
        pipe.send((None, "reportline"))
        drawn: Drawn = pipe.recv()
    assert [one.svg for one in drawn.pictures] == [b"<svg/>"]
