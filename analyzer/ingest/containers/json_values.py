"""JSON values one after the other in one text: pages that were appended to each other, or an event a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from analyzer.ingest.containers.container import Problems

# strict=False: control characters inside strings, as left by copying through a terminal.
DECODER = json.JSONDecoder(strict=False)
# Where the text is taken up again behind something that is no value, or a damaged one: a value that begins a line.
FRESH_START = re.compile(r"\n[ \t]*(?=[\[{])")
# Each time, the parser may go to the end of the text in vain.
MOST_FRESH_STARTS = 20


def json_values(text: str, problems: Problems) -> Iterator[tuple[int, object]]:
    """Every value with the place where it begins. What stands between them is foreign; of a damaged one the values are taken
    that begin a line in it.
    """
    position, fresh_starts = _skip(text, 0), 0
    while position < len(text):
        try:
            value, end = DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as problem:
            fresh = FRESH_START.search(text, position) if fresh_starts < MOST_FRESH_STARTS else None
            end = fresh.end() if fresh else len(text)
            if text[position] in "[{":
                problems(f"the JSON breaks off or is damaged after character {position}: {problem}")
                fresh_starts += 1
            else:
                problems.foreign(position, text[position:end])
        else:
            yield position, value
        position = _skip(text, end)


def _skip(text: str, position: int) -> int:
    """The next place that is neither white space nor a comma between values."""
    while position < len(text) and (text[position].isspace() or text[position] == ","):
        position += 1
    return position
