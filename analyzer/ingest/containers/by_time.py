"""Puts records into the order of time: what searches export comes newest first, and invocations read backwards make no sense.

Files that do not fit into memory are sorted a part at a time into temporary files, which are then merged.
"""

from __future__ import annotations

import heapq
import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO

import msgspec

from analyzer.ingest.containers.container import Problems
from analyzer.ingest.containers.repeats import without_repeats
from analyzer.ingest.packing import UNPACK_ERRORS
from analyzer.model import Record

# A part is closed after so many records or characters of their messages.
PART_RECORDS, PART_CHARACTERS = 200_000, 1 << 26
# Time, place among what has the same time, and the record.
Keyed = tuple[int, tuple[int, int], Record]
ENCODE = msgspec.msgpack.Encoder().encode
DECODE = msgspec.msgpack.Decoder(Keyed).decode
LENGTH = 8
# What the platform logs in JSON, and where it stands.
PLATFORM_EVENT = re.compile(r'\{"time":"[^"]{10,40}","type":"platform\.(\w+)"')
RANKS = {"initStart": 0, "start": 0, "runtimeDone": 2, "report": 3}


def by_time(records: Iterable[Record], problems: Problems) -> Iterator[Record]:
    """The same records, the oldest first and each once. One without a time stays behind the one before it.

    What has the same time stays in its order. In a file that runs backwards it is turned round, and what the platform
    writes first and last about a request is put there, because searches do not keep the order within a millisecond.
    Of a damaged file all that could be read comes before what went wrong is raised.
    """
    damage: list[Exception] = []
    parts: list[IO[bytes]] = []
    part: list[Keyed] = []
    characters, time, backwards = 0, 0, None
    # Sorted, what is repeated could no more be told from what was logged twice.
    for number, record in enumerate(without_repeats(_undamaged(records, damage), problems)):
        time = record.time if record.time is not None else time
        part.append((time, (0, number), record))
        characters += len(record.message)
        if len(part) >= PART_RECORDS or characters >= PART_CHARACTERS:
            backwards = _runs_backwards(part) if backwards is None else backwards
            parts.append(_written(_sorted(part, backwards)))
            part, characters = [], 0
    if part:
        backwards = _runs_backwards(part) if backwards is None else backwards
    last = _sorted(part, bool(backwards))
    for _, _, record in heapq.merge(*(_read(file) for file in parts), last, key=_key):
        yield record
    for problem in damage:
        raise problem


def _undamaged(records: Iterable[Record], damage: list[Exception]) -> Iterator[Record]:
    try:
        yield from records
    except UNPACK_ERRORS as problem:
        damage.append(problem)


def _runs_backwards(part: list[Keyed]) -> bool:
    """Where all of it happened within a millisecond, what the platform writes first and last tells."""
    (first, _, one), (last, _, other) = part[0], part[-1]
    return (first, _rank(one.message)) > (last, _rank(other.message))


def _key(keyed: Keyed) -> tuple[int, tuple[int, int]]:
    return keyed[0], keyed[1]


def _sorted(part: list[Keyed], backwards: bool) -> list[Keyed]:
    if backwards:
        part = [(time, (_rank(record.message), -number), record) for time, (_, number), record in part]
    return sorted(part, key=_key)


def _rank(message: str) -> int:
    """Where a message stands among those of its millisecond."""
    if match := PLATFORM_EVENT.match(message):
        return RANKS.get(match[1], 1)
    if message.startswith(("INIT_START ", "START RequestId: ")):
        return 0
    if message.startswith("END RequestId: "):
        return 2
    return 3 if message.startswith("REPORT RequestId: ") else 1


def _written(part: list[Keyed]) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by who reads it
    for keyed in part:
        content = ENCODE(keyed)
        file.write(len(content).to_bytes(LENGTH, "little") + content)
    file.seek(0)
    return file


def _read(file: IO[bytes]) -> Iterator[Keyed]:
    with file:
        while length := file.read(LENGTH):
            yield DECODE(file.read(int.from_bytes(length, "little")))
