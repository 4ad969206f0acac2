"""Where the parts of a lake lie, and the locks on its folders, which the system takes back from a process that dies.

Whoever reads a lake or adds to it shares the lock on `invocations`; whoever deletes parts holds it alone. The lock on `sources`
is held while a commit is compared with the others and becomes visible.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Suffixes of files that are being written.
HIDDEN, REWRITTEN = ".tmp", ".clean"


def part(lake: Path, table: str, commit: str) -> Path:
    return lake / table / f"{commit}.parquet"


def hidden(lake: Path, table: str, commit: str) -> Path:
    """The part before its commit is visible."""
    return lake / table / f".{commit}{HIDDEN}"


def as_pattern(path: Path) -> str:
    """A path as DuckDB reads it: a bracket, star or question mark would be taken for a glob."""
    return str(path).replace("[", "[[]").replace("*", "[*]").replace("?", "[?]")


@contextmanager
def shared(folder: Path) -> Iterator[None]:
    """Hold the lock together with others; waits for whoever holds it alone."""
    with _opened(folder) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the lock alone; waits for everybody else."""
    with _opened(folder) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


@contextmanager
def alone_if_free(folder: Path) -> Iterator[bool]:
    """Hold the lock alone, if nobody else has it; says whether."""
    with _opened(folder) as descriptor:
        free = False
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            free = True
        yield free


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
