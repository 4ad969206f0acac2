"""CloudWatch export tasks to S3: `2026-03-17T08:12:05.123Z message`, an empty line after each event.

Neither the file nor its key names the log group, and so the function; the folder's name is the stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from analyzer.ingest.containers.container import NO_FUNCTION, PLATFORM_LINE, Container, Problems, microseconds
from analyzer.ingest.containers.stamped_lines import events
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

# The export puts a space after the time. A tab there belongs to a line of Node.js inside a longer message.
EVENT = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ")
# Copied text has no empty line behind the platform's events; an export always has, as their messages end with a line feed.
EXPORTED = re.compile(
    rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:" + PLATFORM_LINE.pattern + rb")[^\n]*\n(?:XRAY [^\n]*\n)?\r?\n",
    re.MULTILINE,
)
DATE = re.compile(r"^(\d{4})-(\d\d)-(\d\d)-")


def recognises(head: bytes) -> bool:
    return EVENT.match(head) is not None and EXPORTED.search(head) is not None


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    # The stream's slashes became hyphens in the key; only those of its date can be turned back.
    stream = DATE.sub(r"\1/\2/\3/", log.exported_stream) if log.exported_stream else log.name
    for stamp, position, message in events(file, EVENT):
        yield Record(message, position, microseconds(stamp[1].decode()), stream)


CONTAINER = Container(name="s3-export", recognises=recognises, records=records, whole=True, lacks=(NO_FUNCTION,))
