"""The last 4 KB of an invocation's log, as `aws lambda invoke --log-type Tail` answers it, in base64, or as the console's
test pane shows it under "Function Logs".

Where the START is there, no line after it is missing. Where it is not, the first line was cut somewhere in the middle.
"""

from __future__ import annotations

import base64
import binascii
import io
import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers import loose_lines
from analyzer.ingest.containers.container import PLATFORM_LINE, Container, Problems
from analyzer.ingest.containers.json_stream import as_text
from analyzer.ingest.containers.json_values import json_values
from analyzer.ingest.packing import as_far_as_it_goes
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

FIELD = "LogResult"
# With `--query LogResult`, or with `--output text` between the version and the status.
BARE = re.compile(rb'^(?:[^\t\n]*\t)?"?(?P<base64>[A-Za-z0-9+/]{40,}={0,2})"?(?:\t\d{3})?\r?$', re.MULTILINE)
# The tools for .NET call it otherwise.
PANE = re.compile(rb"^(?:Function Logs|Log Tail):?[ \t]*\r?\n", re.MULTILINE)
PANE_ENDS = re.compile(rb"^Request ID\b(?:: *\S+|[ \t]*\r?\n\S+)?[ \t]*\r?$", re.MULTILINE)
# What the pane says of the test, before its log: how it went, and what the function answered.
PANE_BEGINS = re.compile(rb"^(?:Status:|Test Event Name\b|Response\b)", re.MULTILINE)
LOGGED = re.compile(rb"^(?:" + PLATFORM_LINE.pattern + rb")|(?<=\})\{\"time\":", re.MULTILINE)
# In the JSON format, objects may follow each other without a line feed.
GLUED = re.compile(rb'\}(?=\{"(?:time|timestamp|level)":)')


def recognises(head: bytes) -> bool:
    if match := BARE.match(head.lstrip()):
        return LOGGED.search(_unpacked(match["base64"])) is not None
    if pane := PANE.search(head):
        return LOGGED.search(head, pane.end()) is not None
    return FIELD.encode() in head and any(True for _ in _answers(head, Problems()))


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    content, broke = as_far_as_it_goes(file)
    for position, tail in _tails(content, problems):
        text = GLUED.sub(b"}\n", tail)
        # Nothing says which environment answered, only that it was one.
        stream = f"{log.name}:{position}"
        for record in loose_lines.events(loose_lines.bare_lines(io.BytesIO(text), problems), stream):
            yield Record(record.message, position, stream=stream)
    if broke is not None:
        raise broke


def _tails(content: bytes, problems: Problems) -> Iterator[tuple[int, bytes]]:
    if BARE.match(content.lstrip()):
        yield from _bare(content, problems)
    elif PANE.search(content):
        yield from _panes(content, problems)
    else:
        yield from _answers(content, problems)


def _bare(content: bytes, problems: Problems) -> Iterator[tuple[int, bytes]]:
    behind = 0
    for match in BARE.finditer(content):
        if tail := _unpacked(match["base64"]):
            problems.foreign(behind, content[behind : match.start()])
            behind = match.end()
            yield match.start(), tail
    problems.foreign(behind, content[behind:])


def _panes(content: bytes, problems: Problems) -> Iterator[tuple[int, bytes]]:
    behind = 0
    for pane in PANE.finditer(content):
        before = PANE_BEGINS.search(content, behind, pane.start()) or pane
        problems.foreign(behind, content[behind : before.start()])
        following, end = PANE.search(content, pane.end()), PANE_ENDS.search(content, pane.end())
        if following and (not end or following.start() < end.start()):
            behind, end = following.start(), None
        else:
            behind = end.end() if end else len(content)
        yield pane.end(), content[pane.end() : end.start() if end else behind]
    problems.foreign(behind, content[behind:])


def _answers(content: bytes, problems: Problems) -> Iterator[tuple[int, bytes]]:
    """The tails in answers, which may stand in a list. The one value in front of an answer is what the function returned."""
    returned: tuple[int, object] | None = None
    for position, value in json_values(content.decode("utf-8", "replace"), problems):
        for answer in value if isinstance(value, list) else [value]:
            if isinstance(answer, dict) and isinstance(tail := answer.get(FIELD), str):
                returned = None
                if unpacked := _unpacked(tail.encode("utf-8", "replace")):
                    yield position, unpacked
                else:
                    problems(f"the {FIELD} after character {position} is not base64")
            else:
                _none_of_an_answer(returned, problems)
                returned = position, answer
    _none_of_an_answer(returned, problems)


def _none_of_an_answer(value: tuple[int, object] | None, problems: Problems) -> None:
    if value:
        problems.foreign(value[0], as_text(value[1]))


def _unpacked(text: bytes) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""


CONTAINER = Container(
    name="invoke-log-tail",
    recognises=recognises,
    records=records,
    lacks=frozenset({"function", "log group", "stream", "time"}),
)
