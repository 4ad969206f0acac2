"""Reads S3 exports through one buffer that is used again and again: what the kernel finds plain as columns, the rest line by line.

Files are laid into the buffer one behind the other, so that small ones share a scan. A file that does not fit is cut before
its last START; what is behind the cut moves to the front.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from analyzer.ingest import kernel
from analyzer.ingest.assemble import Assembler
from analyzer.ingest.containers import s3_export
from analyzer.ingest.containers.lines import LONGEST_EVENT
from analyzer.ingest.packing import STEP, UNPACK_ERRORS, Unpacked
from analyzer.ingest.segments import Reading, Segments
from analyzer.lake import Columns, LineColumns
from analyzer.model import Record

# Half of it and more is new at each scan; a longer event is cut by the container long before it fills this.
BUFFER = 6 << 20
SEPARATOR = ord("\n")


class _Stretch:
    """Bytes of one file in the buffer.

    `last`: no file continues this one. `ends` is called behind the last byte of the file, with what it broke off with.
    """

    log_group = None

    def __init__(self, view: memoryview, reading: Reading, events: s3_export.Events, last: bool, begin: int) -> None:
        self.view = view
        self.reading = reading
        self.events = events
        self.last = last
        self.begin = self.end = self.read_up_to = begin
        self.ends: Callable[[Exception | None], None] | None = None
        self.broke: Exception | None = None
        self.afterwards: list[Callable[[], None]] = []

    @property
    def closed(self) -> bool:
        """Whether an invocation in hand at the end is over."""
        return self.last and self.ends is not None and self.broke is None

    @property
    def stream(self) -> str:
        return self.events.stream

    def positions(self, places: kernel.Places) -> kernel.Places:
        return places + (self.events.offset - self.read_up_to)

    def read(self, begin: int, end: int) -> Iterator[Record]:
        yield from self.events.feed(bytes(self.view[begin:end]))
        self.read_up_to = end

    def rest(self) -> Iterator[Record]:
        return self.events.end()

    def skip(self, begin: int, end: int) -> None:
        self.events.skip(end - begin)
        self.read_up_to = end


class Exports:
    """The buffer, the files in it, and where rows go: `columns` takes those of the kernel, `hand_over` empties an assembler."""

    def __init__(
        self,
        columns: Callable[[Columns, LineColumns | None], None],
        hand_over: Callable[[Assembler], None],
        size: int = BUFFER,
    ) -> None:
        self.columns = columns
        self.hand_over = hand_over
        self.capacity = kernel.MARGIN + max(size, 4 * STEP)
        self.buffer = bytearray(self.capacity + kernel.MARGIN)
        self.view = memoryview(self.buffer)
        self.kernel = kernel.Kernel(len(self.buffer))
        self.used = kernel.MARGIN
        self.stretches: list[_Stretch] = []

    def read(
        self,
        reading: Reading,
        events: s3_export.Events,
        head: bytes,
        content: Unpacked,
        ends: Callable[[Exception | None], None],
        last: bool,
    ) -> None:
        """Take a file whose first bytes are `head`; its rows may come out later, at the latest with `finish`.

        `last`: no file continues it, so that an invocation in hand at its end is over.
        """
        stretch = self._begin(reading, events, last)
        broke: Exception | None = None
        rest = memoryview(head)
        while rest:
            room = self._room(stretch)
            self.view[self.used : self.used + min(room, len(rest))] = rest[:room]
            self.used += min(room, len(rest))
            rest = rest[room:]
        try:
            while True:
                self._room(stretch)
                size = content.readinto1(self.view[self.used : self.used + STEP])
                if not size:
                    break
                self.used += size
        except UNPACK_ERRORS as problem:
            broke = problem
        stretch.end, stretch.ends, stretch.broke = self.used, ends, broke

    def afterwards(self, work: Callable[[], None]) -> None:
        """Do some work once the rows of every file that was taken so far are out."""
        if self.stretches:
            self.stretches[-1].afterwards.append(work)
        else:
            work()

    def finish(self) -> None:
        """Scan what is in the buffer and empty it."""
        self._scan(None)
        self.used = kernel.MARGIN

    def _begin(self, reading: Reading, events: s3_export.Events, last: bool) -> _Stretch:
        if self.used + 2 * STEP > self.capacity:
            self.finish()
        self.buffer[self.used] = SEPARATOR
        self.used += 1
        stretch = _Stretch(self.view, reading, events, last, self.used)
        self.stretches.append(stretch)
        return stretch

    def _room(self, stretch: _Stretch) -> int:
        """Space for another step, made by scanning if there is none."""
        if self.capacity - self.used < STEP:
            stretch.end = self.used
            kept = self._scan(stretch)
            self.view[kernel.MARGIN] = SEPARATOR
            begin = kernel.MARGIN + 1
            moved = self.used - kept
            self.view[begin : begin + moved] = bytes(self.view[kept : self.used])
            stretch.begin = stretch.read_up_to = begin
            self.used = begin + moved
            self.stretches.append(stretch)
        return self.capacity - self.used

    def _scan(self, unfinished: _Stretch | None) -> int:
        """Give out the rows of everything in the buffer; of an unfinished file, up to the place that is returned."""
        self.view[self.used : self.used + kernel.MARGIN] = b"\n" + bytes(kernel.MARGIN - 1)
        found = self.kernel.scan(
            self.buffer,
            [kernel.Stretch(one.begin, one.end, one.closed) for one in self.stretches],
        )
        segments = Segments(found, partial(self._message, found))
        keep = self.used
        for stretch in self.stretches:
            if stretch is unfinished:
                keep = self._cut(found, stretch)
                self._stretch(segments, stretch, keep)
                break
            self._stretch(segments, stretch, stretch.end)
            stretch.reading.take(stretch.rest())
            assert stretch.ends is not None
            stretch.ends(stretch.broke)
            for work in stretch.afterwards:
                work()
        self.stretches.clear()
        if columns := segments.columns():
            self.columns(columns, segments.line_columns())
        return keep

    def _message(self, found: kernel.Scan, number: int) -> str | None:
        text = bytes(self.view[int(found.events[number]) + kernel.TEXT : int(found.events[number + 1])])
        return text.decode("utf-8", "replace").rstrip() if len(text) <= LONGEST_EVENT else None

    def _cut(self, found: kernel.Scan, stretch: _Stretch) -> int:
        """Where an unfinished file is cut: before its last START, else before its last event, else behind its last line."""
        longest = (self.capacity - kernel.MARGIN) // 2
        starts = found.events[found.first]
        for places in (starts, found.events):
            number = int(np.searchsorted(places, stretch.end)) - 1
            if number >= 0 and places[number] > stretch.begin and stretch.end - places[number] <= longest:
                return int(places[number])
        behind = self.buffer.rfind(b"\n", stretch.begin, stretch.end) + 1
        return behind if behind > 0 and stretch.end - behind <= longest else stretch.end

    def _end_of_damaged(self, stretch: _Stretch, begin: int, end: int) -> int:
        """Half a line at the end of a damaged file is no line; of one that is longer than an event can be, the rest is left out."""
        behind = max(begin, self.buffer.rfind(b"\n", begin, end) + 1)
        long = end - behind > LONGEST_EVENT or (behind == begin and stretch.events.in_long_line)
        return end if long else behind

    def _stretch(self, segments: Segments, stretch: _Stretch, end: int) -> None:
        place = segments.stretch(stretch.reading, stretch, stretch.begin, end, self.hand_over)
        if stretch.broke is not None:
            end = self._end_of_damaged(stretch, place, end)
        stretch.reading.take(stretch.read(place, end))
        self.hand_over(stretch.reading.assembler)
