"""Containers that are recognised so that they can be named, and not read yet."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

OTHER_OUTPUT = "ask for --output json or --output text instead"
UNPACK_SNAPPY = "unpack it first, and let Firehose write gzip from now on"
UNPACK_FIRST = "unpack the outer one first"


class Seen(Struct, frozen=True):
    what: str
    instead: str


def _regex(pattern: bytes) -> Callable[[bytes], bool]:
    search = re.compile(pattern, re.MULTILINE).search
    return lambda head: search(head) is not None


SHELF: tuple[tuple[Seen, Callable[[bytes], bool]], ...] = (
    (Seen("a Snappy file", UNPACK_SNAPPY), lambda head: head.startswith(b"\xff\x06\0\0sNaPpY")),
    (Seen("an archive inside another", UNPACK_FIRST), lambda head: head.startswith(b"PK\x03\x04")),
    (Seen("an archive inside another", UNPACK_FIRST), lambda head: head[257:262] == b"ustar"),
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
