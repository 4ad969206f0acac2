"""Unpacks gzip, zstd, bzip2, xz and UTF-16, however often something was packed, and refuses what grows out of proportion."""

from __future__ import annotations

import bz2
import codecs
import io
import lzma
import re
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import zstandard
from isal import igzip, isal_zlib

GZIP, ZSTD, XZ = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0"
BZIP2 = re.compile(rb"BZh[1-9]1AY&SY")
MARK_LENGTH = 10
# PowerShell's `>` writes UTF-16 and a mark in front; other tools of Windows put a mark in front of UTF-8.
UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
# How bytes begin that have to be unpacked, or stand behind a mark; and bzip2.
LAYERS = (GZIP, ZSTD, XZ, codecs.BOM_UTF8, *UTF_16)
# Enough of a file to know its container: an export may begin with a long stack.
HEAD = 1 << 18
# A decompressor that breaks off gives nothing of the piece in which it did, so pieces are small.
PIECE = 16_384
# python-isal types its exception as a value, and overflows at a header of gzip that says it is longer than any buffer.
UNPACK_ERRORS: tuple[type[Exception], ...] = (
    EOFError, zlib.error, isal_zlib.error, OverflowError, zstandard.ZstdError, lzma.LZMAError, OSError,
)  # type: ignore[assignment]  # fmt: skip
# Logs shrink to a tenth, repetitive ones to a hundredth. What grows more than this was made to fill somebody's disk; below
# a gigabyte it does not matter.
GUARD_RATIO, GUARD_FROM = 200, 1 << 30
TOO_MUCH = (
    f"unpacks to more than {GUARD_RATIO} times its size and a gigabyte, as no log does; if it is one, unpack it first"
)
BUFFER = 1 << 20
# Content is unpacked in steps of this size, and in small and in smaller ones where it is damaged.
STEP, SMALL_STEP = 1 << 18, 1 << 12
CARE = (STEP, SMALL_STEP, 16)
READ_AHEAD = 1 << 18
# A file of so many bytes is unpacked in one call where that is possible; the size of what it holds stands at its end.
SMALL_FILE = 1 << 16
# The reader behind igzip.open, without the layers around it that copy every byte once more.
GUNZIP: Callable[[Any, int], object] = getattr(isal_zlib, "_GzipReader", lambda file, _: igzip.open(file, "rb"))


class Overgrown(OSError):
    """Something packed holds far more than logs ever do."""


class Unpacked:
    """The content of a file, unpacked however often it was packed: Firehose, for one, may pack twice. `size` is that of the file.

    A damaged file gives what can be unpacked before one of UNPACK_ERRORS is raised, but for a few bytes, and the same in
    whatever steps it is read: a step that fails is lost as a whole, so it is taken again in smaller ones.
    """

    def __init__(self, content: io.BytesIO | io.FileIO, size: int) -> None:
        self._content = content
        self._limit = max(GUARD_FROM, GUARD_RATIO * size)
        self._position = 0
        # What comes before the rest of the layers.
        self._left = b""
        self._care = 0
        self._kept: list[io.BufferedReader] = []
        self._layers: io.BufferedIOBase = io.BytesIO()
        if (whole := _at_once(content)) is not None:
            self._left = whole
            return
        try:
            self._layers = self._unpacked()
        except UNPACK_ERRORS:
            if not self._more_carefully():
                raise

    def readinto1(self, buffer: memoryview) -> int:
        """Fill `buffer` as far as one step goes; 0 at the end."""
        if self._left:
            size = min(len(buffer), len(self._left))
            buffer[:size] = self._left[:size]
            self._left = self._left[size:]
        else:
            try:
                size = self._layers.readinto1(buffer[: CARE[self._care]] if self._care else buffer)
            except UNPACK_ERRORS:
                if not self._more_carefully():
                    raise
                return self.readinto1(buffer)
        self._position += size
        return size

    def close(self) -> None:
        # In this order no layer is left with an open file below it.
        self._content.close()
        self._layers.close()

    def _unpacked(self) -> io.BufferedReader:
        return _unpack(self._content, self._limit, CARE[self._care], self._kept)

    def _more_carefully(self) -> bool:
        """Begin again, in smaller steps from the place where the last one failed; False if they cannot be any smaller."""
        while self._care + 1 < len(CARE):
            self._care += 1
            self._content.seek(0)
            try:
                self._layers = self._unpacked()
            except UNPACK_ERRORS:
                continue
            left = self._position
            while left and (step := self._layers.read1(min(SMALL_STEP, left))):
                left -= len(step)
            return True
        return False

    def beginning(self, size: int) -> bytes:
        """The first `size` bytes, less where there are no more. To be asked before anything is read."""
        if self._left:
            head, self._left = self._left[:size], self._left[size:]
            return head
        room = memoryview(bytearray(size))
        read = 0
        try:
            while read < size and (step := self.readinto1(room[read:])):
                read += step
        except UNPACK_ERRORS:
            if not read:
                raise
        return bytes(room[:read])


def _at_once(content: io.BytesIO | io.FileIO) -> bytes | None:
    """What a small file holds that is packed by gzip once and in one piece: there may be very many of them.

    None for any other, and for a damaged one, of which layers give what can be read.
    """
    packed = content.getvalue() if isinstance(content, io.BytesIO) else b""
    if not packed.startswith(GZIP) or len(packed) > SMALL_FILE or int.from_bytes(packed[-4:], "little") > HEAD:
        return None
    unpacking = isal_zlib.decompressobj(31)
    try:
        whole = unpacking.decompress(packed, HEAD)
    except UNPACK_ERRORS:
        return None
    in_one_piece = unpacking.eof and not unpacking.unused_data
    return whole if in_one_piece and not whole.startswith(LAYERS) and not BZIP2.match(whole) else None


def _unpack(content: io.BytesIO | io.FileIO, limit: int, step: int, kept: list[io.BufferedReader]) -> io.BufferedReader:
    """The innermost of the layers. All are `kept`: a reader that is forgotten closes what it reads from."""
    file: io.BufferedReader = io.BufferedReader(cast(Any, content), SMALL_STEP)
    kept.append(file)
    while True:
        head = file.peek(MARK_LENGTH)
        if head.startswith(codecs.BOM_UTF8):
            file.read(len(codecs.BOM_UTF8))
        elif (layer := _layer(head, file)) is not None:
            file = io.BufferedReader(_Guarded(layer, limit), min(SMALL_STEP, step))
            kept.append(file)
        else:
            return file


def rejoin(head: bytes, rest: Unpacked | io.BufferedReader) -> io.BufferedReader:
    """A stream that begins with what was read ahead."""
    return io.BufferedReader(_Continued(head, rest), STEP)


class _Continued(io.RawIOBase):
    """What was read ahead, followed by the rest."""

    def __init__(self, head: bytes, rest: Unpacked | io.BufferedReader) -> None:
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


def _layer(head: bytes, file: BinaryIO) -> IO[bytes] | None:
    if head.startswith(GZIP):
        return cast(IO[bytes], GUNZIP(cast(Any, file), READ_AHEAD))
    if head.startswith(ZSTD):
        return cast(
            IO[bytes], zstandard.ZstdDecompressor().stream_reader(cast(IO[bytes], file), read_across_frames=True)
        )
    if encoding := UTF_16.get(head[:2]):
        file.read(2)
        return cast(IO[bytes], _Recoded(file, encoding))
    if head.startswith(XZ):
        return cast(IO[bytes], lzma.LZMAFile(file))
    return cast(IO[bytes], bz2.BZ2File(file)) if BZIP2.match(head) else None


def head_of(path: Path, size: int) -> bytes:
    """The first bytes of a file's content; nothing when it cannot be read."""
    try:
        # Damage at the very beginning shows before there is a layer that would close the file.
        with path.open("rb", buffering=0) as file, closing(Unpacked(file, path.stat().st_size)) as content:
            return content.beginning(size)
    except UNPACK_ERRORS:
        return b""


def peek(file: BinaryIO, size: int) -> tuple[bytes, BinaryIO]:
    """The first `size` bytes, and a stream that still begins with them. What breaks off early is peeked at as far as it goes."""
    head, problem = bytearray(), None
    try:
        # Not read(), which loses what it has when it meets damage.
        while len(head) < size and (chunk := cast(io.BufferedReader, file).read1(min(PIECE, size - len(head)))):
            head += chunk
    except UNPACK_ERRORS as broken:
        problem = broken
    return bytes(head), _buffered(_Rejoined(bytes(head), file, problem))


def as_far_as_it_goes(file: BinaryIO) -> tuple[bytes, Exception | None]:
    """All that can be read, and what went wrong behind it."""
    parts: list[bytes] = []
    try:
        while part := cast(io.BufferedReader, file).read1(BUFFER):
            parts.append(part)
    except UNPACK_ERRORS as problem:
        return b"".join(parts), problem
    return b"".join(parts), None


def cut_short(content: bytes, problem: Exception) -> BinaryIO:
    """A stream of what could be read, which ends with what went wrong behind it."""
    return _buffered(_Rejoined(content, io.BytesIO(), problem))


def _buffered(raw: io.RawIOBase) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(raw, BUFFER))


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
            chunk = cast(io.BufferedReader, self.rest).read1(min(len(buffer), PIECE))
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


class _Guarded(io.RawIOBase):
    """What comes out of a layer, as long as it is in proportion."""

    def __init__(self, layer: Any, limit: int) -> None:
        self.layer = layer
        self.left = limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size: int = self.layer.readinto(buffer)
        self.left -= size
        if self.left < 0:
            raise Overgrown(f"it {TOO_MUCH}")
        return size

    def close(self) -> None:
        self.layer.close()
        super().close()
