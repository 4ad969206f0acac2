"""Lines of a file, none of them longer than an event can be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import Problems

# CloudWatch takes events of up to one megabyte. What is longer is no event, and must not fill the memory.
LONGEST_EVENT = 2 << 20


def lines_of(file: BinaryIO, problems: Problems) -> Iterator[tuple[int, bytes]]:
    """Every line with the place where it begins, its end included. What is too long is cut, and `problems` told of it."""
    position = 0
    while line := file.readline(LONGEST_EVENT):
        begin, position = position, position + len(line)
        if len(line) == LONGEST_EVENT and not line.endswith(b"\n"):
            rest = file.readline(LONGEST_EVENT)
            if rest.strip():
                problems(f"the line at byte {begin} is longer than {LONGEST_EVENT:,} bytes; the rest is left out")
            while rest and not rest.endswith(b"\n"):
                position += len(rest)
                rest = file.readline(LONGEST_EVENT)
            position += len(rest)
        yield begin, line
