"""Reads S3 exports through one buffer that is used again and again: what the kernel finds plain as columns, the rest line by line.

Files are laid into the buffer one behind the other, so that small ones share a scan. A file that does not fit is cut before
its last START; what is behind the cut moves to the front.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from analyzer.ingest import grammars, kernel
from analyzer.ingest.assemble import Assembler, Block
from analyzer.ingest.containers import s3_export
from analyzer.ingest.packing import STEP, UNPACK_ERRORS, Unpacked
from analyzer.lake import Columns
from analyzer.model import ApplicationLine, PlatformNote, Record

# Half of it and more is new at each scan; a longer event is cut by the container long before it fills this.
BUFFER = 6 << 20
# Fewer plain invocations in a row than this are as quick line by line.
FEWEST = 3
SEPARATOR = ord("\n")


class Reading(Struct):
    """A file while it is read: what its row in the sources table will say, and where its bytes come from."""

    name: str
    assembler: Assembler
    problems: list[str] = field(default_factory=list)
    lines: int = 0
    understood: int = 0
    first_time: int | None = None
    last_time: int | None = None

    def saw(self, first: int, last: int) -> None:
        self.first_time = first if self.first_time is None else min(self.first_time, first)
        self.last_time = last if self.last_time is None else max(self.last_time, last)

    def take(self, records: Iterable[Record]) -> int:
        """The line-by-line path. How many records there were."""
        assembler, before = self.assembler, self.lines
        assembler.source = self.name
        for record in records:
            event = grammars.parse(record.message)
            assembler.add(record, event)
            self.lines += 1
            self.understood += event is not None
            if record.time is not None:
                self.saw(record.time, record.time)
        return self.lines - before


class _Stretch(Struct):
    """Bytes of one file in the buffer. `ends` is called behind the last byte of the file, with what it broke off with.

    `last`: no file continues this one.
    """

    reading: Reading
    events: s3_export.Events
    last: bool
    begin: int
    end: int
    ends: Callable[[Exception | None], None] | None = None
    broke: Exception | None = None
    afterwards: list[Callable[[], None]] = field(default_factory=list)


class _Run(Struct, frozen=True):
    """Plain segments in a row, and what all of them have in common."""

    begin: int
    end: int
    reading: Reading
    offset: int
    function: str | None
    runtime: str | None
    stream: str | None
    first: int | None
    attempts: NDArray[np.int32]


class Exports:
    """The buffer, the files in it, and where rows go: `columns` takes those of the kernel, `hand_over` empties an assembler."""

    def __init__(
        self, columns: Callable[[Columns], None], hand_over: Callable[[Assembler], None], size: int = BUFFER
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
        stretch = _Stretch(reading, events, last, self.used, self.used)
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
            stretch.begin, self.used = begin, begin + moved
            self.stretches.append(stretch)
        return self.capacity - self.used

    def _scan(self, unfinished: _Stretch | None) -> int:
        """Give out the rows of everything in the buffer; of an unfinished file, up to the place that is returned."""
        self.view[self.used : self.used + kernel.MARGIN] = b"\n" + bytes(kernel.MARGIN - 1)
        found = self.kernel.scan(
            self.buffer,
            [
                kernel.Stretch(one.begin, one.end, one.last and one.broke is None and one is not unfinished)
                for one in self.stretches
            ],
        )
        seen = _Seen(found, _Doubts(self.buffer, found), _Plain(found), found.events[found.first])
        runs: list[_Run] = []
        keep = self.used
        for stretch in self.stretches:
            if stretch is unfinished:
                keep = self._cut(found, stretch)
                self._stretch(seen, stretch, keep, runs)
                break
            self._stretch(seen, stretch, stretch.end, runs)
            stretch.reading.take(stretch.events.end())
            assert stretch.ends is not None
            stretch.ends(stretch.broke)
            for work in stretch.afterwards:
                work()
        self.stretches.clear()
        if runs:
            self.columns(_columns(found, runs))
        return keep

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

    def _stretch(self, seen: _Seen, stretch: _Stretch, end: int, runs: list[_Run]) -> None:
        base = stretch.events.offset - stretch.begin
        starts = seen.starts
        low, high = (int(number) for number in np.searchsorted(starts, (stretch.begin, end)))
        # A cut before a START shows the end of the segment before it; the end of a file that goes on elsewhere does not.
        high -= 0 if high < len(starts) and starts[high] == end else 1
        place = stretch.begin
        for begin, stop in seen.plain.between(low, high):
            for first, last in seen.doubts.between(begin, stop):
                if last - first < FEWEST:
                    continue
                self._plainly(stretch, place, int(starts[first]))
                run = self._block(seen, stretch, first, last, base)
                if run is not None:
                    runs.append(run)
                    place = int(starts[run.end])
                    stretch.events.skip(place - int(starts[first]))
                else:
                    place = int(starts[first])
        if stretch.broke is not None:
            # Half a line at the end of a damaged file is no line.
            end = max(place, self.buffer.rfind(b"\n", stretch.begin, end) + 1)
        self._plainly(stretch, place, end)

    def _plainly(self, stretch: _Stretch, begin: int, end: int) -> None:
        if begin < end:
            stretch.reading.take(stretch.events.feed(bytes(self.view[begin:end])))
            self.hand_over(stretch.reading.assembler)

    def _block(self, seen: _Seen, stretch: _Stretch, begin: int, end: int, base: int) -> _Run | None:
        found, reading = seen.found, stretch.reading
        reading.take(stretch.events.end())
        assembler = reading.assembler
        assembler.source = reading.name
        environment = assembler.environment(stretch.events.stream)
        ids = found.ids[begin:end]
        unreported = assembler.idle(environment)
        if unreported is None or any(_holds(ids, one) for one in unreported):
            return None
        if unreported and seen.starts[end] == stretch.end:
            # They are given out before the invocation that the file ends with.
            end -= 1
            ids = found.ids[begin:end]
            if begin == end:
                return None
        # A START of one of those would give it out before the invocation that this block ends with.
        # Of the last START in the buffer no more than a part may be there.
        place = int(found.events[found.first[end]]) + kernel.ID_IN_START
        following = bytes(self.view[place : min(place + kernel.ID, self.used)])
        if any(one.encode().startswith(following) for one in unreported):
            return None
        first_event, behind = int(found.first[begin]), int(found.first[end])
        times = found.times[first_event:behind]
        reading.lines += behind - first_event
        reading.understood += behind - first_event
        reading.saw(int(times.min()), int(times.max()))
        block = Block(
            ids=ids,
            uuids=found.uuids[begin:end],
            version=_text(found.version[begin]),
            first_has_init=not np.isnan(found.initial[begin]),
            lines=[
                (Record(message, place + base, time, stretch.events.stream), event, request_id)
                for message, place, time, event, request_id in seen.doubts.notable(begin, end)
            ],
        )
        first, attempts = assembler.pass_by(environment, block)
        return _Run(
            begin, end, reading, base, environment.function, environment.runtime, environment.name, first, attempts
        )


class _Seen(Struct, frozen=True):
    """What is known of everything in the buffer."""

    found: kernel.Scan
    doubts: _Doubts
    plain: _Plain
    starts: NDArray[np.int64]


class _Doubts:
    """The lines of plain segments that only the grammars can judge, parsed once."""

    def __init__(self, buffer: bytearray, found: kernel.Scan) -> None:
        self.found = found
        self.by_segment: dict[int, list[tuple[str, int, int, ApplicationLine, str]]] = {}
        segments = np.searchsorted(found.first, found.doubtful, "right") - 1
        inside = (segments >= 0) & (segments < len(found.plain))
        inside[inside] = found.plain[segments[inside]]
        limits = found.events[1:]
        grave: set[int] = set()
        for segment, number in zip(segments[inside].tolist(), found.doubtful[inside].tolist(), strict=True):
            if segment in grave:
                continue
            place = int(found.events[number])
            text = bytes(buffer[place + kernel.TEXT : int(limits[number])])
            message = text.decode("utf-8", "replace").rstrip()
            event = grammars.parse(message)
            request_id = found.ids[segment].tobytes().decode()
            if isinstance(event, PlatformNote) and not event.dropped_records:
                continue
            if (
                not isinstance(event, ApplicationLine)
                or event.unhandled
                or event.request_id not in (None, request_id)
                or len(text) > s3_export.LONGEST_EVENT
            ):
                grave.add(segment)
                continue
            self.by_segment.setdefault(segment, []).append(
                (message, place, int(found.times[number]), event, request_id)
            )
        self.grave = sorted(grave)

    def between(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of a run of plain segments without those in which a line says more than a row of its own."""
        low, high = np.searchsorted(self.grave, (begin, end))
        for number in self.grave[low:high]:
            yield begin, number
            begin = number + 1
        yield begin, end

    def notable(self, begin: int, end: int) -> Iterator[tuple[str, int, int, ApplicationLine, str]]:
        for segment in [segment for segment in self.by_segment if begin <= segment < end]:
            yield from self.by_segment[segment]


class _Plain:
    """Runs of plain segments, each of one version."""

    def __init__(self, found: kernel.Scan) -> None:
        plain, version = found.plain, found.version
        change = plain[1:] != plain[:-1]
        change |= version[1:] != version[:-1]
        self._borders = (np.flatnonzero(change) + 1).tolist()
        self._plain = plain

    def between(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        if low >= high:
            return
        borders = self._borders[bisect_right(self._borders, low) : bisect_left(self._borders, high)]
        for begin, end in pairwise([low, *borders, high]):
            if self._plain[begin]:
                yield begin, end


def _text(word: np.uint64) -> str:
    return int(word).to_bytes(8, "little").rstrip(b"\0").decode()


def _holds(ids: NDArray[np.uint8], request_id: str) -> bool:
    text = request_id.encode()
    return len(text) == kernel.ID and bool((ids == np.frombuffer(text, np.uint8)).all(axis=1).any())


def _columns(found: kernel.Scan, runs: list[_Run]) -> Columns:
    sizes = [run.end - run.begin for run in runs]
    # How many traces stand before each row.
    traces = np.concatenate(([0], np.cumsum(found.traced)))

    def of(column: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([column[run.begin : run.end] for run in runs])

    return Columns(
        sizes=sizes,
        functions=[run.function for run in runs],
        versions=[_text(found.version[run.begin]) for run in runs],
        streams=[run.stream for run in runs],
        runtimes=[run.runtime for run in runs],
        sources=[run.reading.name for run in runs],
        request_id=of(found.ids),
        attempt=np.concatenate([run.attempts for run in runs]),
        start_time=of(found.start_time),
        end_time=of(found.end_time),
        duration_ms=of(found.duration),
        billed_ms=of(found.billed),
        init_ms=of(found.initial),
        memory_mb=of(found.memory),
        max_memory_mb=of(found.used),
        traced=of(found.traced),
        trace_id=np.concatenate([found.traces[traces[run.begin] : traces[run.end]] for run in runs]),
        nth=np.concatenate(
            [np.arange(size, dtype=np.int32) + (run.first or 0) for run, size in zip(runs, sizes, strict=True)]
        ),
        numbered=np.repeat([run.first is not None for run in runs], sizes),
        position=np.concatenate([found.report[run.begin : run.end] + run.offset for run in runs]),
    )
