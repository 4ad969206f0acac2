"""Where logs come from: files, folders and standard input, unpacked on the way.

Files that continue each other (000000.gz, 000001.gz of one exported stream) are read as one group, because an invocation
may begin in the first and end in the second.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import re
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import IO, BinaryIO, cast

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

# A decompressor that breaks off gives nothing of the piece in which it did, so pieces are small.
PIECE = 16_384
# PowerShell's `>` writes UTF-16 and a mark in front; other tools of Windows put a mark in front of UTF-8.
UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# Enough of a file to know its container: an export may begin with a long stack.
HEAD = 1 << 18
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# python-isal types its exception as a value.
UNPACK_ERRORS: tuple[type[Exception], ...] = (EOFError, zlib.error, isal_zlib.error, zstandard.ZstdError, OSError)  # type: ignore[assignment]


class LogFile(Struct, frozen=True):
    """One file of logs. `folder_names` are what the path itself suggests: the stream and the prefix of an S3 export."""

    name: str
    path: Path
    exported_stream: str | None = None
    exported_prefix: str | None = None

    def digest(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def open(self) -> BinaryIO:
        """The file's content, unpacked however often it was packed; text in UTF-16 becomes UTF-8."""
        try:
            file: BinaryIO = self.path.open("rb")
        except OSError as problem:
            raise UserError(f"cannot read {self.name}: {problem.strerror}") from problem
        return unpack(file)


def unpack(file: BinaryIO) -> BinaryIO:
    """The stream inside any layers of gzip, zstd and UTF-16, without a byte order mark; Firehose, for one, packs twice."""
    while True:
        head, file = peek(file, 4)
        if head.startswith(GZIP):
            file = cast(BinaryIO, igzip.open(file, "rb"))
        elif head.startswith(ZSTD):
            reader = zstandard.ZstdDecompressor().stream_reader(cast(IO[bytes], file), read_across_frames=True)
            file = cast(BinaryIO, reader)
        elif head.startswith(codecs.BOM_UTF8):
            file.read(len(codecs.BOM_UTF8))
        elif encoding := UTF_16.get(head[:2]):
            file.read(2)
            file = cast(BinaryIO, io.BufferedReader(_Recoded(file, encoding), 1 << 20))
        else:
            return file


def peek(file: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """The first `size` bytes, and a stream that still begins with them. What breaks off early is peeked at as far as it goes."""
    head, problem = bytearray(), None
    try:
        while len(head) < size and (chunk := file.read(min(PIECE, size - len(head)))):
            head += chunk
    except UNPACK_ERRORS as broken:
        problem = broken
    return bytes(head), cast(BinaryIO, io.BufferedReader(_Rejoined(bytes(head), file, problem), 1 << 20))


class _Rejoined(io.RawIOBase):
    """What was read ahead, followed by the rest, or by what went wrong there."""

    def __init__(self, head: bytes, rest: BinaryIO, problem: Exception | None) -> None:
        self.head = memoryview(head)
        self.rest = rest
        self.problem = problem

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self.head:
            if self.problem is not None:
                raise self.problem
            chunk = self.rest.read(min(len(buffer), PIECE))
            buffer[: len(chunk)] = chunk
            return len(chunk)
        count = min(len(buffer), len(self.head))
        buffer[:count] = self.head[:count]
        self.head = self.head[count:]
        return count

    def close(self) -> None:
        self.rest.close()
        super().close()


class _Recoded(io.RawIOBase):
    """Text in another encoding as UTF-8."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self.file = file
        self.decoder = codecs.getincrementaldecoder(encoding)("replace")
        self.ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self.ready and (chunk := self.file.read(len(buffer))):
            self.ready = self.decoder.decode(chunk).encode()
        if not self.ready:
            self.ready = self.decoder.decode(b"", final=True).encode()
        count = min(len(buffer), len(self.ready))
        buffer[:count] = self.ready[:count]
        self.ready = self.ready[count:]
        return count

    def close(self) -> None:
        self.file.close()
        super().close()


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
    try:
        path.stat()
    except FileNotFoundError:
        raise UserError(f"there is no file or folder {name}") from None
    except OSError as problem:
        raise UserError(f"cannot read {name}: {problem.strerror}") from problem
    if path.is_dir():
        for _, parts in groupby(_walk(path), key=_group):
            yield list(parts)
    else:
        yield [_log_file(path)]


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
