"""Leaves out what a file holds more than once: pages appended twice, results pasted twice, two downloads put into one file.

A REPORT is its invocation's own: one that reads the same and has the same time was read before, and so was a START whose time
has milliseconds. From there on, what stands before and behind it is compared with what stood around the first one, event by
event, and left out as far as it is the same. Where no time tells them apart, two REPORTs of a timeout may be those of a retry,
which took as long as the first attempt; they are left out only where the events around them are repeated too.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator

from analyzer.ingest.containers.container import Problems
from analyzer.ingest.packing import UNPACK_ERRORS
from analyzer.model import Record

# What came last is compared with so many events before it, and up to twice as many.
MOST_REMEMBERED = 1 << 20
# Events that wait for the next START or REPORT, which tells whether they are repeated.
MOST_HELD = 1_000
SECOND = 1_000_000
# Events of the platform have their time inside, to the millisecond.
PLATFORM_EVENT = re.compile(r'"type":\s*"platform\.(?:start|report)"')


def without_repeats(records: Iterable[Record], problems: Problems) -> Iterator[Record]:
    """The records without those that stand in the file before; `problems` is told of each that is left out."""
    seen = _Seen()
    held: list[Record] = []
    keys: list[int] = []
    # Where the event that would follow stands among those seen, while what comes in is repeated.
    following: int | None = None
    try:
        for record in records:
            key = hash((record.time, record.message))
            if following is not None and seen.is_at(following, key):
                problems.repeated(record.message)
                following += 1
                continue
            following = None
            held.append(record)
            keys.append(key)
            if _is_unique(record):
                first = seen.first(key, len(keys) - 1)
                repeated = seen.alike(keys, first) if first is not None else 0
                following = first + 1 if first is not None else None
                for one in held[len(held) - repeated :]:
                    problems.repeated(one.message)
                del held[len(held) - repeated :], keys[len(keys) - repeated :]
                if repeated:
                    _drop_start(record.message, held, keys, problems)
            elif len(held) < MOST_HELD:
                continue
            seen.add(keys)
            yield from held
            held, keys = [], []
    except UNPACK_ERRORS:
        # The file breaks off here; what was read of it counts.
        yield from held
        raise
    yield from held


def _drop_start(report: str, held: list[Record], keys: list[int], problems: Problems) -> None:
    """Where other lines stand between a START and a REPORT that is repeated, nothing is left for the START to begin."""
    start = report.partition("\t")[0].replace("REPORT RequestId: ", "START RequestId: ", 1) + " "
    for number in range(len(held) - 1, -1, -1):
        if start.startswith("START RequestId: ") and held[number].message.startswith(start):
            problems.repeated(held[number].message)
            del held[number], keys[number]
            return


def _is_unique(record: Record) -> bool:
    """Whether no two events can be like this one."""
    message = record.message
    if message.startswith("REPORT RequestId: "):
        return record.time is not None or "Status: timeout" not in message
    if message.startswith("START RequestId: "):
        return record.time is not None and record.time % SECOND != 0
    return message.startswith("{") and '"platform.' in message and PLATFORM_EVENT.search(message) is not None


class _Seen:
    """The keys of the events that were read last, in their order, and where those stand that are unique."""

    def __init__(self) -> None:
        self._keys = array("q")
        # The number in the file of the first of them.
        self._begin = 0
        self._unique: dict[int, int] = {}

    def first(self, key: int, held: int) -> int | None:
        """Where a unique event was seen before; else it is remembered where it will be, behind so many that are `held`."""
        place = self._unique.get(key)
        if place is None:
            self._unique[key] = self._begin + len(self._keys) + held
        return place

    def is_at(self, place: int, key: int) -> bool:
        number = place - self._begin
        return 0 <= number < len(self._keys) and self._keys[number] == key

    def alike(self, keys: list[int], place: int) -> int:
        """How many at the end of `keys` are those up to `place`."""
        count = 0
        while count < len(keys) and self.is_at(place - count, keys[-1 - count]):
            count += 1
        return count

    def add(self, keys: list[int]) -> None:
        self._keys.extend(keys)
        if len(self._keys) >= 2 * MOST_REMEMBERED:
            del self._keys[:MOST_REMEMBERED]
            self._begin += MOST_REMEMBERED
            self._unique = {key: place for key, place in self._unique.items() if place >= self._begin}
