"""Reads what CloudWatch Logs sends to subscribers through a buffer: what is found plain as columns, the rest event by event.

The events of each stream are gathered from all objects in the buffer, because CloudWatch cuts objects anywhere. Objects that
are not as CloudWatch writes events of a function, such as its control messages, are read as the container reads them. Where
not even the end of one can be found, the rest of the file is the container's.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from analyzer.ingest import attempts, kernel
from analyzer.ingest.assemble import Assembler
from analyzer.ingest.containers import subscription
from analyzer.ingest.containers.json_stream import BOM, NO_JSON, decoder, is_one_a_line, values_from
from analyzer.ingest.containers.times import milliseconds
from analyzer.ingest.ids import Table
from analyzer.ingest.kernel import APPLICATION, MARGIN, Kernel, Places, Scan
from analyzer.ingest.native import LIBRARY
from analyzer.ingest.packing import STEP, UNPACK_ERRORS, Unpacked, cut_short, rejoin
from analyzer.ingest.segments import Reading, Segments
from analyzer.ingest.sources import LogFile
from analyzer.lake import Columns
from analyzer.model import Record

# `{"id":"<56 digits>","timestamp":<13 digits>,"message":""}`
SHORTEST_EVENT = 104
# What is more than this is taken up with the next scan; of requests half as many.
MOST_OBJECTS, MOST_STREAMS, REQUESTS = 1 << 13, 1 << 8, 1 << 14
EVENTS = decoder(list[subscription.Event])


class _Stream(ctypes.Structure):
    """One log stream, as in subscription.c."""

    _fields_ = (
        ("group", ctypes.c_int64), ("group_size", ctypes.c_int64), ("name", ctypes.c_int64), ("name_size", ctypes.c_int64),
        ("begin", ctypes.c_int64), ("end", ctypes.c_int64),
    )  # fmt: skip


# One JSON object, as in subscription.c.
OBJECT = np.dtype([(name, np.int64) for name in ("begin", "end", "stream", "first", "behind", "place")])


class _Delivered(ctypes.Structure):
    """What was found, as in subscription.c."""

    _fields_ = (
        ("streams", ctypes.POINTER(_Stream)), ("most_streams", ctypes.c_int64), ("stream_count", ctypes.c_int64),
        ("objects", ctypes.c_void_p), ("most_objects", ctypes.c_int64), ("object_count", ctypes.c_int64),
        ("event_count", ctypes.c_int64), ("other", ctypes.c_int64),
    )  # fmt: skip


LIBRARY.find_objects.restype = ctypes.c_int64


class _File(Struct):
    """What goes along with a file from scan to scan."""

    reading: Reading
    seen: subscription.Seen
    one_a_line: bool


class Deliveries:
    """The buffer, and where rows go: `columns` takes those that were found, `hand_over` empties an assembler."""

    def __init__(self, columns: Callable[[Columns], None], hand_over: Callable[[Assembler], None], size: int) -> None:
        self.columns = columns
        self.hand_over = hand_over
        self.capacity = MARGIN + max(size, 4 * STEP)
        self.buffer = bytearray(self.capacity + MARGIN)
        self.view = memoryview(self.buffer)
        self.requests = Table(attempts.WORDS, REQUESTS)
        self.objects = np.zeros(MOST_OBJECTS, OBJECT)
        self.found = kernel.columns(kernel.EVENTS, len(self.buffer) // SHORTEST_EVENT)
        self.delivered = _Delivered(
            streams=(_Stream * MOST_STREAMS)(),
            most_streams=MOST_STREAMS,
            objects=self.objects.ctypes.data,
            most_objects=MOST_OBJECTS,
        )
        # What was found again, but the events of each stream together.
        self.gathered = bytearray(len(self.buffer))
        self.kernel = Kernel(len(self.buffer))

    def read(self, reading: Reading, head: bytes, content: Unpacked, file: LogFile) -> Exception | None:
        """Read a file whose first bytes are `head`, to its end or to where it breaks off; gives what it broke off with."""
        whole = _File(reading, subscription.Seen(), is_one_a_line(head))
        # Where in the file the buffer begins.
        position = len(BOM) if head.startswith(BOM) else 0
        source = rejoin(head[position:], content)
        used, ended, broke = MARGIN, False, None
        while True:
            while used < self.capacity and not ended:
                try:
                    size = source.readinto1(self.view[used : self.capacity])
                except UNPACK_ERRORS as problem:
                    size, broke = 0, problem
                used += size
                ended = not size
            self.view[used : used + MARGIN] = bytes(MARGIN)
            kept = MARGIN
            while (behind := self._scan(whole, kept, used, position)) > kept:
                kept = behind
            if kept == MARGIN:
                break
            self.view[MARGIN : MARGIN + used - kept] = bytes(self.view[kept:used])
            position += kept - MARGIN
            used -= kept - MARGIN
        # What is left is no object, or half of one, or one that is larger than the buffer.
        if used > MARGIN:
            left = bytes(self.view[MARGIN:used])
            rest = rejoin(left, source) if broke is None else cut_short(left, broke)
            try:
                self._elsewhere(whole, rest, position)
            except UNPACK_ERRORS as problem:
                broke = problem
        self.hand_over(reading.assembler)
        return broke

    def _scan(self, file: _File, begin: int, used: int, position: int) -> int:
        """Give out the rows of whole objects in the buffer, from `begin` on, and the place behind them."""
        reading, seen = file.reading, file.seen
        delivered, buffer, found = self.delivered, _array(self.buffer), kernel.addresses(self.found)
        kept: int = LIBRARY.find_objects(
            buffer,
            ctypes.c_int64(begin),
            ctypes.c_int64(used),
            found,
            ctypes.byref(delivered),
            ctypes.byref(self.requests),
        )
        fresh, old = seen.ids.expect(delivered.event_count)
        LIBRARY.gather_events(
            buffer,
            found,
            _array(self.gathered),
            *self.kernel.columns,
            ctypes.byref(delivered),
            ctypes.byref(fresh),
            ctypes.byref(old),
        )
        seen.ids.came(delivered.event_count)
        scan, view = self.kernel.found(), memoryview(self.gathered)
        segments = Segments(scan, partial(_message, view, scan))
        objects = self.objects[: delivered.object_count]
        objects = objects[np.argsort(objects["place"])]
        for stream in delivered.streams[: delivered.stream_count]:
            names = self._name(stream.name, stream.name_size), self._name(stream.group, stream.group_size)
            delivery = _Delivery(view, scan, objects, *names, position - MARGIN, reading)
            behind = segments.stretch(reading, delivery, stream.begin, stream.end, self.hand_over)
            reading.take(delivery.read(behind, stream.end))
        if columns := segments.columns():
            self.columns(columns)
        if delivered.other >= 0 and not self._other(file, delivered.other, kept, position):
            kept = delivered.other
        self.hand_over(reading.assembler)
        return kept

    def _other(self, file: _File, begin: int, end: int, position: int) -> bool:
        """Take up an object that is not as usual; false where it is none, as it is damaged and its end may be no end."""
        content = bytes(self.view[begin:end])
        if file.one_a_line and b"\n" in content:
            return False
        try:
            one = subscription.decode(content)
        except msgspec.ValidationError:
            one = content
        except NO_JSON:
            return False
        objects = [(position + begin - MARGIN, one)]
        file.reading.take(subscription.delivered(objects, file.reading.problems, file.seen))
        return True

    def _elsewhere(self, file: _File, rest: BinaryIO, position: int) -> None:
        """Read as the container does what begins at `position` of its file."""
        problems = file.reading.problems
        objects = values_from(rest, position, subscription.decode, problems, file.one_a_line)
        file.reading.take(subscription.delivered(objects, problems, file.seen))

    def _name(self, begin: int, size: int) -> str | None:
        return bytes(self.view[begin : begin + size]).decode() or None


def _array(buffer: bytearray) -> ctypes.Array[ctypes.c_uint8]:
    return (ctypes.c_uint8 * len(buffer)).from_buffer(buffer)


def _message(view: memoryview, found: Scan, number: int) -> str:
    # The event that follows stands behind a comma, which JSON does not want at the end.
    begin, end = (int(place) for place in found.events[number : number + 2])
    (event,) = EVENTS(b"[" + bytes(view[begin : end - 1]) + b"]")
    return event.message.rstrip()


class _Delivery:
    """The events of one stream, from all `objects` of a scan. The first byte of its buffer is number `shift` of the file."""

    def __init__(
        self,
        view: memoryview,
        found: Scan,
        objects: NDArray[np.void],
        stream: str | None,
        log_group: str | None,
        shift: int,
        reading: Reading,
    ) -> None:
        self.view = view
        self.found = found
        self.objects = objects
        self.stream = stream
        self.log_group = log_group
        self.shift = shift
        self.reading = reading

    def positions(self, places: Places) -> Places:
        numbers = np.searchsorted(self.objects["place"], places, "right") - 1
        begins: Places = self.objects["begin"][numbers] + self.shift
        return begins

    def read(self, begin: int, end: int) -> Iterator[Record]:
        """Lines of the application that say nothing are only counted: where every line is carried, one more proves nothing."""
        if begin == end:
            return
        found = self.found
        first, behind = (int(number) for number in np.searchsorted(found.events, (begin, end)))
        places = found.events[first:behind]
        quiet = found.kinds[first:behind] == APPLICATION
        if count := int(np.count_nonzero(quiet)):
            times = found.times[first:behind][quiet]
            self.reading.passed(count, int(times.min()), int(times.max()))
        texts = b"".join(
            bytes(self.view[place:stop])
            for place, stop, passed in zip(places.tolist(), [*places[1:].tolist(), end], quiet.tolist(), strict=True)
            if not passed
        )
        events = EVENTS(b"[" + texts[:-1] + b"]")
        for event, position in zip(events, self.positions(places[~quiet]).tolist(), strict=True):
            yield Record(event.message.rstrip(), position, milliseconds(event.timestamp), self.stream, self.log_group)

    def rest(self) -> Iterator[Record]:
        return iter(())

    def skip(self, begin: int, end: int) -> None:
        """Every read says where it begins."""
