"""Reads groups of files in several processes, each of which writes commits of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    """What one process reads."""

    number: int
    lake: Path
    groups: list[list[LogFile]]
    function: str | None
    named: set[str]
    buffer: int


def shares(groups: list[list[LogFile]], processes: int) -> list[list[list[LogFile]]]:
    """The groups dealt out, the largest first, so that all have about as much to do.

    Files of one size may be one file twice, of which the second counts for nothing: they stay together, in their order.
    """
    sizes = [[_size(file) for file in group] for group in groups]
    leader = list(range(len(groups)))
    seen: dict[int, int] = {}
    for number, group in enumerate(sizes):
        for size in group:
            first = _leader(leader, seen.setdefault(size, number))
            other = _leader(leader, number)
            leader[max(first, other)] = min(first, other)
    bundles: dict[int, list[int]] = {}
    for number in range(len(groups)):
        bundles.setdefault(_leader(leader, number), []).append(number)
    dealt: list[list[int]] = [[] for _ in range(processes)]
    loads = [0] * processes
    for bundle in sorted(bundles.values(), key=lambda numbers: -sum(sum(sizes[number]) for number in numbers)):
        least = loads.index(min(loads))
        dealt[least] += bundle
        loads[least] += sum(sum(sizes[number]) for number in bundle)
    return [[groups[number] for number in sorted(numbers)] for numbers in dealt if numbers]


def _leader(leader: list[int], number: int) -> int:
    while leader[number] != number:
        number = leader[number]
    return number


def _size(file: LogFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:
        return 0  # which the worker will have to say


def total(groups: list[list[LogFile]]) -> int:
    return sum(_size(file) for group in groups for file in group)


def together(
    work: Callable[[Share, Callable[[Progress], None]], Result],
    parts: list[Share],
    heard: Callable[[int, Progress], None],
) -> Iterator[tuple[int, Result]]:
    """The number of each part and what the work on it gives, as they get done; `heard` gets to know how far each is.

    Whatever ends the caller ends the workers. Raises what a worker raised, and UserError where one was killed.
    """
    context = multiprocessing.get_context("spawn")
    workers: dict[Connection, tuple[int, SpawnProcess]] = {}
    try:
        with _uninterrupted():
            for part in parts:
                ear, mouth = context.Pipe(duplex=False)
                worker = context.Process(target=_work, args=(work, part, mouth), daemon=True)
                worker.start()
                mouth.close()
                workers[ear] = part.number, worker
        open_ears = list(workers)
        while open_ears:
            for ear in cast(list[Connection], wait(open_ears)):
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
                    open_ears.remove(ear)
                    yield number, said
    finally:
        for _, worker in workers.values():
            worker.terminate()
        for _, worker in workers.values():
            worker.join()


def _work(work: Callable[[Share, Callable[[Progress], None]], object], part: Share, mouth: Connection) -> None:
    said = monotonic()
    latest: Progress | None = None

    def tell(progress: Progress) -> None:
        nonlocal said, latest
        latest = progress
        if monotonic() >= said + PAUSE:
            said = monotonic()
            mouth.send(progress)

    _settle(part.number)
    try:
        done = work(part, tell)
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


def _settle(number: int) -> None:
    """Stay on one core: processes that wander have been seen to share one."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[number % len(allowed)]})
