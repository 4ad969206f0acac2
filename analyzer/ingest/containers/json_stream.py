"""JSON values out of a file of any length: one a line, one after the other with nothing between them, or in one array.

Only a value at a time is held in memory. What is damaged costs itself, and where the file can be taken up again
nothing after it.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, TypeVar, cast

import msgspec

from analyzer.ingest.containers.container import Problems, writable
from analyzer.ingest.packing import HEAD, UNPACK_ERRORS, peek

T = TypeVar("T")
# A value that is longer is not read. Lambda's events have at most 1 MB, and the services pack a few of them together.
LARGEST = 1 << 24
CHUNK = 1 << 20
# Files that are damaged more often are not worth the time.
MOST_FRESH_STARTS = 20
BOM = b"\xef\xbb\xbf"
# Up to the next bracket that is not inside a string. Nothing is given back, or a string without an end takes time without end.
OUTSIDE = re.compile(rb'[^{}\[\]"]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*+"[^{}\[\]"]*+)*+', re.DOTALL)
QUOTE, OPENING = b'"'[0], b"{["
# Where a value can begin after a damaged one: no string of valid JSON holds any of these. The last is what CloudWatch Logs
# sends to subscribers, whose objects follow each other without a line feed.
FRESH_START = re.compile(rb'\}\s*(?=\{\s*")|\n(?=[\[{])|(?=\{"messageType":")')
# What may stand between values, and how much of anything else is kept.
NOTHING = b", \t\r\n"
LONGEST_BETWEEN = 4096
# How far back the name of an array is looked for.
NAME_LENGTH = 64
NO_JSON = (ValueError, RecursionError)

BEGINS = re.compile(rb"\s*[\[{]")
ONE_A_LINE = re.compile(rb"^[\[{][^\r\n]*[}\]](?=,?\s*?(?:\n|\Z))", re.MULTILINE)


def decoder(kind: type[T]) -> Callable[[bytes], T]:
    """Decodes one value of this type. Raises NO_JSON.

    Line feeds inside strings, which copying leaves there, halves of surrogate pairs and bytes that are no UTF-8 are let
    pass, so that they cost a character and not an event.
    """
    strict = msgspec.json.Decoder(kind).decode

    def decode(content: bytes) -> T:
        try:
            return strict(content)
        except msgspec.ValidationError:
            raise
        except ValueError:
            value = json.loads(content.decode("utf-8", "replace"), strict=False)
            return strict(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))

    return decode


def as_text(value: object) -> str:
    """A value as somebody may look for it in its file."""
    return writable(json.dumps(value, ensure_ascii=False, default=str))


def first_value(head: bytes) -> object:
    """The first value at the beginning of a file, or the first element if it is an array; None when there is none."""
    text = head.removeprefix(BOM).decode("utf-8", "replace").lstrip()
    while text.startswith("["):
        text = text[1:].lstrip()
    try:
        return json.JSONDecoder(strict=False).raw_decode(text)[0]
    except NO_JSON:
        return None


def values(
    file: BinaryIO, decode: Callable[[bytes], T], problems: Problems, inside: Sequence[str] = ()
) -> Iterator[tuple[int, T]]:
    """Every value with the place where it begins; of an array its elements.

    `inside` are names of an array within objects whose elements are the values that are meant.
    """
    head, file = peek(file, HEAD)
    mark = len(BOM) if head.startswith(BOM) else 0
    yield from values_from(file, len(file.read(mark)), decode, problems, is_one_a_line(head), inside)


def values_from(
    file: BinaryIO,
    begin: int,
    decode: Callable[[bytes], T],
    problems: Problems,
    one_a_line: bool,
    inside: Sequence[str] = (),
) -> Iterator[tuple[int, T]]:
    """The same of the rest of a file, of which so many bytes have been read and it is known how it is laid out."""
    opens = re.compile(rb'"(?:' + "|".join(inside).encode() + rb')"\s*:\s*\[') if inside else None
    read = _lines if one_a_line else _one_after_the_other
    yield from read(file, begin, decode, problems, opens)


def is_one_a_line(head: bytes) -> bool:
    """Whether most of a file that begins like this is lines that are a value each. A few may also stand among values that go
    over many lines.
    """
    size, head = 0, head.removeprefix(BOM)
    for match in ONE_A_LINE.finditer(head):
        if len(match[0]) > 2:
            try:
                msgspec.json.decode(match[0].lstrip(b"[") if match[0].startswith(b"[{") else match[0])
            except NO_JSON:
                continue
            size += len(match[0])
    return size > len(head) // 2


def _lines(
    file: BinaryIO,
    position: int,
    decode: Callable[[bytes], T],
    problems: Problems,
    opens: re.Pattern[bytes] | None,
) -> Iterator[tuple[int, T]]:
    ahead, lines = b"", _Lines(file)
    while line := ahead or lines.next(LARGEST + 1):
        begin, position, ahead = position, position + len(line), b""
        if len(line) > LARGEST and not line.endswith(b"\n"):
            problems(f"the line at byte {begin} is longer than {LARGEST >> 20} MB and was not read")
            while line and not line.endswith(b"\n"):
                line = lines.next(LARGEST)
                position += len(line)
            continue
        content = _bare(line)
        if content.startswith(b"{"):
            place = begin if line.startswith(b"{") else begin + line.index(content)
            if opens is None or not opens.search(content):
                try:
                    value = decode(content)
                except NO_JSON:
                    pass
                else:
                    yield place, value
                    continue
            # A line feed inside a string, which copying leaves there, does not end the value.
            parts, end = [line], begin + CHUNK
            while (ahead := lines.ahead()) and position < end and not BEGINS.match(ahead):
                parts.append(ahead)
                position += len(ahead)
            yield from _one_after_the_other(io.BytesIO(_bare(b"".join(parts))), place, decode, problems, opens)
        elif content:
            yield from _one_after_the_other(io.BytesIO(line), begin, decode, problems, opens)


class _Lines:
    """The lines of a file. In front of damage, which is met with the call after, ends a line as well: readline() would lose it."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = cast(io.BufferedReader, file)
        self.buffer, self.at = b"", 0
        self.damage: Exception | None = None

    def next(self, most: int) -> bytes:
        """The next line, or so many bytes of it; none at the end."""
        parts, size = list[bytes](), 0
        while size < most:
            if self.at == len(self.buffer):
                self._read()
            if not self.buffer:
                break
            end = self.buffer.find(b"\n", self.at, self.at + most - size) + 1
            part = self.buffer[self.at : end or self.at + most - size]
            self.at, size = self.at + len(part), size + len(part)
            parts.append(part)
            if end:
                break
        if not parts and self.damage:
            raise self.damage
        return b"".join(parts)

    def ahead(self) -> bytes:
        """The next line; none at the end and in front of damage."""
        try:
            return self.next(LARGEST + 1)
        except UNPACK_ERRORS:
            return b""

    def _read(self) -> None:
        self.buffer, self.at = b"", 0
        if self.damage is None:
            try:
                self.buffer = self.file.read1(CHUNK)
            except UNPACK_ERRORS as problem:
                self.damage = problem


def _bare(line: bytes) -> bytes:
    """Without the array that may lie around values that have a line each."""
    text = line.strip().removesuffix(b",")
    return text if text.startswith(b"{") and text.endswith(b"}") else text.removeprefix(b"[").removesuffix(b"]").strip()


def _one_after_the_other(
    file: BinaryIO,
    position: int,
    decode: Callable[[bytes], T],
    problems: Problems,
    opens: re.Pattern[bytes] | None,
) -> Iterator[tuple[int, T]]:
    """Counts brackets outside of strings. `level` is the depth at which the values stand: within an array it is not 0."""
    buffer, ended = b"", False
    at, begin, depth, level, fresh_starts = 0, -1, 0, 0, 0
    between = _Between(problems)
    while True:
        match = OUTSIDE.match(buffer, at)
        if begin < 0 and depth == level:
            between.text(position + at, buffer[at : match.end() if match else at])
        at = match.end() if match else at
        if at == len(buffer) or buffer[at] == QUOTE:
            anchor = begin if begin >= 0 else at
            if not ended and len(buffer) - anchor <= LARGEST:
                more = _more(file, max(CHUNK, len(buffer) - anchor))
                ended = not more
                # The name of an array may stand right before the place that was reached.
                anchor = anchor if begin >= 0 else max(0, anchor - NAME_LENGTH)
                buffer, position, at = buffer[anchor:] + more, position + anchor, at - anchor
                begin = 0 if begin >= 0 else -1
                continue
            if ended and at == len(buffer) and depth == 0:
                between.end()
                return
            between.end()
            what = "breaks off or is damaged" if ended else f"holds a value of more than {LARGEST >> 20} MB"
            problems(f"the JSON {what} at byte {position + anchor}")
            fresh = FRESH_START.search(buffer, anchor + 1)
            while fresh is None and not ended:
                # What begins at the very end of what was read is seen with what comes next.
                more = _more(file, CHUNK)
                ended = not more
                position += max(0, len(buffer) - NAME_LENGTH)
                buffer = buffer[-NAME_LENGTH:] + more
                fresh = FRESH_START.search(buffer)
            if fresh is None or fresh_starts == MOST_FRESH_STARTS:
                return
            at, begin, depth, level, fresh_starts = fresh.end(), -1, 0, 0, fresh_starts + 1
            continue
        opening, at = buffer[at] in OPENING, at + 1
        if begin < 0:
            between.end()
        if opening:
            if depth == 0 and level == 0 and buffer[at - 1 : at] == b"[":
                level = 1
            elif depth == 1 and level == 0 and opens and _ends(opens, buffer, at):
                begin, level = -1, 2
            elif depth == level:
                begin = at - 1
            depth += 1
            continue
        if depth == 0:
            between.text(position + at - 1, buffer[at - 1 : at])
        depth = max(0, depth - 1)
        if depth == level and begin >= 0:
            try:
                value = decode(buffer[begin:at])
            except msgspec.ValidationError:
                problems.foreign(position + begin, buffer[begin:at])
            except NO_JSON as problem:
                problems(f"the JSON at byte {position + begin} is damaged: {problem}")
            else:
                yield position + begin, value
            begin = -1
        elif depth < level:
            level = 0


class _Between:
    """Text between values, which JSON allows to be no more than white space and commas."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.begin = 0
        self.parts = b""

    def text(self, position: int, text: bytes) -> None:
        if not self.parts:
            stripped = text.lstrip(NOTHING)
            self.begin, text = position + len(text) - len(stripped), stripped
        self.parts += text[: LONGEST_BETWEEN - len(self.parts)]

    def end(self) -> None:
        if self.parts:
            self.problems.foreign(self.begin, self.parts.rstrip(NOTHING))
            self.parts = b""


def _more(file: BinaryIO, size: int) -> bytes:
    """About `size` bytes, less at the end and in front of a place where the file is damaged, which is met with the next call."""
    parts: list[bytes] = []
    try:
        while size > 0 and (part := cast(io.BufferedReader, file).read1(size)):
            parts.append(part)
            size -= len(part)
    except UNPACK_ERRORS:
        if not parts:
            raise
    return b"".join(parts)


def _ends(opens: re.Pattern[bytes], buffer: bytes, at: int) -> bool:
    return any(match.end() == at for match in opens.finditer(buffer, max(0, at - NAME_LENGTH), at))
