"""Reads groups of files in several processes, each of which writes commits of its own."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from analyzer.ingest.sources import LogFile

Result = TypeVar("Result")
# With less to read than this, starting processes takes longer than it saves.
WORTHWHILE = 64 << 20


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


def together(work: Callable[[Share], Result], parts: list[Share]) -> Iterator[Result]:
    """What the work on each part gives, in their order. Whatever ends the caller ends the workers."""
    with multiprocessing.get_context("spawn").Pool(len(parts), maxtasksperchild=1) as pool:
        yield from pool.imap(work, parts)


def settle(number: int) -> None:
    """Stay on one core: processes that wander have been seen to share one."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[number % len(allowed)]})
