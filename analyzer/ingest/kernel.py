"""Finds the unremarkable invocations in the bytes of S3 exports, thousands at a time, and reads them column by column.

An export is a sequence of segments, each from one START to the next. A segment is plain when it holds START, lines of
the application, END and REPORT of one request, all in the shape that Lambda writes today, and nothing behind them. Of a
plain segment the line-by-line path would make one invocation that is complete and ok, and a row for each line of the
application that it finds remarkable. Whatever is not certain is not plain: the line-by-line path is the meaning, and
this file only ever says that it need not be asked.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from analyzer.ingest.containers.container import microseconds
from analyzer.ingest.containers.s3_export import LONGEST_EVENT

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

try:
    from stringzilla import find
except ImportError:  # where there is no wheel of it, at a third of the speed

    def find(haystack: memoryview, needle: bytes) -> int:
        """The place of `needle`, or -1."""
        return bytes(haystack).find(needle)


# Bytes that a buffer must have to spare in front of and behind what is scanned: windows reach beyond the events.
MARGIN = 256
TIME = 24  # 2026-03-17T08:12:05.123Z
TEXT = TIME + 1  # where the message begins
ID = 36
ID_IN_START = TEXT + len("START RequestId: ")
TRACE = 35
DAY_US = 86_400_000_000

# Kinds of events. Of a DOUBTFUL one only the grammars can tell what it is.
APPLICATION, START, END, REPORT, DOUBTFUL = range(5)


def _word(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text.ljust(8, b"\0")[:8], "little"))


def _ones(byte: int) -> np.uint64:
    return np.uint64(byte * 0x0101010101010101)


HIGH, LOW_BITS, ZEROS = _ones(0x80), _ones(0x7F), _ones(0x30)
OVER_NINE = _ones(0x76)
# Where a time has digits, and what stands between them.
DATE = b"2026-03-17T08:12:05.123Z"
DIGITS = tuple(
    np.uint64(sum(0xFF << 8 * place for place in range(8) if DATE[begin + place : begin + place + 1].isdigit()))
    for begin in (0, 8, 16)
)
BETWEEN = tuple(_word(DATE[begin : begin + 8]) & ~mask for begin, mask in zip((0, 8, 16), DIGITS, strict=True))


class Scan(Struct, frozen=True):
    """What was found in a buffer: events at `events`, of which `first[k]` begins segment k; `plain` says what it is good for.

    The columns hold one row a segment; only those of plain segments mean anything.
    """

    buffer: Bytes
    events: Places
    times: NDArray[np.int64]
    kinds: Bytes
    first: Places
    plain: Flags
    # Events that only the grammars can judge, in plain segments alone.
    doubtful: Places
    # The bytes of each version.
    version: Words
    ids: Bytes
    report: Places
    end_time: NDArray[np.int64]
    duration: NDArray[np.float64]
    billed: NDArray[np.float64]
    memory: NDArray[np.int32]
    used: NDArray[np.int32]
    initial: NDArray[np.float64]
    traced: Flags
    traces: Bytes


def scan(buffer: bytearray, begin: int, end: int) -> Scan:
    """Look at the whole events between `begin` and `end`, both a MARGIN or more away from the ends of the buffer.

    Every stretch of the file that stands in the buffer has to begin behind a line feed.
    """
    bytes_ = np.frombuffer(buffer, np.uint8)
    events, before, message = _events(bytes_, begin, end)
    events, before, message, times = _timed(bytes_, events, before, message)
    kinds = _kinds(bytes_, events, message)
    first = np.flatnonzero(kinds == START)
    _doubt(buffer, bytes_, begin, end, events, message, kinds, first)
    return _segments(bytes_, events, times, before, kinds, first)


def windows(bytes_: Bytes, places: Places, width: int) -> Words:
    """`width` bytes from each place on, as rows of 64-bit words; `width` is a multiple of eight."""
    return (
        np.ndarray((len(bytes_) - width + 1,), f"V{width}", bytes_, strides=(1,))[places]
        .view("<u8")
        .reshape(-1, width // 8)
    )


def words(bytes_: Bytes, places: Places) -> Words:
    return np.ndarray((len(bytes_) - 7,), "<u8", bytes_, strides=(1,))[places]


def _pairs(bytes_: Bytes, first: int, second: int, begin: int, end: int) -> Places:
    """Places of two bytes that follow each other."""
    found: list[Places] = []
    size = 1 << 20
    flags = np.empty(size, np.bool_)
    also = np.empty(size, np.bool_)
    for place in range(begin, end - 1, size):
        length = min(size, end - 1 - place)
        np.equal(bytes_[place : place + length], first, out=flags[:length])
        np.equal(bytes_[place + 1 : place + length + 1], second, out=also[:length])
        np.logical_and(flags[:length], also[:length], out=flags[:length])
        flags[length:] = False
        # Eight flags at a time: most words have none, and hardly one has two.
        eights = flags.view(np.uint64)
        hits = np.flatnonzero(eights != 0)
        flagged = eights[hits]
        lowest = flagged & (~flagged + np.uint64(1))
        found.append((hits << 3) + (np.bitwise_count(lowest - np.uint64(1)) >> 3) + place)
        if (lowest != flagged).any():
            found[-1] = np.flatnonzero(flags) + place
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _events(bytes_: Bytes, begin: int, end: int) -> tuple[Places, Words, Words]:
    """Places where an event may begin, the word before each, and the rows of its time and first words."""
    behind = _pairs(bytes_, ord("Z"), ord(" "), begin, end)
    places = behind - (TIME - 1)
    places = places[places >= begin]
    rows = windows(bytes_, places - 8, 48)
    valid = rows[:, 0] >> np.uint64(56) == 10
    for column in range(3):
        word = rows[:, column + 1]
        valid &= word & ~DIGITS[column] == BETWEEN[column]
        valid &= _digits_only(word, DIGITS[column])
    if not valid.all():
        places, rows = places[valid], rows[valid]
    return places, rows[:, 0], rows[:, 1:]


def _digits_only(word: Words, mask: np.uint64) -> Flags:
    low = word ^ ZEROS
    odd: Flags = ((low & LOW_BITS) + OVER_NINE | low) & HIGH & mask == 0
    return odd


def _timed(bytes_: Bytes, events: Places, before: Words, rows: Words) -> tuple[Places, Words, Words, NDArray[np.int64]]:
    """Only the events whose time exists, and those times in microseconds."""
    first, second, third = (rows[:, column] & _ones(0x0F) for column in range(3))
    # 17T08:12 and :05.123Z, digit by digit.
    hours = _digit(second, 3) * 10 + _digit(second, 4)
    minutes = _digit(second, 6) * 10 + _digit(second, 7)
    seconds = _digit(third, 1) * 10 + _digit(third, 2)
    thousandths = _digit(third, 4) * 100 + _digit(third, 5) * 10 + _digit(third, 6)
    # The date, in an order in which equal dates are equal numbers.
    dates = first | (second & np.uint64(0x0F)) << np.uint64(4) | (second & np.uint64(0x0F00)) << np.uint64(4)
    day = _days(bytes_, events, dates)
    times = day + (hours * 3_600_000 + minutes * 60_000 + seconds * 1_000 + thousandths) * 1_000
    exist = (day != NO_DAY) & (hours < 24) & (minutes < 60) & (seconds < 60)
    if exist.all():
        return events, before, rows[:, 3:], times
    return events[exist], before[exist], rows[exist, 3:], times[exist]


NO_DAY = np.iinfo(np.int64).min


def _days(bytes_: Bytes, events: Places, dates: Words) -> NDArray[np.int64]:
    """The microseconds at which each day began; NO_DAY for the 30th of February."""
    change = np.ones(len(dates), np.bool_)
    change[1:] = dates[1:] != dates[:-1]
    heads = np.flatnonzero(change)
    known: dict[bytes, int] = {}
    values = np.empty(len(heads), np.int64)
    for number, place in enumerate(events[heads]):
        text = bytes_[place : place + 10].tobytes()
        if text not in known:
            day = microseconds(text.decode())
            known[text] = NO_DAY if day is None else day
        values[number] = known[text]
    return np.repeat(values, np.diff(heads, append=len(dates)))


def _digit(word: Words, place: int) -> NDArray[np.int64]:
    return (word >> np.uint64(8 * place) & np.uint64(0x0F)).view(np.int64)


# The beginnings of messages that the grammars of the platform, of exceptions and of JSON might claim, by the first byte.
# White space, digits of other scripts and JSON may stand before much; names are compared in full.
ANYTHING, NOTHING, NAME, BRACKET, DIGIT = range(5)
NAMES = (
    b"START", b"END", b"REPORT", b"INIT_", b"RESTORE", b"RequestId:", b"EXTENSION", b"LOGS", b"TELEMETRY", b"IMAGE",
    b"Error raised from ", b"Critical exception",
)  # fmt: skip


def _classes() -> Bytes:
    table = np.full(256, NOTHING, np.uint8)
    table[:33] = table[127:] = ANYTHING
    table[list(b'{"')] = ANYTHING
    table[[name[0] for name in NAMES]] = NAME
    table[ord("[")] = BRACKET
    table[ord("0") : ord("9") + 1] = DIGIT
    return table


CLASSES = _classes()
WORDLIKE = np.array([(chr(byte).isalnum() and byte < 128) or byte in b"_-" for byte in range(256)])
# The words of a message behind the space that parts it from its time.
_START = (_word(b" START R"), _word(b"equestId"))
_END = (_word(b" END Req"), _word(b"uestId: "))
_REPORT = (_word(b" REPORT "), _word(b"RequestI"))
HARMLESS = ((_word(b" [INFO]\t"), 0), (_word(b" [DEBUG]"), 9))
LEVELS = np.array(
    [int.from_bytes(name, "little") for name in (b"warn", b"erro", b"fail", b"fata", b"crit", b"task")], np.uint64
)
LOWER = np.uint64(0x20202020)


def _kinds(bytes_: Bytes, events: Places, message: Words) -> Bytes:
    one, two = np.ascontiguousarray(message[:, 0]), np.ascontiguousarray(message[:, 1])
    kinds = np.zeros(len(events), np.uint8)
    for kind, (head, tail) in ((START, _START), (END, _END), (REPORT, _REPORT)):
        kinds[(one == head) & (two == tail)] = kind
    # A segment is over where the grammar sees a START and nowhere else.
    starts = np.flatnonzero(kinds == START)
    opening = words(bytes_, events[starts] + ID_IN_START - 2)
    begun = opening & np.uint64(0xFFFF) == int.from_bytes(b": ", "little")
    begun &= WORDLIKE[(opening >> np.uint64(16) & np.uint64(0xFF)).view(np.int64)]
    kinds[starts[~begun]] = DOUBTFUL
    others = np.flatnonzero(kinds == APPLICATION)
    if len(others):
        kinds[others] = _application(bytes_, events[others], one[others], two[others])
    return kinds


def _application(bytes_: Bytes, events: Places, one: Words, two: Words) -> Bytes:
    """APPLICATION for messages that begin in a way in which nothing remarkable does, DOUBTFUL or NODE for others."""
    # Behind "[INFO]\t" only Python's own line can follow, and none of its levels below WARNING matters.
    harmless = one == HARMLESS[0][0]
    harmless |= (one == HARMLESS[1][0]) & (two & np.uint64(0xFF) == HARMLESS[1][1])
    kinds = np.zeros(len(events), np.uint8)
    others = np.flatnonzero(~harmless)
    if not len(others):
        return kinds
    events, one, two = events[others], one[others], two[others]
    classes = CLASSES[(one >> np.uint64(8) & np.uint64(0xFF)).view(np.int64)]
    found = np.zeros(len(others), np.uint8)
    found[(classes == ANYTHING) | (classes == BRACKET)] = DOUBTFUL
    numbered = np.flatnonzero(classes == DIGIT)
    found[numbered] = _numbered(bytes_, events[numbered], one[numbered])
    named = np.flatnonzero(classes == NAME)
    one, two = one[named], two[named]
    for name in NAMES:
        text = b" " + name
        mask = np.uint64((1 << 8 * min(8, len(text))) - 1)
        same = one & mask == _word(text[:8])
        if len(text) > 8:
            mask = np.uint64((1 << 8 * min(8, len(text) - 8)) - 1)
            same &= two & mask == _word(text[8:16])
        found[named[same]] = DOUBTFUL
    kinds[others] = found
    return kinds


NODE = 255  # an application line that begins with a time and may name a request; settled by `_doubt`


def _numbered(bytes_: Bytes, events: Places, one: Words) -> Bytes:
    """Messages that begin with a digit: 2026-03-17T08:12:05.123Z of Node.js and .NET, 2026/03/17 of Go, or just a number."""
    kinds = np.zeros(len(events), np.uint8)
    year = one >> np.uint64(8)
    four = np.uint64(0xFFFFFFFF)
    fifth = year >> np.uint64(32) & np.uint64(0xFF)
    digits = _digits_only(year, four)
    kinds[digits & (fifth == ord("-"))] = NODE
    go = digits & (fifth == ord("/"))
    if go.any():
        rows = windows(bytes_, events[go] + TEXT, 24)
        odd = (rows[:, 0] | rows[:, 1] | rows[:, 2]) & HIGH != 0
        odd |= rows[:, 2] >> np.uint64(32) & np.uint64(0xFF) == ord("{")
        kinds[np.flatnonzero(go)[odd]] = DOUBTFUL
    kinds[(year & HIGH & four) != 0] = DOUBTFUL
    return kinds


def _doubt(
    buffer: bytearray, bytes_: Bytes, begin: int, end: int, events: Places, message: Words, kinds: Bytes, first: Places
) -> None:
    """Mark the lines of the application that may say something."""
    node = np.flatnonzero(kinds == NODE)
    if len(node):
        kinds[node] = DOUBTFUL
        kinds[node[_quiet_node(bytes_, events, node, first)]] = APPLICATION
    if not (kinds == APPLICATION).any():
        return
    long = np.flatnonzero(np.diff(events) > LONGEST_EVENT)
    kinds[long[kinds[long] == APPLICATION]] = DOUBTFUL
    suspects = [
        *_found(buffer, b"\n\tat ", begin, end),
        *_found(buffer, b"Task timed out after ", begin, end),
    ]
    places = np.array(suspects, np.int64)
    if buffer.find(b"=", begin, end) >= 0:
        equals = np.flatnonzero(bytes_[begin:end] == ord("=")) + begin
        value = bytes_[equals + 1]
        equals = equals[((value >= ord("0")) & (value <= ord("9"))) | (value >= 0x80)]
        places = np.concatenate((places, equals))
    if len(places):
        touched = np.searchsorted(events, places, "right") - 1
        touched = touched[touched >= 0]
        kinds[touched[kinds[touched] == APPLICATION]] = DOUBTFUL


def _found(buffer: bytearray, literal: bytes, begin: int, end: int) -> list[int]:
    places = []
    with memoryview(buffer) as view:
        while (place := find(view[begin:end], literal)) >= 0:
            places.append(begin + place)
            begin += place + len(literal)
    return places


def _quiet_node(bytes_: Bytes, events: Places, node: Places, first: Places) -> Flags:
    """Lines of Node.js and .NET that name the request in hand and no level that matters."""
    if not len(first):
        return np.zeros(len(node), np.bool_)
    segment = np.searchsorted(first, node) - 1
    inside = segment >= 0
    text = events[node] + TEXT
    rows = windows(bytes_, text, 72)
    quiet = inside
    for column in range(3):
        word = rows[:, column]
        quiet = quiet & (word & ~DIGITS[column] == BETWEEN[column]) & _digits_only(word, DIGITS[column])
    cells = rows.view(np.uint8).reshape(-1, 72)
    for place in (24, 61):
        quiet &= (cells[:, place] == 9) | (cells[:, place] == 32)
    own = windows(bytes_, events[first[np.maximum(segment, 0)]] + ID_IN_START, 40).view(np.uint8).reshape(-1, 40)
    quiet &= (own[:, :ID] == cells[:, 25:61]).all(axis=1)
    level = rows[:, 7] >> np.uint64(48) | (rows[:, 8] & np.uint64(0xFFFF)) << np.uint64(16)
    level |= LOWER
    for name in LEVELS:
        quiet &= level != name
    return quiet


def _segments(
    bytes_: Bytes, events: Places, times: NDArray[np.int64], before: Words, kinds: Bytes, first: Places
) -> Scan:
    """Which segments are plain, and their columns. The last START of the buffer begins none: its end is not in sight."""
    begins, nexts = first[:-1], first[1:]
    plain = nexts - begins >= 3
    last = np.where(plain, nexts - 1, begins)
    ended = np.where(plain, nexts - 2, begins)
    plain &= (kinds[last] == REPORT) & (kinds[ended] == END)
    framed = np.cumsum((kinds == END) | (kinds == REPORT))
    plain &= framed[last] - framed[begins] == 2
    # What a row below does not hold is read from where the last one did: one place that is in bounds will do.
    start, over, report, following = (events[places] for places in (begins, ended, last, nexts))
    ids = windows(bytes_, report + TEXT + 10, 48)
    plain &= ids[:, 0] == _word(b"uestId: ")
    opening = windows(bytes_, start + TEXT + 9, 48)
    plain &= opening[:, 0] == _word(b"uestId: ")
    ending = windows(bytes_, over + TEXT + 7, 48)
    for column in range(1, 5):
        plain &= (opening[:, column] == ids[:, column]) & (ending[:, column] == ids[:, column])
    low = np.uint64(0xFFFFFFFF)
    plain &= ending[:, 5] & low == ids[:, 5] & low
    plain &= opening[:, 5] & low == ids[:, 5] & low
    plain &= ending[:, 5] >> np.uint64(32) & np.uint64(0xFFFF) == 0x0A0A
    plain &= report - over == TEXT + 15 + ID + 2
    plain &= ids[:, 5] >> np.uint64(32) == int.from_bytes(b"\tDur", "little")
    behind = start + ID_IN_START + ID
    second = events[np.minimum(begins + 1, len(events) - 1)] if len(begins) else behind
    version, good = _versions(bytes_, behind, second - behind)
    plain &= good
    identity = np.ascontiguousarray(ids[:, 1:6]).view(np.uint8).reshape(-1, 40)[:, :ID]
    identity = np.ascontiguousarray(identity)
    plain &= _hexadecimal(identity)
    # Rows that have failed are read at a place known to be in bounds, and mean nothing.
    fields = _Fields(bytes_, np.where(plain, report + TEXT + 58, MARGIN), plain)
    fields.expect(b"ation: ")
    duration = fields.decimal()
    fields.expect(b" ms\tBilled Duration: ")
    billed = fields.whole()
    fields.expect(b" ms\tMemory Size: ")
    memory = fields.whole()
    fields.expect(b" MB\tMax Memory Used: ")
    used = fields.whole()
    fields.expect(b" MB\t")
    initial = fields.initial()
    traced, traces = fields.trace(following)
    plain = fields.good
    return Scan(
        buffer=bytes_,
        events=events,
        times=times,
        kinds=kinds,
        first=first,
        plain=plain,
        doubtful=np.flatnonzero(kinds == DOUBTFUL),
        version=version,
        ids=identity,
        report=report,
        end_time=times[last],
        duration=duration / 100,
        billed=billed.astype(np.float64),
        memory=memory.astype(np.int32),
        used=used.astype(np.int32),
        initial=initial,
        traced=traced,
        traces=traces,
    )


LATEST = _word(b"$LATEST")
LONGEST_VERSION = 7


def _versions(bytes_: Bytes, places: Places, size: NDArray[np.int64]) -> tuple[Words, Flags]:
    """The version behind each START's id, as the bytes of a word, where it is $LATEST or a number and nothing follows."""
    rows = windows(bytes_, places, 24)
    length = size - len(" Version: \n\n")
    good = (length > 0) & (length <= LONGEST_VERSION)
    good &= rows[:, 0] == _word(b" Version")
    good &= rows[:, 1] & np.uint64(0xFFFF) == int.from_bytes(b": ", "little")
    text = rows[:, 1] >> np.uint64(16) | rows[:, 2] << np.uint64(48)
    used = np.where(good, length, 1).astype(np.uint64) << np.uint64(3)
    # The line feed that ends the line; the one before the event that follows is known to be there.
    good &= text >> used & np.uint64(0xFF) == 10
    version = text & ((np.uint64(1) << used) - np.uint64(1))
    good &= (version == LATEST) | _digits_only(version | ZEROS << used, HIGH)
    return version, good


def _same(rows: Words, text: bytes) -> Flags:
    """Rows that begin with `text`."""
    same = np.ones(len(rows), np.bool_)
    for column, begin in enumerate(range(0, len(text), 8)):
        part = text[begin : begin + 8]
        mask = (1 << 8 * len(part)) - 1
        same &= rows[:, column] & np.uint64(mask) == np.uint64(int(_word(part)) & mask)
    return same


def _all(good: Flags) -> Flags:
    """Rows that are true throughout."""
    rows = np.ones(len(good), np.bool_)
    if not good.all():
        np.logical_and.reduce(good, axis=1, out=rows)
    return rows


def _hexadecimal(cells: Bytes) -> Flags:
    """Rows of hexadecimal digits and hyphens alone."""
    good = (cells - np.uint8(0x30)) < 10
    good |= ((cells | np.uint8(0x20)) - np.uint8(0x61)) < 6
    good |= cells == 0x2D
    return _all(good)


TRACE_HEAD, TRACE_MIDDLE = b"\nXRAY TraceId: ", b"\tSegmentId: "
SAMPLED, UNSAMPLED = b"\tSampled: true\t\n\n", b"\t\n\n"
SEGMENT = 16
TRACE_SIZE = len(TRACE_HEAD) + TRACE + len(TRACE_MIDDLE) + SEGMENT


class _Fields:
    """Reads the fields of many REPORT lines side by side. A row that does not fit is no longer `good` and stands still."""

    def __init__(self, bytes_: Bytes, places: Places, good: Flags) -> None:
        self.bytes = bytes_
        self.places = places
        self.good = good

    def expect(self, text: bytes) -> None:
        begin = 0
        while begin < len(text):
            # The last word overlaps the one before it where the text is no multiple of eight.
            place = max(0, min(begin, len(text) - 8))
            part = text[place : place + 8]
            word = words(self.bytes, self.places + place)
            if len(part) < 8:
                word &= np.uint64((1 << 8 * len(part)) - 1)
            self.good &= word == _word(part)
            begin += 8
        self._go(len(text))

    def whole(self) -> NDArray[np.int64]:
        """A number without decimals, of up to seven digits."""
        word = words(self.bytes, self.places) ^ ZEROS
        above = ((word & LOW_BITS) + OVER_NINE | word) & HIGH
        lowest = above & (~above + np.uint64(1))
        length = (np.bitwise_count(lowest - np.uint64(1)) >> 3).astype(np.uint64)
        self.good &= (length > 0) & (length < 8)
        shift = (np.uint64(64) - (length << np.uint64(3))) & np.uint64(63)
        value = _eight_digits(word << shift)
        self._go(length.view(np.int64))
        return value

    def decimal(self) -> NDArray[np.int64]:
        """A number with two decimals, as hundredths."""
        value = self.whole()
        word = words(self.bytes, self.places)
        digits = word ^ ZEROS
        self.good &= word & np.uint64(0xFF) == ord(".")
        self.good &= _digits_only(word, np.uint64(0xFFFF00))
        self._go(3)
        hundredths = (digits >> np.uint64(8) & np.uint64(0xF)) * np.uint64(10) + (
            digits >> np.uint64(16) & np.uint64(0xF)
        )
        return value * 100 + hundredths.view(np.int64)

    def initial(self) -> NDArray[np.float64]:
        """The duration of the start-up where there is one."""
        value = np.full(len(self.places), np.nan)
        cold = np.flatnonzero(self.good & (self.bytes[self.places] == ord("I")))
        if len(cold):
            fields = _Fields(self.bytes, self.places[cold], self.good[cold])
            fields.expect(b"Init Duration: ")
            value[cold] = fields.decimal() / 100
            fields.expect(b" ms\t")
            self.places[cold], self.good[cold] = fields.places, fields.good
        return value

    def trace(self, following: Places) -> tuple[Flags, Bytes]:
        """Whether a trace id stands between here and the event that follows, and those that do."""
        rest = following - self.places
        untraced = rest == 2
        traced = self.good & ((rest == TRACE_SIZE + len(SAMPLED)) | (rest == TRACE_SIZE + len(UNSAMPLED)))
        self.good &= untraced | traced
        # Two line feeds are all there is room for: the event that follows begins behind one, and REPORT before the other.
        self.good &= self.bytes[self.places] == 10
        some = np.flatnonzero(traced & self.good)
        rows = windows(self.bytes, self.places[some], 96)
        cells = rows.view(np.uint8).reshape(-1, 96)
        traces = np.ascontiguousarray(cells[:, len(TRACE_HEAD) : len(TRACE_HEAD) + TRACE])
        good = _same(rows, TRACE_HEAD)
        begin = len(TRACE_HEAD) + TRACE
        good &= (cells[:, begin : begin + len(TRACE_MIDDLE)] == np.frombuffer(TRACE_MIDDLE, np.uint8)).all(axis=1)
        begin += len(TRACE_MIDDLE)
        good &= _hexadecimal(traces) & _hexadecimal(np.ascontiguousarray(cells[:, begin : begin + SEGMENT]))
        begin += SEGMENT
        sampled = (cells[:, begin : begin + len(SAMPLED)] == np.frombuffer(SAMPLED, np.uint8)).all(axis=1)
        unsampled = (cells[:, begin : begin + len(UNSAMPLED)] == np.frombuffer(UNSAMPLED, np.uint8)).all(axis=1)
        good &= np.where(rest[some] == TRACE_SIZE + len(SAMPLED), sampled, unsampled)
        self.good[some] &= good
        kept = some[good]
        result = np.zeros(len(self.places), np.bool_)
        result[kept] = True
        return result, traces[good]

    def _go(self, size: int | NDArray[np.int64]) -> None:
        self.places = self.places + np.where(self.good, size, 0)


def _eight_digits(word: Words) -> NDArray[np.int64]:
    """The number that eight digits make, each in a byte of its own."""
    pairs = (word * np.uint64(2561) >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    fours = (pairs * np.uint64(6553601) >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
    return (fours * np.uint64(42949672960001) >> np.uint64(32)).view(np.int64)
