"""Containers that are recognised so that they can be named, and not read yet."""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

EXPORT_INSTEAD = "export the log group to S3 or save `aws logs filter-log-events` output, and give Reportline that"
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
        Seen("output of `aws logs tail`", EXPORT_INSTEAD),
        _regex(
            rb"^(?:\x1b\[\d+m)?\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z)?(?:\x1b\[0m)? (?:\x1b\[\d+m)?\d{4}/\d\d/\d\d/\S*\[\S+ "
        ),
    ),
    (
        Seen("output of `sam logs` or `awslogs`", EXPORT_INSTEAD),
        _regex(rb"^(?:\x1b\[\d+m)?(?:/aws/lambda/\S+ +)?\d{4}/\d\d/\d\d/\S*\[\S+ +(?:\x1b\[\d+m)?\d{4}-\d\d-\d\dT"),
    ),
)


def what_it_is(head: bytes) -> Seen | None:
    return next((seen for seen, matches in SHELF if matches(head)), None)
