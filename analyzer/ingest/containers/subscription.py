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
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from msgspec import Struct, field

from analyzer.ingest.containers.container import Container, Problems
from analyzer.ingest.containers.json_stream import BOM, LARGEST, decoder, values
from analyzer.ingest.containers.times import milliseconds
from analyzer.ingest.native import LIBRARY
from analyzer.ingest.packing import GZIP
from analyzer.ingest.sources import LogFile
from analyzer.model import Record

# Deliveries are repeated soon or not at all, so that it is enough to remember so many events.
MOST_IDS = 1 << 17
OWN_ID = re.compile(r"[0-9]{56}")
SMALLEST_TABLE = 64
SLOT = np.dtype([("id", np.uint64, 3), ("last", np.uint64)])
# What a generation begins with: a table without ids.
NOTHING = np.zeros(1, SLOT)
FIELD = rb'"(?:owner|logGroup|logStream|subscriptionFilters|policyLevel)"\s*:\s*(?:"[^"]*"|\[[^\]]*\])\s*,\s*'
ENVELOPE = re.compile(
    rb"\s*\[?\s*\{\s*(?:(?:" + FIELD + rb')*"messageType"\s*:\s*"(?:DATA|CONTROL)_MESSAGE"'
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
    yield from delivered(file, problems, Seen(), 0)


def delivered(file: BinaryIO, problems: Problems, seen: Seen, position: int) -> Iterator[Record]:
    """The events of objects that follow each other in `file`, which begins at `position` of its own."""
    for place, one in values(file, _delivered, problems, begin=position):
        if isinstance(one, bytes):
            problems.foreign(place, one)
            continue
        yield from _records(place, one, seen)
        for packed in one.packed():
            if packed is None:
                problems(f"a record at byte {place} holds no data")
                continue
            content = _unpacked(packed, place, problems)
            for _, inner in values(io.BytesIO(content), _delivered, problems):
                if isinstance(inner, bytes):
                    problems.foreign(place, inner)
                else:
                    yield from _records(place, inner, seen)


def _delivered(content: bytes) -> Delivered | bytes:
    """The text itself where it holds nothing that CloudWatch Logs or a wrapper of its messages delivers. Raises NO_JSON."""
    one = DECODE(content)
    if one.message_type is not None:
        return one if one.message_type in KNOWN_TYPES else content
    return one if one.events or any(True for _ in one.packed()) else content


class _Ids(ctypes.Structure):
    _fields_ = (("slots", ctypes.c_void_p), ("size", ctypes.c_int64))


LIBRARY.met_before.argtypes = [ctypes.POINTER(_Ids), ctypes.POINTER(_Ids), ctypes.c_char_p]
LIBRARY.met_before.restype = ctypes.c_int64
LIBRARY.enlarge_ids.argtypes = [ctypes.POINTER(_Ids), ctypes.POINTER(_Ids)]
LIBRARY.enlarge_ids.restype = None


class _Generation:
    """Ids that were met: CloudWatch's own, which have 56 digits, in a table that subscription.c fills, others in a set."""

    def __init__(self) -> None:
        self.count = 0
        self.others: set[str] = set()
        self.table = NOTHING
        self.ids = _Ids(NOTHING.ctypes.data, len(NOTHING))

    def expect(self, more: int) -> None:
        """Make room, so that half of the table stays empty."""
        size = max(len(self.table), SMALLEST_TABLE)
        while size < 2 * (self.count + more):
            size *= 2
        if size > len(self.table):
            table = np.zeros(size, SLOT)
            ids = _Ids(table.ctypes.data, size)
            LIBRARY.enlarge_ids(self.ids, ids)
            self.table, self.ids = table, ids


class Seen:
    """The ids of the events that came last, in two generations of which the older one is dropped."""

    def __init__(self) -> None:
        self._new, self._old = _Generation(), _Generation()

    def before(self, event_id: str) -> bool:
        """Whether an event was met before; from now on it is."""
        if OWN_ID.fullmatch(event_id):
            fresh, old = self.expect(1)
            known = bool(LIBRARY.met_before(fresh, old, event_id.encode()))
        else:
            known = event_id in self._new.others or event_id in self._old.others
            self._new.others.add(event_id)
        self.met(1)
        return known

    def expect(self, more: int) -> tuple[_Ids, _Ids]:
        """The tables, with room for more ids in the first."""
        self._new.expect(more)
        return self._new.ids, self._old.ids

    def met(self, more: int) -> None:
        """So many ids were looked up, and are in the first table now."""
        self._new.count += more
        if self._new.count >= MOST_IDS:
            self._new, self._old = _Generation(), self._new


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
