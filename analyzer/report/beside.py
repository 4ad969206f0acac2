"""Draws the pictures and makes the page in a second process, which loads matplotlib while this one still measures.

To load it and to draw takes as long as everything else about a report on few invocations.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from msgspec import Struct

from analyzer.report.drawing import drawing, time_axis
from analyzer.report.page import Picture, page
from analyzer.report.pictures import Sketch, drawn


class Drawn(Struct, frozen=True):
    """The pictures, and the page that they are a part of where there is to be one."""

    pictures: list[Picture]
    page: str | None


class Easel:
    """Where a report's pictures are drawn: by the process at the other end of `pipe`, and here where there is none.

    A process that was killed, for want of memory as a rule, is no reason to lose what was measured: then it is done here too.
    """

    def __init__(self, sketches: list[Sketch], pipe: Connection | None) -> None:
        self.sketches = sketches
        self.pipe = pipe
        self._send(sketches)

    def put_on_page(self, markdown: str | None, generator: str) -> None:
        """What the pictures belong into; the other process goes on with that. Without `markdown` there is to be no page."""
        self.text = markdown, generator
        self._send(self.text)

    def drawn(self) -> Drawn:
        """Waits until all is done."""
        if self.pipe is not None:
            with suppress(EOFError, OSError):
                finished: Drawn = self.pipe.recv()
                return finished
        return _on_page(drawn(self.sketches), *self.text)

    def _send(self, what: object) -> None:
        # Of a process that is no more one hears when its answer is waited for.
        if self.pipe is not None:
            with suppress(OSError):
                self.pipe.send(what)


@contextmanager
def second_process() -> Iterator[Connection]:
    """A process that gets ready to draw. It is a new one: a copy of this one would hold the locks of DuckDB's threads."""
    here, there = Pipe()
    # Not `multiprocessing`: it starts a third process, and has this one's command line loaded in the other. The folder at
    # hand may be anybody's, so modules come from where this process has them from and not from there.
    code = f"from {__name__} import draw; draw({there.fileno()})"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONSAFEPATH": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        pass_fds=[there.fileno()],
        env=environment,
        stdin=subprocess.DEVNULL,
        # Ctrl-C goes to the whole group of a terminal's processes; this one ends the other.
        process_group=0,
    )
    # The other process alone holds its end, so that it is seen here when that process is no more.
    there.close()
    try:
        yield here
    finally:
        here.close()
        process.terminate()
        process.wait()


def draw(descriptor: int) -> None:
    """What the second process does. It ends when the first one does."""
    # It lives for as long as a report takes, and most of what it makes lives until then.
    gc.disable()
    with drawing(1.0, "") as picture:
        time_axis(picture.rows(1.0)[0], [])
        picture.svg()
    pipe = Connection(descriptor)
    with suppress(EOFError, OSError):
        pictures = drawn(pipe.recv())
        pipe.send(_on_page(pictures, *pipe.recv()))


def _on_page(pictures: list[Picture], markdown: str | None, generator: str) -> Drawn:
    return Drawn(pictures, None if markdown is None else page(markdown, pictures, generator))
