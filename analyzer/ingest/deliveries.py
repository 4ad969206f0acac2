"""Reads what CloudWatch Logs sends to subscribers through a buffer: what is found plain as columns, the rest event by event.

Objects that are not as CloudWatch writes events of a function, such as its control messages, are read as the container reads
them. Where not even the end of one can be found, the rest of the file is the container's.
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from analyzer.ingest.assemble import Assembler
from analyzer.ingest.containers import subscription
from analyzer.ingest.containers.json_stream import BOM, decoder
from analyzer.ingest.containers.times import milliseconds
from analyzer.ingest.kernel import APPLICATION, DUPLICATE, MARGIN, Kernel, Scan
from analyzer.ingest.native import LIBRARY
from analyzer.ingest.packing import STEP, UNPACK_ERRORS, Unpacked, rejoin
from analyzer.ingest.segments import Reading, Segments
from analyzer.ingest.sources import LogFile
from analyzer.lake import Columns
from analyzer.model import Record

# `{"id":"<56 digits>","timestamp":<13 digits>,"message":""}`
SHORTEST_EVENT = 104
# More than this many objects are taken up with the next scan.
MOST_OBJECTS = 1 << 13
EVENTS = decoder(list[subscription.Event])


class _Object(ctypes.Structure):
    """One JSON object in the buffer, as in subscription.c."""

    _fields_ = (
        ("begin", ctypes.c_int64), ("end", ctypes.c_int64), ("known", ctypes.c_int64),
        ("group", ctypes.c_int64), ("group_size", ctypes.c_int64), ("stream", ctypes.c_int64), ("stream_size", ctypes.c_int64),
        ("first", ctypes.c_int64), ("behind", ctypes.c_int64),
    )  # fmt: skip


LIBRARY.scan_subscription.restype = ctypes.c_int64


class Deliveries:
    """The buffer, and where rows go: `columns` takes those that were found, `hand_over` empties an assembler."""

    def __init__(self, columns: Callable[[Columns], None], hand_over: Callable[[Assembler], None], size: int) -> None:
        self.columns = columns
        self.hand_over = hand_over
        self.capacity = MARGIN + max(size, 4 * STEP)
        self.buffer = bytearray(self.capacity + MARGIN)
        self.view = memoryview(self.buffer)
        self.kernel = Kernel(len(self.buffer))
        self.objects = (_Object * MOST_OBJECTS)()

    def read(self, reading: Reading, head: bytes, content: Unpacked, file: LogFile) -> Exception | None:
        """Read a file whose first bytes are `head`, to its end or to where it breaks off; gives what it broke off with."""
        seen = subscription.Seen()
        # Where in the file the buffer begins.
        position = len(BOM) if head.startswith(BOM) else 0
        source = rejoin(head[position:], content)
        used, ended, broke = MARGIN, False, None
        while True:
            while used < self.capacity and not ended:
                try:
                    size = source.readinto1(self.view[used : used + min(STEP, self.capacity - used)])
                except UNPACK_ERRORS as problem:
                    size, broke = 0, problem
                used += size
                ended = not size
            kept = self._scan(reading, seen, used, position)
            if kept == MARGIN:
                break
            self.view[MARGIN : MARGIN + used - kept] = bytes(self.view[kept:used])
            position += kept - MARGIN
            used -= kept - MARGIN
        # What is left is no object, or half of one, or one that is larger than the buffer.
        if broke is None and used > MARGIN:
            rest = rejoin(bytes(self.view[MARGIN:used]), source)
            try:
                reading.take(subscription.delivered(rest, reading.problems, seen, position))
            except UNPACK_ERRORS as problem:
                broke = problem
        self.hand_over(reading.assembler)
        return broke

    def _scan(self, reading: Reading, seen: subscription.Seen, used: int, position: int) -> int:
        """Give out the rows of the whole objects in the buffer, and the place behind them."""
        self.view[used : used + MARGIN] = bytes(MARGIN)
        number = ctypes.c_int64()
        fresh, old = seen.expect((used - MARGIN) // SHORTEST_EVENT)
        kept: int = LIBRARY.scan_subscription(
            (ctypes.c_uint8 * len(self.buffer)).from_buffer(self.buffer),
            ctypes.c_int64(MARGIN),
            ctypes.c_int64(used),
            *self.kernel.columns,
            self.objects,
            ctypes.c_int64(MOST_OBJECTS),
            ctypes.byref(number),
            ctypes.byref(fresh),
            ctypes.byref(old),
        )
        found = self.kernel.found()
        seen.met(len(found.events))
        segments = Segments(found, partial(self._message, found))
        for one in self.objects[: number.value]:
            place = position + one.begin - MARGIN
            if one.known:
                delivery = _Delivery(self.view, found, one, place, reading)
                begin, end = int(found.events[one.first]), one.end - 2
                behind = segments.stretch(reading, delivery, begin, end, self.hand_over)
                reading.take(delivery.read(behind, end))
            else:
                whole = io.BytesIO(bytes(self.view[one.begin : one.end]))
                reading.take(subscription.delivered(whole, reading.problems, seen, place))
        if columns := segments.columns():
            self.columns(columns)
        self.hand_over(reading.assembler)
        return kept

    def _message(self, found: Scan, number: int) -> str:
        begin = int(found.events[number])
        # The event that follows stands behind a comma, which JSON does not want at the end.
        end = int(found.events[number + 1])
        (event,) = EVENTS(b"[" + bytes(self.view[begin:end]).rstrip(b",") + b"]")
        return event.message.rstrip()


class _Delivery:
    """The events of one object, which begins at `position` in its file."""

    def __init__(self, view: memoryview, found: Scan, one: _Object, position: int, reading: Reading) -> None:
        self.view = view
        self.found = found
        self.stream = self._name(one.stream, one.stream_size)
        self.log_group = self._name(one.group, one.group_size)
        self.reading = reading
        self._position = position

    def _name(self, begin: int, size: int) -> str | None:
        return bytes(self.view[begin : begin + size]).decode() or None

    def position(self, place: int) -> int:
        return self._position

    def read(self, begin: int, end: int) -> Iterator[Record]:
        """Lines of the application that say nothing are only counted: where every line is carried, one more proves nothing."""
        if begin == end:
            return
        found = self.found
        first, behind = (int(number) for number in np.searchsorted(found.events, (begin, end)))
        kinds, places = found.kinds[first:behind], found.events[first : behind + 1].tolist()
        quiet = kinds == APPLICATION
        if count := int(np.count_nonzero(quiet)):
            times = found.times[first:behind][quiet]
            self.reading.passed(count, int(times.min()), int(times.max()))
        wanted = np.flatnonzero(~quiet & (kinds != DUPLICATE)).tolist()
        if behind == len(found.events) or places[-1] > end:
            places[behind - first :] = [end]
        texts = b",".join(bytes(self.view[places[number] : places[number + 1]]).rstrip(b",") for number in wanted)
        for event in EVENTS(b"[" + texts + b"]"):
            time = milliseconds(event.timestamp)
            yield Record(event.message.rstrip(), self._position, time, self.stream, self.log_group)

    def rest(self) -> Iterator[Record]:
        return iter(())

    def skip(self, begin: int, end: int) -> None:
        """Every read says where it begins."""
