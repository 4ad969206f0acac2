"""Where logs come from: files, folders and standard input, unpacked on the way.

Files that continue each other (000000.gz, 000001.gz of one exported stream) are read as one group, because an invocation
may begin in the first and end in the second.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import zstandard
from isal import igzip, isal_zlib
from msgspec import Struct

from analyzer.errors import UserError

# What a person calls standard input on the command line.
STANDARD_INPUT = "-"
# CloudWatch leaves this file beside every export to S3 to try its permission.
WRITE_TEST = "aws-logs-write-test"
EXPORT_PART = re.compile(r"^\d{6}(?:\.[a-z0-9]+)?$")
# `<prefix>/<task id>/<stream>/000000.gz`: the task id is a UUID.
TASK_ID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$")
# The prefix that CloudWatch itself proposes for exports; it names nothing.
DEFAULT_PREFIX = "exportedlogs"

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# python-isal types its exception as a value.
UNPACK_ERRORS: tuple[type[Exception], ...] = (EOFError, zlib.error, isal_zlib.error, zstandard.ZstdError, OSError)  # type: ignore[assignment]


# Content is unpacked in steps of this size, and in small ones where it is damaged.
STEP, SMALL_STEP = 1 << 18, 1 << 12
READ_AHEAD = 1 << 18
# A file up to this size is read once: its digest and its content come from the same bytes.
SMALL = 8 << 20
# The reader behind igzip.open, without the layers around it that copy every byte once more.
GUNZIP: Callable[[io.BufferedReader, int], object] = getattr(
    isal_zlib, "_GzipReader", lambda file, _: igzip.open(file, "rb")
)


class LogFile(Struct, frozen=True):
    """One file of logs. `folder_names` are what the path itself suggests: the stream and the prefix of an S3 export."""

    name: str
    path: Path
    exported_stream: str | None = None
    exported_prefix: str | None = None

    def open(self) -> Opened:
        """The file, read once to know it by its digest; a small one stays in memory. Raises UserError."""
        try:
            size = self.path.stat().st_size
            if size <= SMALL:
                content = self.path.read_bytes()
                return Opened(hashlib.sha256(content).hexdigest(), size, io.BytesIO(content))
            file = self.path.open("rb", buffering=0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
        except OSError as problem:
            raise UserError(f"cannot read {self.name}: {problem.strerror}") from problem
        return Opened(digest, size, file)


class Opened(Struct, frozen=True):
    """A file that is known by its digest and not unpacked yet."""

    digest: str
    size: int
    content: io.BytesIO | io.FileIO


class Unpacked:
    """The content of a file, unpacked however often it was packed: Firehose, for one, may pack twice.

    A damaged file gives what can be unpacked before one of UNPACK_ERRORS is raised, and the same bytes in whatever steps it
    is read: a step that fails is lost as a whole, so it is taken again in small ones.
    """

    def __init__(self, content: io.BytesIO | io.FileIO) -> None:
        self._content = content
        self._layers = _unpack(content)
        self._position = 0
        self._careful = False
        self._left = b""

    def readinto1(self, buffer: memoryview) -> int:
        """Fill `buffer` as far as one step goes; 0 at the end."""
        if self._left:
            size = min(len(buffer), len(self._left))
            buffer[:size] = self._left[:size]
            self._left = self._left[size:]
        else:
            try:
                size = self._layers.readinto1(buffer[:SMALL_STEP] if self._careful else buffer)
            except UNPACK_ERRORS:
                if self._careful:
                    raise
                self._again()
                return self.readinto1(buffer)
        self._position += size
        return size

    def _again(self) -> None:
        self._careful = True
        self._content.seek(0)
        # A reader that is forgotten closes what it reads from.
        self._failed, self._layers = self._layers, _unpack(self._content)
        position = 0
        while position < self._position and (step := self._layers.read1(SMALL_STEP)):
            position += len(step)
            self._left = step[len(step) - max(0, position - self._position) :]

    def beginning(self, size: int) -> bytes:
        """The first `size` bytes, less where there are no more."""
        head = bytearray(size)
        read = 0
        try:
            while read < size and (step := self.readinto1(memoryview(head)[read:])):
                read += step
        except UNPACK_ERRORS:
            if not read:
                raise
        return bytes(memoryview(head)[:read])


def _unpack(content: io.BytesIO | io.FileIO) -> io.BufferedReader:
    file: io.BufferedReader = io.BufferedReader(cast(Any, content), SMALL_STEP)
    while True:
        head = file.peek(4)
        if head.startswith(GZIP):
            layer = GUNZIP(file, READ_AHEAD)
        elif head.startswith(ZSTD):
            layer = zstandard.ZstdDecompressor().stream_reader(cast(IO[bytes], file), read_across_frames=True)
        else:
            return file
        file = io.BufferedReader(cast(Any, layer), SMALL_STEP)


def rejoin(head: bytes, rest: Unpacked) -> io.BufferedReader:
    """A stream that begins with what was read ahead."""
    return io.BufferedReader(_Rejoined(head, rest), STEP)


class _Rejoined(io.RawIOBase):
    """What was read ahead, followed by the rest."""

    def __init__(self, head: bytes, rest: Unpacked) -> None:
        self.head = memoryview(head)
        self.rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self.head:
            return self.rest.readinto1(buffer)
        count = min(len(buffer), len(self.head))
        buffer[:count] = self.head[:count]
        self.head = self.head[count:]
        return count


def find(paths: list[str]) -> Iterator[list[LogFile]]:
    """Groups of files to read together, in an order that depends on names alone.

    Raises UserError for a path that does not exist or cannot be listed.
    """
    for path in paths:
        yield from _find(path)


def _find(name: str) -> Iterator[list[LogFile]]:
    if name == STANDARD_INPUT:
        with _spooled(sys.stdin.buffer) as path:
            yield [LogFile(STANDARD_INPUT, path)]
        return
    path = Path(name)
    if path.is_dir():
        for _, parts in groupby(_walk(path), key=_group):
            yield list(parts)
    elif path.exists():
        yield [_log_file(path)]
    else:
        raise UserError(f"there is no file or folder {name}")


def _walk(folder: Path) -> Iterator[LogFile]:
    def complain(problem: OSError) -> None:
        raise UserError(f"cannot list the folder {problem.filename}: {problem.strerror}") from problem

    for parent, folders, files in os.walk(folder, onerror=complain):
        folders.sort()
        for file in sorted(files):
            path = Path(parent, file)
            if file != WRITE_TEST and not file.startswith(".") and path.is_file():
                yield _log_file(path)


def _log_file(path: Path) -> LogFile:
    stream, task, prefix = (path.parents[depth].name if len(path.parents) > depth else "" for depth in range(3))
    if not (EXPORT_PART.match(path.name) and TASK_ID.match(task)):
        return LogFile(str(path), path)
    return LogFile(str(path), path, stream, prefix if prefix not in ("", DEFAULT_PREFIX) else None)


def _group(file: LogFile) -> str:
    return str(file.path.parent) if file.exported_stream else file.name


class _spooled:  # noqa: N801 -- reads as a verb where it is used
    """Standard input in a temporary file, so that it can be looked at, digested and read like any other."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.folder = tempfile.TemporaryDirectory(prefix="reportline-")

    def __enter__(self) -> Path:
        path = Path(self.folder.name, "stdin")
        with path.open("wb") as file:
            shutil.copyfileobj(self.stream, file)
        return path

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()
