"""Lets plain segments by as columns, and sends everything between them line by line through the grammars and the assembler.

What a segment is, and when it is plain, scan.c and subscription.c say. Here it is decided whether what is known of the
environment lets one by, and what becomes of single lines in it that are remarkable.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from analyzer.ingest import grammars
from analyzer.ingest.assemble import Assembler, Block
from analyzer.ingest.containers.container import Problems
from analyzer.ingest.kernel import LEVELS, Places, Scan
from analyzer.lake import Columns, LineColumns, Texts
from analyzer.model import ApplicationLine, PlatformNote, Record, ReportLine

# Fewer events in a row than this, of plain invocations, are as quick line by line.
FEWEST = 9
# So many notable lines are kept before they go into the lake.
MOST_KEPT = 4_096


class Reading:
    """A file while it is read: what its row in the sources table will say. `hand_over` empties the assembler."""

    def __init__(self, name: str, assembler: Assembler, hand_over: Callable[[Assembler], None]) -> None:
        self.name = name
        self.assembler = assembler
        self.problems = Problems(self._foreign, self._repeated)
        self.lines = 0
        self.understood = 0
        # Invocations that stand in the file more than once.
        self.repeats = 0
        self.first_time: int | None = None
        self.last_time: int | None = None
        self._hand_over = hand_over

    def saw(self, first: int, last: int) -> None:
        self.first_time = first if self.first_time is None else min(self.first_time, first)
        self.last_time = last if self.last_time is None else max(self.last_time, last)

    def passed(self, lines: int, first: int, last: int) -> None:
        """Lines that are understood and need not be looked at, from the first to the last time."""
        self.lines += lines
        self.understood += lines
        self.saw(first, last)

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

    def _repeated(self, message: str) -> None:
        self.lines += 1
        self.understood += 1
        self.repeats += isinstance(grammars.parse(message), ReportLine)

    def _foreign(self, position: int, text: str) -> None:
        self.assembler.source = self.name
        self.assembler.foreign(position, text)
        self.lines += 1
        # What is sorted before it is read may hold any number of them in front of the first event.
        if len(self.assembler.lines) >= MOST_KEPT:
            self._hand_over(self.assembler)


class Lines(Protocol):
    """What stands in one stretch of a buffer, which is of one log stream."""

    @property
    def stream(self) -> str | None: ...

    @property
    def log_group(self) -> str | None: ...

    def positions(self, places: Places) -> Places:
        """Where in its file events stand that begin at `places` in the buffer."""

    def read(self, begin: int, end: int) -> Iterator[Record]:
        """The events between two places, line by line. One may be held back until more comes."""

    def rest(self) -> Iterator[Record]:
        """The event that was held back, if there is one."""

    def skip(self, begin: int, end: int) -> None:
        """What stands between two places goes another way."""


class _Run(Struct, frozen=True):
    """Plain segments in a row, and what all of them have in common."""

    begin: int
    end: int
    source: str
    positions: Callable[[Places], Places]
    function: str | None
    runtime: str | None
    log_group: str | None
    stream: str | None
    first: int | None
    attempts: NDArray[np.int32]


class Segments:
    """What was found in a buffer. `message` gives the text of the event of a number, or None where it has to be cut."""

    def __init__(self, found: Scan, message: Callable[[int], str | None]) -> None:
        self.found = found
        self.starts = found.events[found.first]
        self._doubts = _Doubts(found, message)
        self._plain = _Plain(found)
        self._runs: list[_Run] = []

    def stretch(
        self, reading: Reading, lines: Lines, begin: int, end: int, hand_over: Callable[[Assembler], None]
    ) -> int:
        """Take what stands between two places, but for what comes behind the last plain segment; gives that place."""
        low, high = self.starts.searchsorted((begin, end)).tolist()
        # A START at the end shows the end of the segment before it.
        high -= 0 if high < len(self.starts) and self.starts[high] == end else 1
        place = begin
        for first, stop in self._plain.between(low, high):
            for first_one, last in self._doubts.between(first, stop):
                if self.found.first[last] - self.found.first[first_one] < FEWEST:
                    continue
                behind = int(self.starts[first_one])
                _line_by_line(reading, lines, place, behind, hand_over)
                place = behind
                run = self._block(reading, lines, first_one, last, end)
                if run is not None:
                    self._runs.append(run)
                    place = int(self.starts[run.end])
                    lines.skip(behind, place)
        return place

    def columns(self) -> Columns | None:
        """What was let by; None if nothing was."""
        return _columns(self.found, self._runs) if self._runs else None

    def line_columns(self) -> LineColumns | None:
        """The lines in it that are rows of their own and did not go through the grammars; None if there are none."""
        return _line_columns(self.found, self._runs)

    def _block(self, reading: Reading, lines: Lines, begin: int, end: int, border: int) -> _Run | None:
        found = self.found
        reading.take(lines.rest())
        assembler = reading.assembler
        assembler.source = reading.name
        environment = assembler.environment(lines.stream, lines.log_group)
        unreported = assembler.idle(environment)
        if unreported is None:
            return None
        if unreported:
            # They are given out before the invocation that a file ends with,
            end -= self.starts[end] == border and found.ids[end, 0] == 0
            # and before the one in front of a START of theirs. Where it names no UUID, it may be of theirs.
            ids = found.ids[begin : end + 1]
            if begin == end or not ids[-1, 0] or any(_holds(ids, one) for one in unreported):
                return None
        first_event, behind = int(found.first[begin]), int(found.first[end])
        times = found.times[first_event:behind]
        reading.passed(behind - first_event, int(times.min()), int(times.max()))
        notable = list(self._doubts.notable(begin, end))
        places = np.array([place for _, place, *_ in notable], np.int64)
        positions = lines.positions(places).tolist() if notable else []
        block = Block(
            uuids=found.uuids[begin:end],
            version=_text(found.version[begin]),
            first_has_init=not np.isnan(found.initial[begin]),
            lines=[
                (Record(message, position, time, lines.stream, lines.log_group), event, request_id)
                for (message, _, time, event, request_id), position in zip(notable, positions, strict=True)
            ],
        )
        first, attempts = assembler.pass_by(environment, block)
        return _Run(
            begin=begin,
            end=end,
            source=reading.name,
            positions=lines.positions,
            function=environment.function,
            runtime=environment.runtime,
            log_group=environment.log_group,
            stream=environment.name,
            first=first,
            attempts=attempts,
        )


def _line_by_line(reading: Reading, lines: Lines, begin: int, end: int, hand_over: Callable[[Assembler], None]) -> None:
    if begin < end:
        reading.take(lines.read(begin, end))
        hand_over(reading.assembler)


class _Doubts:
    """The lines of plain segments that only the grammars can judge, parsed once."""

    def __init__(self, found: Scan, message: Callable[[int], str | None]) -> None:
        self.by_segment: dict[int, list[tuple[str, int, int, ApplicationLine, str]]] = {}
        segments = np.searchsorted(found.first, found.doubtful, "right") - 1
        inside = (segments >= 0) & (segments < len(found.plain))
        inside[inside] = found.plain[segments[inside]]
        grave: set[int] = set()
        for segment, number in zip(segments[inside].tolist(), found.doubtful[inside].tolist(), strict=True):
            if segment in grave:
                continue
            text = message(number)
            event = grammars.parse(text) if text is not None else None
            request_id = found.ids[segment].tobytes().decode()
            if isinstance(event, PlatformNote) and not event.dropped_records:
                continue
            if (
                text is None
                or not isinstance(event, ApplicationLine)
                or event.unhandled
                or event.request_id not in (None, request_id)
            ):
                grave.add(segment)
                continue
            self.by_segment.setdefault(segment, []).append(
                (text, int(found.events[number]), int(found.times[number]), event, request_id)
            )
        self.grave = sorted(grave)
        # In their order, as the doubtful events are.
        self._segments = list(self.by_segment)

    def between(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The parts of a run of plain segments without those in which a line says more than a row of its own."""
        for number in self.grave[bisect_left(self.grave, begin) : bisect_left(self.grave, end)]:
            yield begin, number
            begin = number + 1
        yield begin, end

    def notable(self, begin: int, end: int) -> Iterator[tuple[str, int, int, ApplicationLine, str]]:
        low, high = bisect_left(self._segments, begin), bisect_left(self._segments, end)
        for segment in self._segments[low:high]:
            yield from self.by_segment[segment]


class _Plain:
    """Runs of plain segments, each of one version."""

    def __init__(self, found: Scan) -> None:
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
    return len(text) == ids.shape[1] and bool((ids == np.frombuffer(text, np.uint8)).all(axis=1).any())


def _columns(found: Scan, runs: list[_Run]) -> Columns:
    sizes = [run.end - run.begin for run in runs]
    # How many traces stand before each row.
    traces = np.concatenate(([0], np.cumsum(found.traced)))

    def of(column: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([column[run.begin : run.end] for run in runs])

    return Columns(
        sizes=sizes,
        functions=[run.function for run in runs],
        versions=[_text(found.version[run.begin]) for run in runs],
        log_groups=[run.log_group for run in runs],
        streams=[run.stream for run in runs],
        runtimes=[run.runtime for run in runs],
        sources=[run.source for run in runs],
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
        position=np.concatenate([run.positions(found.report[run.begin : run.end]) for run in runs]),
    )


def _line_columns(found: Scan, runs: list[_Run]) -> LineColumns | None:
    lines = found.lines
    borders = np.searchsorted(lines.segment, [(run.begin, run.end) for run in runs]).tolist()
    runs = [run for run, (low, high) in zip(runs, borders, strict=True) if low < high]
    parts = [slice(low, high) for low, high in borders if low < high]
    if not runs:
        return None
    fields = _within(lines.field, parts)
    return LineColumns(
        sizes=[part.stop - part.start for part in parts],
        functions=[run.function for run in runs],
        versions=[_text(found.version[run.begin]) for run in runs],
        log_groups=[run.log_group for run in runs],
        streams=[run.stream for run in runs],
        sources=[run.source for run in runs],
        request_id=found.ids[_joined(lines.segment, parts)],
        time=_joined(lines.time, parts),
        level=_joined(lines.level, parts),
        levels=LEVELS,
        message=Texts(_sizes(lines.text, parts), _joined(lines.texts, _within(lines.text, parts))),
        fields=_sizes(lines.field, parts),
        name=Texts(_sizes(lines.name, fields), _joined(lines.names, _within(lines.name, fields))),
        value=_joined(lines.value, fields),
        position=np.concatenate([run.positions(lines.place[part]) for run, part in zip(runs, parts, strict=True)]),
    )


def _joined(column: NDArray[Any], parts: list[slice]) -> NDArray[Any]:
    return np.concatenate([column[part] for part in parts])


def _sizes(begins: NDArray[np.int32], parts: list[slice]) -> NDArray[np.int32]:
    """How much lies between the beginning of each element and the next."""
    return np.concatenate([np.diff(begins[part.start : part.stop + 1]) for part in parts])


def _within(begins: NDArray[np.int32], parts: list[slice]) -> list[slice]:
    """What belongs to some parts of a column, in another one that says where the share of each element begins."""
    return [slice(int(begins[part.start]), int(begins[part.stop])) for part in parts]
