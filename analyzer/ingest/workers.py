"""Reads groups of files in several processes, each of which writes commits of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import struct
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import chain
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from time import monotonic
from typing import TypeVar, cast

from msgspec import Struct

from analyzer.errors import UserError
from analyzer.ingest.sources import LogFile

Result = TypeVar("Result")
# With less to read than this, starting processes takes longer than it saves.
WORTHWHILE = 64 << 20
# Seconds between two words on how far a process is.
PAUSE = 0.1
# So many numbers a pipe takes without anybody who reads them.
MOST_HANDS = 1_000
NUMBER = struct.Struct("=H")
# Bytes at the end of a file by which files of one size are told apart.
TAIL = 64


class Progress(Struct, frozen=True):
    """How far an ingest is. Bytes are those on disk; `total` is None where they cannot be told before they are read."""

    file: str
    files: int
    lines: int
    invocations: int
    bytes: int
    total: int | None


def cores() -> int:
    """Those this process may use, which in a container are fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Share(Struct, frozen=True):
    """What the processes read together. Each takes the next of the `hands` when it is done with the one before."""

    lake: Path
    hands: list[list[list[LogFile]]]
    function: str | None
    named: set[str]
    buffer: int


Work = Callable[[Share, Iterator[list[LogFile]], Callable[[Progress], None]], Result]


def hands(groups: list[list[LogFile]]) -> list[list[list[LogFile]]]:
    """The groups in hands of about the same size, the largest first, so that all processes are done at about the same time.

    Files that may be one file twice, of which the second counts for nothing, are in one hand, in their order.
    """
    bundles = _bundles(groups)
    loads = [(0, number) for number in range(min(MOST_HANDS, len(bundles)))]
    dealt: list[list[int]] = [[] for _ in loads]
    for size, bundle in sorted(bundles, key=lambda one: -one[0]):
        load, number = heappop(loads)
        dealt[number] += bundle
        heappush(loads, (load + size, number))
    by_size = sorted(loads, key=lambda one: (-one[0], one[1]))
    return [[groups[one] for one in sorted(dealt[number])] for _, number in by_size]


def _bundles(groups: list[list[LogFile]]) -> list[tuple[int, list[int]]]:
    """Numbers of groups that have to be read by one process, and the bytes in them."""
    sizes = [[_size(file) for file in group] for group in groups]
    common = {size for size, count in Counter(chain.from_iterable(sizes)).items() if count > 1}
    leader = list(range(len(groups)))
    seen: dict[tuple[int, bytes], int] = {}
    for number, group in enumerate(groups):
        for file, size in zip(group, sizes[number], strict=True):
            if size in common:
                first = _leader(leader, seen.setdefault((size, _tail(file)), number))
                other = _leader(leader, number)
                leader[max(first, other)] = min(first, other)
    bundles: dict[int, list[int]] = {}
    for number in range(len(groups)):
        bundles.setdefault(_leader(leader, number), []).append(number)
    return [(sum(sum(sizes[number]) for number in numbers), numbers) for numbers in bundles.values()]


def _leader(leader: list[int], number: int) -> int:
    while leader[number] != number:
        number = leader[number]
    return number


def _size(file: LogFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:
        return 0  # which the one who reads it will have to say


def _tail(file: LogFile) -> bytes:
    """The last bytes; of a file packed by gzip they say what its content is. What cannot be read has none."""
    try:
        with file.path.open("rb", buffering=0) as opened:
            opened.seek(-min(TAIL, os.fstat(opened.fileno()).st_size), os.SEEK_END)
            return opened.read(TAIL)
    except OSError:
        return b""


def total(groups: list[list[LogFile]]) -> int:
    return sum(_size(file) for group in groups for file in group)


def together(
    work: Work[Result], share: Share, processes: int, heard: Callable[[int, Progress], None]
) -> Iterator[Result]:
    """What the work gives in each of the processes, of which this is one; `heard` gets to know how far each is.

    Whatever ends this process ends the others. Raises what another raised, and UserError where one was killed.
    """
    context = multiprocessing.get_context("spawn")
    # Each takes the number of its next hand out of a pipe: whoever is killed holds no lock.
    numbers, deal = context.Pipe(duplex=False)
    os.write(deal.fileno(), b"".join(NUMBER.pack(number) for number in range(len(share.hands))))
    deal.close()
    workers: dict[Connection, tuple[int, SpawnProcess]] = {}

    def listen(timeout: float | None) -> Iterator[Result]:
        """What the others are done with by now. Without a timeout something will have been heard."""
        for ear in cast(list[Connection], wait(list(workers), timeout)):
            number, worker = workers[ear]
            try:
                said = ear.recv()
            except EOFError:
                worker.join()
                raise UserError(
                    f"a process that was reading logs ended before its time ({worker.exitcode}), perhaps for want of memory; "
                    "what was added is there, and the same command goes on from it"
                ) from None
            if isinstance(said, BaseException):
                raise said
            if isinstance(said, Progress):
                heard(number, said)
            else:
                worker.join()
                del workers[ear]
                yield said

    done: list[Result] = []

    def tell(progress: Progress) -> None:
        heard(0, progress)
        done.extend(listen(0))

    try:
        with _uninterrupted():
            for number in range(1, processes):
                ear, mouth = context.Pipe(duplex=False)
                worker = context.Process(target=_work, args=(work, share, numbers, number, mouth), daemon=True)
                worker.start()
                mouth.close()
                workers[ear] = number, worker
        with _settled(0):
            done.append(work(share, _dealt(share, numbers), tell))
        while workers:
            done.extend(listen(None))
    finally:
        numbers.close()
        for _, worker in workers.values():
            worker.terminate()
        for _, worker in workers.values():
            worker.join()
    yield from done


def _dealt(share: Share, numbers: Connection) -> Iterator[list[LogFile]]:
    while taken := os.read(numbers.fileno(), NUMBER.size):
        (number,) = NUMBER.unpack(taken)
        yield from share.hands[number]


def _work(work: Work[object], share: Share, numbers: Connection, number: int, mouth: Connection) -> None:
    said = monotonic()
    latest: Progress | None = None

    def tell(progress: Progress) -> None:
        nonlocal said, latest
        latest = progress
        if monotonic() >= said + PAUSE:
            said = monotonic()
            mouth.send(progress)

    try:
        with _settled(number):
            done = work(share, _dealt(share, numbers), tell)
        if latest:
            mouth.send(latest)
        mouth.send(done)
    except Exception as problem:
        problem.add_note(f"in a process that read logs:\n{traceback.format_exc()}")
        mouth.send(problem)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """What is started meanwhile does not hear Ctrl-C, which a terminal sends to everybody; the one who started it does."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _settled(number: int) -> Iterator[None]:
    """Stay on one core: processes that wander have been seen to share one."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[number % len(allowed)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
