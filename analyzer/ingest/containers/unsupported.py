"""Containers that are recognised so that they can be named, and not read yet."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

EXPORT_INSTEAD = "export the log group to S3 or save `aws logs filter-log-events` output, and give Reportline that"
OTHER_OUTPUT = "ask for --output json or --output text instead"
UNPACK_FIRST = "unpack it first"


class Seen(Struct, frozen=True):
    what: str
    instead: str


def _regex(pattern: bytes) -> Callable[[bytes], bool]:
    search = re.compile(pattern, re.MULTILINE).search
    return lambda head: search(head) is not None


SHELF: tuple[tuple[Seen, Callable[[bytes], bool]], ...] = (
    (Seen("a bzip2 file", UNPACK_FIRST), lambda head: head.startswith(b"BZh")),
    (Seen("an xz file", UNPACK_FIRST), lambda head: head.startswith(b"\xfd7zXZ\0")),
    (Seen("a zip archive", UNPACK_FIRST), lambda head: head.startswith(b"PK\x03\x04")),
    (Seen("a tar archive", UNPACK_FIRST), lambda head: head[257:262] == b"ustar"),
    (Seen("a Parquet file", EXPORT_INSTEAD), lambda head: head.startswith(b"PAR1")),
    (
        Seen("a CloudWatch Logs subscription record", EXPORT_INSTEAD),
        _regex(rb'\A\s*\{\s*"(?:messageType"\s*:\s*"(?:DATA|CONTROL)_MESSAGE"|awslogs"\s*:)'),
    ),
    (
        Seen("a result of CloudWatch Logs Insights", EXPORT_INSTEAD),
        _regex(
            rb'\A(?:\xef\xbb\xbf)?\s*(?:\{\s*"results"\s*:|\[?\s*\{\s*"@(?:timestamp|message|ptr|log)"|@timestamp,|"?@message)'
        ),
    ),
    (
        Seen("a batch of the Lambda Telemetry API", EXPORT_INSTEAD),
        _regex(rb'\A\s*\[\s*\{\s*"time"\s*:\s*"[^"]+"\s*,\s*"type"\s*:\s*"(?:platform\.|function|extension)'),
    ),
    (
        Seen("log events as `--output table` prints them", OTHER_OUTPUT),
        _regex(rb"\A-{20,}\r?\n\|[ |]+(?:[Ff]ilter-?[Ll]og-?[Ee]vents|[Gg]et-?[Ll]og-?[Ee]vents) +\|"),
    ),
    (
        Seen("log events as `--output yaml` prints them", OTHER_OUTPUT),
        _regex(
            rb"\A(?:[\w$]+: \S+\r?\n)*events:\r?\n(?: *- |  +)(?:eventId|ingestionTime|logStreamName|message|timestamp): "
        ),
    ),
)


def what_it_is(head: bytes) -> Seen | None:
    return next((seen for seen, matches in SHELF if matches(head)), None)
