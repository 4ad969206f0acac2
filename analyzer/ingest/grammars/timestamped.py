"""Text lines that begin with a time, the request id and a level: Node.js and .NET; without an id those of Rust's tracing."""

from __future__ import annotations

import re

from analyzer.ingest.grammars import json_records
from analyzer.ingest.grammars.exceptions import DOTNET, logged_type
from analyzer.ingest.grammars.wording import LEVELS, text_fields
from analyzer.model import ApplicationLine

# While .NET starts there is no request yet, and its field is empty.
LINE = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z\s(?P<id>[\w-]*)\s(?:(?P<level>[A-Za-z]{4,8})\s)?(?P<text>.*)",
    re.DOTALL,
)
# While a Node.js module is loaded there is no request yet.
NO_REQUEST = "undefined"
# The words with which the Node.js runtime reports what the handler threw. A very long one may be cut.
UNCAUGHT = re.compile(
    r"\s*(?:Invoke Error|Uncaught Exception|Unhandled Promise Rejection)\s+(?P<json>\{\s*\"errorType\".*)", re.DOTALL
)
CUT_TYPE = re.compile(r'\{\s*"errorType":\s*"(?P<type>[\w.$]+)"')


def parse(message: str) -> ApplicationLine | None:
    if not message[:4].isdigit() or not (match := LINE.match(message)):
        return None
    name, request_id, text = match["level"] or "", match["id"], match["text"]
    if request_id.lower() in LEVELS:
        # A level of five letters stands where the id would; shorter ones Rust pads.
        name, request_id = request_id, NO_REQUEST
    level = LEVELS.get(name.lower())
    request_id = None if request_id in ("", NO_REQUEST) else request_id
    if level == "error":
        if uncaught := UNCAUGHT.match(text):
            return ApplicationLine(message, level, request_id, uncaught_type(uncaught["json"]), unhandled=True)
        if name == "fail" and (thrown := DOTNET.match(text)):
            return ApplicationLine(message, level, request_id, thrown["type"], unhandled=True)
    if text.startswith('{"') and message[match.start("text") - 1] == "\t":
        return json_records.behind(ApplicationLine(message, level, request_id), text)
    error_type = logged_type(text) if level in ("error", "critical") else None
    return ApplicationLine(message, level, request_id, error_type, fields=text_fields(text))


def uncaught_type(text: str) -> str | None:
    """`errorType` of a JSON object, of which the end may be missing."""
    record = json_records.record_of(text)
    if record is None:
        match = CUT_TYPE.match(text)
        return match["type"] if match else None
    kind = record.get("errorType")
    return kind if isinstance(kind, str) else None
