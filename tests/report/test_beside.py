"""A second process draws the pictures, to the same bytes, and a report gets on without it."""

from __future__ import annotations

import multiprocessing
from functools import partial
from pathlib import Path

from analyzer import analyze
from analyzer.report.beside import drawn_beside, second_process
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
    sketches = [Sketch("memory", "report-memory.svg", "96 MB of 128 MB", partial(bytes, b"<svg/>"))]
    pictures = [Picture("memory", "report-memory.svg", "96 MB of 128 MB", b"<svg/>")]
    with second_process() as pipe:
        finished = drawn_beside(sketches, pipe)
        kill_the_other()
        assert finished() == pictures
    with second_process() as pipe:
        kill_the_other()
        assert drawn_beside(sketches, pipe)() == pictures


def kill_the_other() -> None:
    (other,) = multiprocessing.active_children()
    other.kill()
    other.join()
