"""Python's text lines, which begin with a level in brackets, and the traceback of an exception that nobody caught."""

from __future__ import annotations

import re

from analyzer.ingest.grammars import json_records
from analyzer.ingest.grammars.exceptions import TRACEBACK, logged_type
from analyzer.ingest.grammars.wording import LEVELS, text_fields
from analyzer.model import ApplicationLine

# While the module is imported there is no request yet, and its field is empty.
LOGGED = re.compile(
    r"\[(?P<level>[A-Z]+)\]\s(?P<time>\d{4}-\d\d-\d\dT[\d:.]+Z)\s(?P<id>[\w-]*)\s(?P<text>.*)", re.DOTALL
)
LEVELLED = re.compile(r"\[(?P<level>[A-Za-z]+)\] (?:(?P<type>[A-Za-z_][\w.]*)(?::|$|[\r\n]))?")
# Errors that Python's runtime raises itself come without a traceback too.
RUNTIME = "Runtime."


def parse(message: str) -> ApplicationLine | None:
    if not message.startswith("["):
        return None
    if match := LOGGED.match(message):
        return _logged(message, match)
    if (match := LEVELLED.match(message)) and (level := LEVELS.get(match["level"].lower())):
        error_type = match["type"]
        if TRACEBACK in message or (level == "error" and error_type and error_type.startswith(RUNTIME)):
            return ApplicationLine(message, "error", error_type=error_type, unhandled=True)
        return ApplicationLine(message, level, fields=text_fields(message))
    return None


def _logged(message: str, match: re.Match[str]) -> ApplicationLine:
    level, text = LEVELS.get(match["level"].lower()), match["text"]
    request_id = match["id"] or None
    if text.startswith('{"') and message[match.start("text") - 1] == "\t":
        return json_records.behind(ApplicationLine(message, level, request_id), text)
    error_type = logged_type(text) if level in ("error", "critical") else None
    return ApplicationLine(message, level, request_id, error_type, fields=text_fields(text))
