"""Hands buffers of S3 exports to `scan.c`, which finds the unremarkable invocations in them and reads those into columns.

The work is a byte at a time, which is what Python is worst at; scan.c says what it does and what it leaves to others.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import DTypeLike, NDArray

from analyzer.ingest.containers.lines import LONGEST_EVENT
from analyzer.ingest.grammars.wording import BOOKKEEPING
from analyzer.ingest.native import LIBRARY
from analyzer.model import Level

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Bytes that a buffer must have to spare in front of and behind what is scanned: what is looked at may reach beyond an event.
MARGIN = 256
TIME = 24  # 2026-03-17T08:12:05.123Z
TEXT = TIME + 1  # where the message begins
ID = 36
ID_IN_START = TEXT + len("START RequestId: ")
TRACE = 35
# The shortest event is a time, a space and a line feed; the shortest that begins a segment has a START and a letter as well.
SHORTEST_EVENT, SHORTEST_START = TEXT + 1, ID_IN_START + 2
# The shortest field is n=1 and what parts it from the next.
SHORTEST_FIELD = 4

# One element an event, one a segment, and one a trace, as in scan.c.
EVENTS: dict[str, DTypeLike] = {"place": np.int64, "time": np.int64, "kind": np.uint8}
SEGMENTS: dict[str, DTypeLike] = {
    "first": np.int64,
    "plain": np.bool_,
    "version": np.uint64,
    "ids": (np.uint8, ID),
    "uuids": (np.uint64, 2),
    "report": np.int64,
    "start_time": np.int64,
    "end_time": np.int64,
    "duration": np.float64,
    "billed": np.float64,
    "initial": np.float64,
    "memory": np.int32,
    "used": np.int32,
    "traced": np.bool_,
    "traces": (np.uint8, TRACE),
}
# One element a line of the application, and one a field, as in lines.c.
LINES: dict[str, DTypeLike] = {
    "segment": np.int64,
    "place": np.int64,
    "time": np.int64,
    "level": np.uint8,
    "text": np.int32,
    "field": np.int32,
    "texts": np.uint8,
    "name": np.int32,
    "value": np.float64,
    "names": np.uint8,
}
APPLICATION, DOUBTFUL = 0, 4
# In the order of lines.c, where the first is 1.
LEVELS: tuple[Level, ...] = ("trace", "debug", "info", "warning")
# Each behind its length.
BOOKKEEPING_NAMES = b"".join(bytes([len(name)]) + name.encode() for name in sorted(BOOKKEEPING)) + b"\0"

LIBRARY.scan.restype = None


class Stretch(ctypes.Structure):
    """Part of a file in a buffer, from the beginning of a line on. `closed`: what is in hand at its end is over there."""

    _fields_ = (("begin", ctypes.c_int64), ("end", ctypes.c_int64), ("closed", ctypes.c_int64))


class _Counts(ctypes.Structure):
    _fields_ = (
        ("events", ctypes.c_int64),
        ("starts", ctypes.c_int64),
        ("traces", ctypes.c_int64),
        ("lines", ctypes.c_int64),
    )


class Lines(Struct, frozen=True):
    """Lines of the application in plain segments that are worth a row each: line k has the bytes text[k] to text[k + 1] of `texts`,
    and the fields field[k] to field[k + 1], whose names stand in `names` in the same way.
    """

    # Of which segment it is, ascending.
    segment: Places
    place: Places
    time: NDArray[np.int64]
    # An index into LEVELS, counted from 1; 0 for none.
    level: Bytes
    text: NDArray[np.int32]
    field: NDArray[np.int32]
    texts: Bytes
    name: NDArray[np.int32]
    value: NDArray[np.float64]
    names: Bytes


class Scan(Struct, frozen=True):
    """What was found in a buffer: events at `events`, of which `first[k]` begins segment k; `plain` says what it is good for.

    The end of a closed stretch stands among the events and among the beginnings of segments, too. The columns hold one row a
    segment; only those of plain segments mean anything. They are good until the next scan.
    """

    events: Places
    times: NDArray[np.int64]
    kinds: Bytes
    first: Places
    plain: Flags
    # Events that only the grammars can judge.
    doubtful: Places
    # The bytes of each version.
    version: Words
    # Of every START; zeros where it names no UUID.
    ids: Bytes
    # Each id as two words.
    uuids: Words
    report: Places
    start_time: NDArray[np.int64]
    end_time: NDArray[np.int64]
    duration: NDArray[np.float64]
    billed: NDArray[np.float64]
    memory: NDArray[np.int32]
    used: NDArray[np.int32]
    initial: NDArray[np.float64]
    traced: Flags
    # One row for each that is traced.
    traces: Bytes
    lines: Lines


class Kernel:
    """The columns for scans of up to `capacity` bytes. Memory is taken as it is filled."""

    def __init__(self, capacity: int) -> None:
        # A stretch has an event or more, and its end is one besides.
        events = capacity // SHORTEST_EVENT + 1
        self._events = columns(EVENTS, 2 * events)
        self._segments = columns(SEGMENTS, capacity // SHORTEST_START + 1 + events)
        fields = capacity // SHORTEST_FIELD + 1
        sizes = {"texts": capacity, "names": capacity, "name": fields, "value": fields}
        self._lines = {name: np.empty(sizes.get(name, events + 1), kind) for name, kind in LINES.items()}
        self._counts = _Counts()

    def scan(self, buffer: bytearray, stretches: Sequence[Stretch]) -> Scan:
        """Look at the whole events of some stretches, all of them a MARGIN or more away from the ends of the buffer."""
        LIBRARY.scan(
            (ctypes.c_uint8 * len(buffer)).from_buffer(buffer),
            (Stretch * len(stretches))(*stretches),
            ctypes.c_int64(len(stretches)),
            ctypes.c_int64(LONGEST_EVENT),
            BOOKKEEPING_NAMES,
            addresses(self._lines),
            *self.columns,
        )
        return self.found()

    @property
    def columns(self) -> tuple[object, ...]:
        """Where the native library writes what it finds."""
        return addresses(self._events), addresses(self._segments), ctypes.byref(self._counts)

    def found(self) -> Scan:
        counts = self._counts
        places, times, kinds = (column[: counts.events] for column in self._events.values())
        # The last START begins no segment, as its end is not in sight; it has a number and an id all the same.
        sizes = dict.fromkeys(SEGMENTS, max(0, counts.starts - 1))
        sizes |= {"first": counts.starts, "ids": counts.starts, "traces": counts.traces}
        segments = {name: column[: sizes[name]] for name, column in self._segments.items()}
        doubtful = np.flatnonzero(kinds == DOUBTFUL)
        return Scan(events=places, times=times, kinds=kinds, doubtful=doubtful, lines=self._found_lines(), **segments)

    def _found_lines(self) -> Lines:
        number, columns = self._counts.lines, self._lines
        sizes = dict.fromkeys(("segment", "place", "time", "level"), number) | {"text": number + 1, "field": number + 1}
        return Lines(**{name: column[: sizes.get(name)] for name, column in columns.items()})


def columns(kinds: dict[str, DTypeLike], size: int) -> dict[str, NDArray[Any]]:
    return {name: np.empty(size, kind) for name, kind in kinds.items()}


def addresses(columns: dict[str, NDArray[Any]]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(columns))(*(column.ctypes.data for column in columns.values()))
