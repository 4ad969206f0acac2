"""Draws the pictures in a second process, which loads matplotlib while this one still measures.

To load it and to draw takes as long as everything else about a report on few invocations.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager

from analyzer.report.drawing import drawing, time_axis
from analyzer.report.page import Picture
from analyzer.report.pictures import Sketch, drawn


@contextmanager
def second_process() -> Iterator[Executor]:
    """A process that gets ready to draw. It is a new one: a copy of this one would hold the locks of DuckDB's threads."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as executor:
        executor.submit(_get_ready)
        yield executor


def _get_ready() -> None:
    # Ctrl-C goes to every process of a terminal; the first one ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with drawing(1.0, "") as picture:
        time_axis(picture.rows(1.0)[0], [])
        picture.svg()


def drawn_beside(sketches: list[Sketch], executor: Executor) -> Callable[[], list[Picture]]:
    """Has the pictures drawn by the other process from now on; what is returned waits for them."""
    try:
        future = executor.submit(drawn, sketches)
    except BrokenExecutor:
        return lambda: drawn(sketches)
    # Nothing more is asked of it, so that it ends while the page is written.
    executor.shutdown(wait=False)

    def finished() -> list[Picture]:
        try:
            return future.result()
        except BrokenExecutor:
            # It was killed, for want of memory as a rule, which is no reason to lose what was measured.
            return drawn(sketches)

    return finished
