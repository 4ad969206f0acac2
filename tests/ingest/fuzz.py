"""Damages samples at random and reads them: no crash, no hang, and the same rows from exports line by line as in blocks.

`make fuzz` goes on for FUZZ_SECONDS with a new seed and keeps what failed in fuzz-failures/; a test reads a fixed number.
"""

from __future__ import annotations

import bz2
import faulthandler
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import zstandard

from analyzer.errors import ReportlineError
from analyzer.ingest import ingest
from analyzer.ingest.containers import subscription
from analyzer.ingest.packing import HEAD, UNPACK_ERRORS, Unpacked
from analyzer.lake import Lake
from tests.ingest.test_deliveries import Group
from tests.ingest.test_kernel import Stream, small, stored
from tests.logs import STREAM, TASK

SAMPLES = Path(__file__).parents[2] / "sample_logs"
# Larger ones are read in the same way as the small ones, only for longer.
LARGEST = 40_000
# So many of each kind make a third of the inputs.
WRITTEN = 25
# Far more than any input needs. Processor time, as others may use the machine too.
CPU_SECONDS, CPU_SECONDS_PER_MB = 20, 10
WALL_SECONDS = 600
# Sizes of the pieces in which an export is laid into the buffer, so that its borders fall anywhere.
STEPS = (300, 512, 2_000, 1 << 18)
FAILURES = Path("fuzz-failures")
TOKENS = (
    *(b"\n", b"\r\n", b"\n\n", b"\t", b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b"|", b"\x00", b"\xff\xfe"),
    *(b"\xed\xa0\x80", b"\\ud800", b"\\u0000", b"null", b"1e999", b"-1", b"9999999999999", b"\xef\xbb\xbf", b"\x85"),
    *(b"9999-99-99T99:99:99.999Z ", b"0001-01-01T00:00:00.000Z ", b"\n2026-03-17T08:00:00.000Z ", b"\x1b[31m"),
    *(b"START RequestId: ", b"END RequestId: ", b"REPORT RequestId: a\tDuration: ", b"XRAY TraceId: ", b"\xe2\x80\xa8"),
    *(b" Task timed out after 3.00 seconds", b"RequestId: ", b"INIT_START Runtime Version: ", b'{"time":"'),
    *(b"EVENTS\t", b'"type":"platform.', b"LogResult", b"messageType", b"2026-03-17 08:00:00.000", b"Duration: 1.00 ms\t"),
    *(b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"BZh91AY&SY"),
)  # fmt: skip


class Hang(Exception):
    """An input took far longer than its size explains."""


def corpus() -> list[bytes]:
    """The samples as they lie there, and exports and subscriptions of which the fast paths read most."""
    written = [Kind(seed, seed % 2 / 10).content(15) for Kind in (Stream, Group) for seed in range(WRITTEN)]
    return written + [
        content
        for expectation in sorted(SAMPLES.rglob("expect.json"))
        for name in json.loads(expectation.read_text())["files"]
        if len(content := (expectation.parent / name).read_bytes()) <= LARGEST
    ]


def damaged(chance: random.Random, samples: list[bytes]) -> bytes:
    """A sample after a few accidents, packed again or not."""
    content = chance.choice(samples)
    if content.startswith(b"\x1f\x8b") and chance.random() < 0.7:
        content = gzip.decompress(content)
    for _ in range(chance.choice((1, 1, 2, 3, 8, 30))):
        content = _accident(chance, content, samples)
    return _packed(chance, content)


def _accident(chance: random.Random, content: bytes, samples: list[bytes]) -> bytes:
    place = chance.randrange(len(content) + 1)
    end = min(len(content), place + chance.choice((1, 1, 4, 60, 500, 5_000)))
    before, piece, behind = content[:place], content[place:end], content[end:]
    match chance.randrange(10):
        case 0:
            bits = bytes(byte ^ 1 << chance.randrange(8) for byte in piece[:1])
            return before + bits + piece[1:] + behind
        case 1:
            return before + behind
        case 2:
            return before
        case 3:
            return before + piece * chance.choice((2, 3, 40)) + behind
        case 4:
            return before + chance.choice(TOKENS) + piece + behind
        case 5:
            return before + chance.choice(TOKENS) + behind
        case 6:
            other = chance.choice(samples)
            begin = chance.randrange(len(other))
            return before + other[begin : begin + chance.choice((20, 300, 3_000))] + piece + behind
        case 7:
            return before + bytes(chance.randrange(256) for _ in range(chance.randrange(20))) + behind
        case 8:
            lines = content.split(b"\n")
            first, second = chance.randrange(len(lines)), chance.randrange(len(lines))
            lines[first], lines[second] = lines[second], lines[first]
            return b"\n".join(lines)
        case _:
            # Rarely, as they cost most of the time.
            size = chance.choice((10, 10, 10, 10, 100_000))
            return (
                before
                + chance.choice((b"x", b"[", b'{"a":', b" ", b"\t", b"a=1 ", b"\n", b'"')) * size
                + piece
                + behind
            )


def _packed(chance: random.Random, content: bytes) -> bytes:
    match chance.randrange(12):
        case 0:
            return gzip.compress(content, 1, mtime=0)
        case 1:
            half = gzip.compress(content, 1, mtime=0)
            return half[: chance.randrange(len(half))]
        case 2:
            cut = chance.randrange(len(content) + 1)
            return (
                gzip.compress(content[:cut], 1, mtime=0)
                + gzip.compress(content[cut:], 1, mtime=0)[: chance.randrange(1, 400)]
            )
        case 3:
            return zstandard.compress(content)[: chance.randrange(10, 20_000)]
        case 4:
            return bz2.compress(content)[: chance.randrange(10, 20_000)]
        case 5:
            return b"\xff\xfe" + content
        case _:
            return content


def read(content: bytes, step: int) -> None:
    """Read it as a file of its own, and as a part of an export. Raises what a user must never see."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name, small(step, generation=_remembered(content)):
        folder = Path(name)
        part = folder / "export" / "checkout" / TASK / STREAM / "000000"
        part.parent.mkdir(parents=True)
        for place in (folder / "alone", part):
            place.write_bytes(content)
        for place in (folder / "alone", folder / "export"):
            with limited(len(content)):
                blocks = _rows(place, folder / f"{place.name}-blocks", 4 * step)
                lines = _rows(place, folder / f"{place.name}-lines", 0)
            if blocks != lines:
                raise AssertionError(f"other rows in blocks than line by line: {_difference(blocks, lines)}")


def _remembered(content: bytes) -> int:
    """How many starts are remembered: few, so that some are forgotten, but of what is delivered all.

    There the events of each stream are gathered first, so that which of a few are remembered is not what it is line by line.
    """
    try:
        head = Unpacked(io.BytesIO(content), len(content)).beginning(HEAD)
    except UNPACK_ERRORS:
        return 8
    return 1 << 17 if subscription.recognises(head) else 8


def _rows(place: Path, folder: Path, buffer: int) -> object:
    lake = Lake(folder)
    try:
        ingested = ingest([str(place)], lake, buffer=buffer)
    except ReportlineError as problem:
        return str(problem)
    for source in ingested.read:
        assert 0 <= source.understood <= source.lines
    return stored(lake)


def _difference(blocks: object, lines: object) -> str:
    if not isinstance(blocks, dict) or not isinstance(lines, dict):
        return f"{blocks!r:.300} and {lines!r:.300}"
    return " ".join(sorted({row for table in blocks for row in set(blocks[table]) ^ set(lines[table])}))[:2_000]


@contextmanager
def limited(size: int) -> Iterator[None]:
    def hang(_: int, frame: FrameType | None) -> None:
        raise Hang(f"{size:,} bytes took more than the processor time they may take")

    before = signal.signal(signal.SIGVTALRM, hang)
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS + CPU_SECONDS_PER_MB * size / 1e6)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def main() -> None:
    """Fuzz for FUZZ_SECONDS, with FUZZ_SEED or a new one; or read again the files that are named."""
    if sys.argv[1:]:
        for path in sys.argv[1:]:
            for step in STEPS:
                read(Path(path).read_bytes(), step)
        return
    seconds, seed = float(os.environ.get("FUZZ_SECONDS", "60")), int(os.environ.get("FUZZ_SEED", time.time_ns()))
    chance, samples = random.Random(seed), corpus()
    ends, count, failures = time.monotonic() + seconds, 0, 0
    while time.monotonic() < ends:
        content, step = damaged(chance, samples), chance.choice(STEPS)
        count += 1
        # What never comes back leaves its input behind, and the place where it was.
        FAILURES.mkdir(exist_ok=True)
        last = FAILURES / "last"
        last.write_bytes(content)
        faulthandler.dump_traceback_later(WALL_SECONDS, exit=True)
        try:
            read(content, step)
        except Exception:
            failures += 1
            kept = FAILURES / hashlib.sha256(content).hexdigest()[:16]
            shutil.copy(last, kept)
            print(f"{kept}, in steps of {step}:\n{traceback.format_exc(limit=-4)}", flush=True)
        faulthandler.cancel_dump_traceback_later()
        last.unlink()
    print(f"{count} inputs from seed {seed}, {failures} failures")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
