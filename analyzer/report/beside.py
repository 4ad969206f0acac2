"""Draws the pictures in a second process, which loads matplotlib while this one still measures.

To load it and to draw takes as long as everything else about a report on few invocations.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import Connection

from analyzer.report.drawing import drawing, time_axis
from analyzer.report.page import Picture
from analyzer.report.pictures import Sketch, drawn


@contextmanager
def second_process() -> Iterator[Connection]:
    """A process that gets ready to draw. It is a new one: a copy of this one would hold the locks of DuckDB's threads."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_draw, args=(there,), daemon=True)
    process.start()
    # The other process alone holds its end, so that it is seen here when that process is no more.
    there.close()
    try:
        yield here
    finally:
        here.close()
        process.terminate()
        process.join()


def _draw(pipe: Connection) -> None:
    # Ctrl-C goes to every process of a terminal; the first one ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with drawing(1.0, "") as picture:
        time_axis(picture.rows(1.0)[0], [])
        picture.svg()
    pipe.send(drawn(pipe.recv()))


def drawn_beside(sketches: list[Sketch], pipe: Connection) -> Callable[[], list[Picture]]:
    """Has the pictures drawn by the other process from now on; what is returned waits for them.

    A process that was killed, for want of memory as a rule, is no reason to lose what was measured: they are drawn here then.
    """
    here = partial(drawn, sketches)
    try:
        pipe.send(sketches)
    except OSError:
        return here

    def finished() -> list[Picture]:
        try:
            pictures: list[Picture] = pipe.recv()
        except (EOFError, OSError):
            return here()
        return pictures

    return finished
