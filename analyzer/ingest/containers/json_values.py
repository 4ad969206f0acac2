"""JSON values one after the other in one text: pages that were appended to each other, or an event a line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from analyzer.ingest.containers.container import Problems

# strict=False: control characters inside strings, as left by copying through a terminal.
DECODER = json.JSONDecoder(strict=False)


def json_values(text: str, problems: Problems) -> Iterator[tuple[int, object]]:
    """Every value with the place where it begins; a damaged one ends the text, as nothing tells where the next begins."""
    position = _skip(text, 0)
    while position < len(text):
        try:
            value, end = DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as problem:
            problems(f"the JSON breaks off or is damaged after character {position}: {problem}")
            return
        yield position, value
        position = _skip(text, end)


def _skip(text: str, position: int) -> int:
    """The next place that is neither white space nor a comma between values."""
    while position < len(text) and (text[position].isspace() or text[position] == ","):
        position += 1
    return position
