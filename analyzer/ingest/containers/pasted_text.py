"""Text that somebody pasted or searched: platform lines among anything else, with or without a time in front.

A line counts only where it begins with what the platform writes, once a time, a list bullet, a quotation mark or the name of
a searched file is taken away; a REPORT quoted in the middle of a sentence does not. Nothing tells the streams apart and
nothing says which lines were left out, so the outcome of an invocation is known only where its own lines show it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers import loose_lines
from analyzer.ingest.containers.container import Container, Problems
from analyzer.ingest.sources import LogFile
from analyzer.model import Record


def recognises(head: bytes) -> bool:
    return b"\0" not in head and loose_lines.PREFIXED_PLATFORM_LINE.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    return loose_lines.events(loose_lines.copied_lines(file, problems))


CONTAINER = Container(
    name="pasted-text",
    recognises=recognises,
    records=records,
    lacks=frozenset({"function", "log group", "stream", "environments", "lines", "time"}),
    last_resort=True,
)
