"""Text lines that begin with a time, the request id and a level: Node.js and .NET."""

from __future__ import annotations

import re

import msgspec

from analyzer.ingest.grammars.wording import LEVELS, text_fields
from analyzer.model import ApplicationLine

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z\s(?P<id>[\w-]+)\s(?:(?P<level>[A-Za-z]{4,8})(?:\s|$))?(?P<text>.*)",
    re.DOTALL,
)
# While a Node.js module is loaded there is no request yet.
NO_REQUEST = "undefined"
# The words with which the Node.js runtime reports what the handler threw.
UNCAUGHT = re.compile(
    r"\s*(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection)\s+(?P<json>\{.*\})\s*$", re.DOTALL
)
# .NET appends the exception that left the handler, with its stack, to a line of level "fail".
DOTNET_EXCEPTION = re.compile(r"\s*(?P<type>[\w.+]+(?:Exception|Error))\b[^\n]*\n(?: *--->[^\n]*\n)*\s+at ")


def parse(message: str) -> ApplicationLine | None:
    if not message[:4].isdigit() or not (match := LINE.match(message)):
        return None
    level = LEVELS.get((match["level"] or "").lower())
    request_id = None if match["id"] == NO_REQUEST else match["id"]
    text = match["text"]
    if level == "error":
        if uncaught := UNCAUGHT.match(text):
            return ApplicationLine(message, level, request_id, _error_type(uncaught["json"]), unhandled=True)
        if match["level"] == "fail" and (thrown := DOTNET_EXCEPTION.match(text)):
            return ApplicationLine(message, level, request_id, thrown["type"], unhandled=True)
    return ApplicationLine(message, level, request_id, fields=text_fields(text))


def _error_type(text: str) -> str | None:
    try:
        record = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    kind = record.get("errorType") if isinstance(record, dict) else None
    return kind if isinstance(kind, str) else None
