"""What the containers have in common in which every event begins with a stamp, and a line without one continues it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import (
    INDENTED_PLATFORM_EVENT,
    PLATFORM_LINE,
    Problems,
    without_indentation,
)
from analyzer.ingest.containers.lines import LONGEST_EVENT, lines_of

# Tools colour what they print to a terminal, and `--color on` or a recording of the terminal keeps that.
COLOUR = rb"(?:\x1b\[[0-9;]*m)*"
ANY_COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
# Between the stamp and the message. Tools cut white space at the end, so the space is gone where the message was empty.
GAP = rb"(?: |\r?$)"
# The environment's log stream, 2026/03/17/[$LATEST]4eeec71d18b1461580e35b89cb060777, or with a function's name in it.
STREAM = rb"(?P<stream>\d{4}/\d\d/\d\d/[^\s\x1b\[]*\[[^\s\x1b\]]+\][0-9a-f]{32})"

# These are over at the end of their line, but for the trace of a REPORT, and in some containers the time behind a tab.
ONE_LINE = re.compile(rb'(?:START|END|REPORT) RequestId: |\{"time":"[^"]{10,40}","type":"platform\.')
ANOTHER = (b"XRAY ", b"\t")


def before_platform_line(stamp: bytes, otherwise: bytes = INDENTED_PLATFORM_EVENT.pattern) -> re.Pattern[bytes]:
    """Finds a line that Lambda's platform wrote behind this stamp; `otherwise` is what a tool makes of its JSON."""
    message = rb"(?:" + PLATFORM_LINE.pattern + rb"|\n?" + otherwise + rb")"
    return re.compile(rb"^" + stamp + message, re.MULTILINE)


def events(
    file: BinaryIO,
    stamp: re.Pattern[bytes],
    problems: Problems,
    indented: bool = False,
    known: re.Pattern[bytes] | None = None,
) -> Iterator[tuple[re.Match[bytes], int, str]]:
    """The stamp of every event, the place of its first line, and its message without white space at the end.

    What stands before the first stamp is foreign, and what follows a line of the platform: prompts, the command itself, the
    words of who copied it. `indented` says that the tool spreads JSON over several lines, `known` are lines that it writes
    between events.
    """

    def message(stamp: re.Match[bytes]) -> str:
        raw = b"".join(parts)
        if b"\x1b" in stamp[0]:
            raw = ANY_COLOUR.sub(b"", raw)
        text = raw.decode("utf-8", "replace").rstrip()
        if not indented:
            return text
        event, behind = _platform_event(text)
        if behind:
            problems.foreign(begin + len(stamp[0]) + len(event.encode()), behind.encode())
        return without_indentation(event)

    match: re.Match[bytes] | None = None
    parts, begin = list[bytes](), 0
    for offset, line in lines_of(file, problems):
        if found := stamp.match(line):
            if match:
                yield match, begin, message(match)
            match, parts, begin = found, [line[found.end() :]], offset
        elif known and known.match(line):
            pass
        elif match and offset - begin < LONGEST_EVENT and (line.startswith(ANOTHER) or not ONE_LINE.match(parts[0])):
            parts.append(line)
        else:
            problems.foreign(offset, line)
    if match:
        yield match, begin, message(match)


def _platform_event(text: str) -> tuple[str, str]:
    """An event of the platform that a tool spread over several lines, and what stands behind it; else all of the text."""
    if '"platform.' not in text or not text.lstrip().startswith("{"):
        return text, ""
    begin = len(text) - len(text.lstrip())
    try:
        value, end = json.JSONDecoder().raw_decode(text, begin)
    except (ValueError, RecursionError):
        return text, ""
    platform = value.keys() == {"time", "type", "record"} and str(value["type"]).startswith("platform.")
    return (text[:end], text[end:]) if platform else (text, "")
