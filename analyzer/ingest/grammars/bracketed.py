"""Python's text lines, which begin with a level in brackets, and the traceback of an exception that nobody caught."""

from __future__ import annotations

import re

from analyzer.ingest.grammars.wording import LEVELS, text_fields
from analyzer.model import ApplicationLine

# While the module is imported there is no request yet, and its field is empty.
LOGGED = re.compile(
    r"\[(?P<level>[A-Z]+)\]\s(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z)\s(?P<id>[\w-]*)(?:\s|$)(?P<text>.*)", re.DOTALL
)
LEVELLED = re.compile(r"\[(?P<level>[A-Za-z]+)\] (?:(?P<type>[A-Za-z_][\w.]*)(?::|$|[\r\n]))?")
TRACEBACK = "Traceback (most recent call last)"


def parse(message: str) -> ApplicationLine | None:
    if not message.startswith("["):
        return None
    if match := LOGGED.match(message):
        level = LEVELS.get(match["level"].lower())
        return ApplicationLine(message, level, match["id"] or None, fields=text_fields(match["text"]))
    if (match := LEVELLED.match(message)) and (level := LEVELS.get(match["level"].lower())):
        if TRACEBACK in message:
            return ApplicationLine(message, "error", error_type=match["type"], unhandled=True)
        return ApplicationLine(message, level, fields=text_fields(message))
    return None
