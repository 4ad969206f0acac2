"""Text lines of loggers that name a level: Ruby's Logger, Java's, Python's basic form, logfmt, and those that begin with a date.

PHP's Bref writes what a handler threw in the same way as a line of Node.js, without a time.
"""

from __future__ import annotations

import re

from analyzer.ingest.grammars.exceptions import logged_type
from analyzer.ingest.grammars.timestamped import uncaught_type
from analyzer.ingest.grammars.wording import LEVEL_NAMES, LEVELS, text_fields
from analyzer.model import ApplicationLine

ID = r"(?P<id>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})"
LEVEL = rf"(?P<level>{LEVEL_NAMES})"
LONGEST_LEVEL = len("INFORMATION:")
# E, [2026-03-17T08:00:00.190400 #8] ERROR 6556e9bb-... -- : text
RUBY = re.compile(rf"[DIWEFA], \[\S+ #\d+\]\s+(?P<level>[A-Z]+)\s+(?:{ID} )?-- (?P<text>.*)", re.DOTALL)
# SEVERE: text, the second line of java.util.logging; ERROR:shop.prices:text of Python's logging.basicConfig.
NAMED = re.compile(rf"{LEVEL}:(?: |[\w.]+:)(?P<text>.*)", re.DOTALL)
# A date or a time and a request id, or one of them; perhaps a thread or a name; and the level. So do Log4j and its like.
DATE = r"(?:\d{4}-\d\d-\d\d[ T])?\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?(?: - |\s+)"
DATED = re.compile(
    rf"(?=\d\d:\d\d:|\d{{4}}-\d\d-|[0-9a-f]{{8}}-)(?:{DATE})?(?:{ID}\s+)?"
    rf"(?:\[[^\]\n]{{0,80}}\]\s+|[\w.$]{{1,80}} - )?\[?{LEVEL}\b\]?(?P<text>.*)",
    re.DOTALL,
)
# Go's slog behind the prefix of the standard logger.
SLOG = re.compile(rf"\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d {LEVEL} (?P<text>.*)", re.DOTALL)
LOGFMT = ("time=", "ts=", "level=")
LOGFMT_LEVEL = re.compile(r'\blevel="?(?P<level>[A-Za-z]+)')
LOGFMT_ID = re.compile(rf'\b(?:requestId|request_id|aws_request_id|awsRequestId|AWSRequestId)="?{ID}')
BREF = re.compile(rf'{ID}\tInvoke Error\t(?P<json>\{{\s*"errorType".*)', re.DOTALL)


def parse(message: str) -> ApplicationLine | None:
    if message[:1].isdigit() or message[8:9] == message[13:14] == "-":
        if thrown := BREF.match(message):
            return ApplicationLine(message, "error", thrown["id"], uncaught_type(thrown["json"]), unhandled=True)
        match = SLOG.match(message) or DATED.match(message)
        return _logged(message, match) if match else None
    if message[1:4] == ", [":
        match = RUBY.match(message)
        return _logged(message, match) if match else None
    if ":" in message[:LONGEST_LEVEL] and (match := NAMED.match(message)):
        return _logged(message, match)
    if message.startswith(LOGFMT) and (level := LOGFMT_LEVEL.search(message)):
        named = LOGFMT_ID.search(message)
        return ApplicationLine(
            message, LEVELS.get(level["level"].lower()), named["id"] if named else None, fields=text_fields(message)
        )
    return None


def _logged(message: str, match: re.Match[str]) -> ApplicationLine:
    request_id = match.groupdict().get("id")
    level = LEVELS.get(match["level"].lower())
    error_type = logged_type(match["text"].lstrip(" :-")) if level in ("error", "critical") else None
    return ApplicationLine(message, level, request_id, error_type, fields=text_fields(match["text"]))
