"""Batches of the Lambda Telemetry API, as extensions save them: arrays of {"time", "type", "record"}, or one event a line.

The S3 extension of Lambda's own examples writes such a batch as Python prints a list, with single quotes.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from typing import BinaryIO

import msgspec
from msgspec import Raw, Struct

from analyzer.ingest.containers.container import Container, Problems
from analyzer.ingest.containers.json_stream import BOM, NO_JSON, decoder, values
from analyzer.ingest.containers.times import time_of
from analyzer.ingest.packing import peek
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

KIND = rb"(?:platform\.\w+|function|extension)"
BATCH = re.compile(
    rb'\s*\[\s*\{\s*(?:"time"\s*:\s*"[^"]{10,40}"\s*,\s*"type"\s*:\s*"' + KIND + rb'"|"type"\s*:\s*"' + KIND
    + rb'"\s*,\s*"time"\s*:\s*"[^"]{10,40}")\s*,\s*"record"'
)  # fmt: skip
PRINTED = re.compile(rb"\s*\[\s*\{\s*'(?:time|type|record)'\s*:")
PRINTED_KIND = re.compile(rb"'type'\s*:\s*'" + KIND + rb"'")
LINE = re.compile(rb'\{"time"\s*:\s*"[^"]{10,40}"\s*,\s*"type"\s*:\s*"' + KIND + rb'"\s*,\s*"record"\s*:')
# A printed batch is read whole, and costs many times its size while it is; Lambda sends at most 1 MB at once.
LARGEST_PRINTED = 1 << 23


class Event(Struct):
    """In the order in which Lambda itself writes an event, which its grammar knows."""

    time: str
    type: str
    record: Raw


DECODE = decoder(Event)
NO_LITERAL = (ValueError, LookupError, SyntaxError, TypeError, MemoryError, RecursionError)


def recognises(head: bytes) -> bool:
    head = head.removeprefix(BOM)
    if BATCH.match(head) or (PRINTED.match(head) and PRINTED_KIND.search(head)):
        return True
    # Where other lines stand between the platform's events, this is a log in JSON format that somebody copied.
    *lines, last = head.split(b"\n")
    whole = [line for line in lines or [last] if line.strip()]
    return bool(whole) and all(LINE.match(line) for line in whole)


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    head, file = peek(file, 1 << 10)
    events = _printed(file, problems) if PRINTED.match(head) else values(file, DECODE, problems)
    for position, event in events:
        message = _message(event)
        if message is not None:
            yield Record(message.rstrip(), position, time_of(event.time))
        else:
            problems.foreign(position, bytes(event.record))


def _message(event: Event) -> str | None:
    """The platform's events as they stand in a log of JSON format; of the others what was printed."""
    try:
        if event.type.startswith("platform."):
            return msgspec.json.encode(event).decode()
        content = bytes(event.record)
        return msgspec.json.decode(content, type=str) if content.startswith(b'"') else content.decode()
    except NO_JSON:
        return None


def _printed(file: BinaryIO, problems: Problems) -> Iterator[tuple[int, Event]]:
    position = 0
    while line := file.readline(LARGEST_PRINTED + 1):
        begin, position = position, position + len(line)
        if len(line) > LARGEST_PRINTED:
            problems(f"the batch at byte {begin} is longer than {LARGEST_PRINTED >> 20} MB; the rest was not read")
            return
        if line.strip():
            try:
                for event in _literal(line):
                    yield begin, event
            except NO_LITERAL:
                if PRINTED.match(line):
                    problems(f"the batch at byte {begin} is not a list that Python could have printed")
                else:
                    problems.foreign(begin, line)


def _literal(line: bytes) -> list[Event]:
    with warnings.catch_warnings():
        # Text inside the strings may look like an escape that Python advises against.
        warnings.simplefilter("ignore")
        batch = ast.literal_eval(line.decode("utf-8", "replace").strip())
    events = []
    for one in batch if isinstance(batch, list) else [batch]:
        content = msgspec.json.encode(one["record"])
        events.append(Event(str(one["time"]), str(one["type"]), Raw(content)))
    return events


CONTAINER = Container(
    name="telemetry",
    recognises=recognises,
    records=records,
    lacks=frozenset({"log group", "stream", "environments", "lines"}),
)
