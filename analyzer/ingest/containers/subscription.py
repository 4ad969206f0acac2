"""What CloudWatch Logs sends to subscribers: {"messageType": "DATA_MESSAGE", "logGroup", "logStream", "logEvents": [...]}.

Firehose puts these objects into a bucket one right after the other, packed once or twice; Kinesis, Lambda and Firehose's
transformations wrap each of them as base64 of gzip; what Firehose could not process lies as `rawData` beside the rest.
An event that was delivered twice counts once.
"""

from __future__ import annotations

import base64
import binascii
import ctypes
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from msgspec import Struct, field

from analyzer.ingest.containers.container import Container, Problems
from analyzer.ingest.containers.json_stream import BOM, LARGEST, decoder, values
from analyzer.ingest.containers.times import milliseconds
from analyzer.ingest.ids import TABLE, Generations
from analyzer.ingest.native import LIBRARY
from analyzer.ingest.packing import GZIP
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

# Deliveries are repeated soon or not at all, so that it is enough to remember so many events.
MOST_IDS = 1 << 17
# CloudWatch's own ids, which take so many words.
OWN_ID, WORDS = re.compile(r"[0-9]{56}"), 3
FIELD = rb'"(?:owner|logGroup|logStream|subscriptionFilters|policyLevel)"\s*:\s*(?:"[^"]*"|\[[^\]]*\])\s*,\s*'
ENVELOPE = re.compile(
    rb"\s*+(?:\[\s*+)?\{\s*(?:(?:" + FIELD + rb')*"messageType"\s*:\s*"(?:DATA|CONTROL)_MESSAGE"'
    rb'|"logEvents"\s*:\s*\[\s*\{\s*"(?:id|timestamp|message|extractedFields)")'
)
PACKED = re.compile(rb'"(?:data|Data|rawData)"\s*:\s*"([A-Za-z0-9+/=]{24,})"?')
CONTROL = "CONTROL_MESSAGE"
KNOWN_TYPES = ("DATA_MESSAGE", CONTROL)
# Enough of a packed envelope to know it.
PACKED_HEAD = 1 << 10


class Event(Struct):
    message: str
    timestamp: int | None = None
    id: str = ""


class Packed(Struct, rename={"capital": "Data"}):
    """A record of an event or an answer of Kinesis, of Firehose, or the one of Lambda's own trigger."""

    data: str | None = None
    capital: str | None = None
    kinesis: Packed | None = None


class Delivered(Struct):
    message_type: str | None = field(name="messageType", default=None)
    log_group: str = field(name="logGroup", default="")
    log_stream: str = field(name="logStream", default="")
    events: list[Event] = field(name="logEvents", default_factory=list)
    awslogs: Packed | None = None
    of_kinesis: list[Packed] = field(name="Records", default_factory=list)
    of_firehose: list[Packed] = field(name="records", default_factory=list)
    raw_data: str | None = field(name="rawData", default=None)

    def packed(self) -> Iterator[str | None]:
        """What is wrapped in it; None for a record without data."""
        for one in (self.awslogs, *self.of_kinesis, *self.of_firehose):
            if inner := one.kinesis or one if one else None:
                yield inner.data or inner.capital
        if self.raw_data:
            yield self.raw_data


DECODE = decoder(Delivered)


def recognises(head: bytes) -> bool:
    head = head.removeprefix(BOM)
    if ENVELOPE.match(head):
        return True
    packed = PACKED.search(head) if head.lstrip()[:1] in (b"{", b"[") else None
    return packed is not None and b'"messageType"' in _beginning(packed[1][:PACKED_HEAD])


def _beginning(text: bytes) -> bytes:
    try:
        content = base64.b64decode(text[: len(text) // 4 * 4])
        return zlib.decompressobj(31).decompress(content, PACKED_HEAD) if content.startswith(GZIP) else content
    except (binascii.Error, zlib.error):
        return b""


def records(file: BinaryIO, log: LogFile, problems: Problems) -> Iterator[Record]:
    yield from delivered(values(file, decode, problems), problems, Seen())


def delivered(objects: Iterable[tuple[int, Delivered | bytes]], problems: Problems, seen: Seen) -> Iterator[Record]:
    """The events of objects, each with the place where it begins."""
    for place, one in objects:
        if isinstance(one, bytes):
            problems.foreign(place, one)
            continue
        yield from _records(place, one, seen)
        for packed in one.packed():
            if packed is None:
                problems(f"a record at byte {place} holds no data")
                continue
            content = _unpacked(packed, place, problems)
            for _, inner in values(io.BytesIO(content), decode, problems):
                if isinstance(inner, bytes):
                    problems.foreign(place, inner)
                else:
                    yield from _records(place, inner, seen)


def decode(content: bytes) -> Delivered | bytes:
    """The text itself where it holds nothing that CloudWatch Logs or a wrapper of its messages delivers. Raises NO_JSON."""
    one = DECODE(content)
    if one.message_type is not None:
        return one if one.message_type in KNOWN_TYPES else content
    return one if one.events or any(True for _ in one.packed()) else content


LIBRARY.count_event.argtypes = [TABLE, TABLE, ctypes.c_char_p]
LIBRARY.count_event.restype = ctypes.c_int64


class Seen:
    """The events that came last."""

    def __init__(self) -> None:
        self.ids = Generations(WORDS, MOST_IDS)

    def before(self, event_id: str) -> bool:
        """Whether an event was met before; from now on it is."""
        own = OWN_ID.fullmatch(event_id)
        tables = self.ids.expect(1)
        count = LIBRARY.count_event(*tables, event_id.encode()) if own else self.ids.count_other(event_id)
        self.ids.came(1)
        return bool(count > 1)


def _records(position: int, delivered: Delivered, seen: Seen) -> Iterator[Record]:
    # Control messages only try whether the subscriber is there.
    if delivered.message_type == CONTROL:
        return
    stream, log_group = delivered.log_stream or None, delivered.log_group or None
    for event in delivered.events:
        if not (event.id and seen.before(event.id)):
            yield Record(event.message.rstrip(), position, milliseconds(event.timestamp), stream, log_group)


def _unpacked(text: str, position: int, problems: Problems) -> bytes:
    """What was packed as base64, with gzip inside or without; nothing if it is damaged or grows without measure."""
    try:
        content = base64.b64decode(text, validate=True)
        parts: list[bytes] = []
        room = LARGEST
        while content.startswith(GZIP):
            member = zlib.decompressobj(31)
            parts.append(member.decompress(content, room))
            room -= len(parts[-1])
            if room <= 0 or not member.eof:
                problems(f"a packed record at byte {position} breaks off or holds more than {LARGEST >> 20} MB")
                return b""
            content = member.unused_data
        return b"".join(parts) or content
    except (ValueError, zlib.error) as problem:
        problems(f"a packed record at byte {position} is damaged: {problem}")
        return b""


CONTAINER = Container(name="subscription", recognises=recognises, records=records, anchored=True, told_once=True)
