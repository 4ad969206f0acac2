"""Exceptions that left the handler, as the runtimes of Java, Go and Ruby print them: without level or request id."""

from __future__ import annotations

import re

from analyzer.ingest.grammars import json_format
from analyzer.model import ApplicationLine

# `message: class`, then the class again and its frames.
JAVA = re.compile(r"[^\n]*?: (?P<type>(?:[a-z_]\w*\.)+[A-Z][\w$]*)\n(?:[^\n]*\n)?.*?^\tat ", re.DOTALL | re.MULTILINE)
# The date is that of Go's standard logger.
GO = re.compile(r"(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )(?P<json>\{.*\})\s*$", re.DOTALL)
RUBY = re.compile(r"(?:Error raised from handler method|Critical exception from handler)\s*$")
# Ruby's answer to the platform, printed over several lines which text logs keep apart.
RUBY_TYPE = re.compile(r'\s*"errorType": ?"Function<(?P<type>[^>]+)>"')
FRAMES = "\n\tat "


def parse(message: str) -> ApplicationLine | None:
    if FRAMES in message and (match := JAVA.match(message)):
        return ApplicationLine(message, "error", error_type=match["type"], unhandled=True)
    if match := GO.match(message):
        inner = json_format.parse(match["json"])
        if isinstance(inner, ApplicationLine) and inner.unhandled:
            return ApplicationLine(message, "error", error_type=inner.error_type, unhandled=True)
    if RUBY.match(message):
        return ApplicationLine(message, "error", unhandled=True)
    if match := RUBY_TYPE.match(message):
        return ApplicationLine(message, "error", error_type=match["type"], unhandled=True)
    return None
