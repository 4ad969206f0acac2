"""The shelf of grammars: what a log message says. One file each; `parse(message)` gives an event or None.

A message is decided by itself, never by its file: functions with JSON logs still print text, and the other way round.
"""

from __future__ import annotations

import re

from analyzer.ingest.grammars import bracketed, json_format, loggers, platform_text, thrown, timestamped
from analyzer.ingest.grammars.wording import text_fields
from analyzer.model import ApplicationLine, Event

# The platform's own words come first; a message that nobody claims is a plain line of the application.
GRAMMARS = (platform_text.parse, json_format.parse, bracketed.parse, timestamped.parse, thrown.parse, loggers.parse)
PLATFORM_LIKE = re.compile(
    r'(?:(?:START|END|REPORT) RequestId: |(?:INIT|RESTORE)_(?:START|REPORT)\b|\{"time":"[^"]+","type":"platform\.)'
)
# Loggers that take the log for a terminal paint their lines.
PAINTED, COLOUR = "\x1b[", re.compile(r"\x1b\[[\d;]*m")


def parse(message: str) -> Event | None:
    """The event in one log message, trailing white space removed; None for a platform line that cannot be understood."""
    if message.startswith(PAINTED):
        message = COLOUR.sub("", message)
    for grammar in GRAMMARS:
        if (event := grammar(message)) is not None:
            return event
    if PLATFORM_LIKE.match(message):
        return None
    return ApplicationLine(message, fields=text_fields(message))
