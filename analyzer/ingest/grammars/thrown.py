"""Exceptions that left the handler, as the runtimes of Java, Go and Ruby print them: without level or request id."""

from __future__ import annotations

import re

from analyzer.ingest.grammars import json_records
from analyzer.ingest.grammars.exceptions import JAVA, JAVA_FRAMES, without_place
from analyzer.ingest.grammars.wording import text_fields
from analyzer.model import ApplicationLine

# The date is that of Go's standard logger.
GO = re.compile(r"(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )(?P<json>\{.*\})\s*$", re.DOTALL)
RUBY_WORDS = ("Error raised from handler method", "Critical exception from handler", "Init error when loading handler ")
RUBY = re.compile(rf"(?:{'|'.join(RUBY_WORDS)})\S*\s*$")
# Ruby's answer to the platform, printed over several lines which text logs keep apart.
RUBY_TYPE = re.compile(r'\s*"errorType": ?"(?P<type>(?:Function|Init|Runtime)<[^>]+>)"')
# What is left of a process that ends by itself. It means something only if the platform then says that the process ended.
LAST_WORDS = (
    "panic: ",  # Go
    "fatal error: ",
    "FATAL ERROR: ",  # Node.js
    "thread '",  # Rust
    "PHP Fatal error: ",
    "Fatal error: ",
    "Fatal Python error: ",
    "Unhandled exception. ",  # .NET
    'Exception in thread "',  # Java
    "Terminating due to java.lang.",
    "terminate called after throwing ",  # C++
)


def parse(message: str) -> ApplicationLine | None:
    if JAVA_FRAMES in message and (match := JAVA.match(message)):
        return ApplicationLine(message, "error", error_type=match["type"], unhandled=True)
    if message[:1].isdigit() and (match := GO.match(message)):
        record = json_records.record_of(match["json"])
        inner = json_records.parse(record, message) if record is not None else None
        if isinstance(inner, ApplicationLine) and inner.unhandled:
            return ApplicationLine(message, "error", error_type=inner.error_type, unhandled=True)
    if message.startswith(RUBY_WORDS) and RUBY.match(message):
        return ApplicationLine(message, "error", unhandled=True)
    if '"errorType"' in message and (match := RUBY_TYPE.match(message)):
        return ApplicationLine(message, "error", error_type=without_place(match["type"]), unhandled=True)
    if message.startswith(LAST_WORDS):
        return ApplicationLine(message, fields=text_fields(message), last_words=True)
    return None
