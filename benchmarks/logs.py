"""Makes the logs that are measured: S3 exports and Firehose objects of made-up functions, the same bytes every time.

LEAN     platform lines only, 10 MB a file
CHATTY   15 application lines an invocation, 10 MB a file; one invocation in 40 logs a warning or an error
FIELDS   LEAN with one line such as records=120 an invocation, which becomes a row of its own
RECORDS  LEAN with two records of a JSON logger an invocation, of which one becomes a row
TINY     LEAN in files of 50 kB
BIG      LEAN and CHATTY in turn, in one file
JSON     functions with JSON logs in Firehose objects of 10 MB, half of them with 15 application lines an invocation
"""

from __future__ import annotations

import json
import random
import shutil
import uuid
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

MB = 1_000_000
BEGIN = datetime(2026, 3, 17, tzinfo=UTC)
BEGIN_MS = int(BEGIN.timestamp()) * 1000
RUNTIME = (
    "INIT_START Runtime Version: python:3.12.v89\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:" + "0" * 64
)
WORDS = (
    "loading order from the queue",
    "looked up customer in the cache, found nothing, asking the table instead",
    "request to the payment provider took longer than usual but was answered",
    "writing the result to the bucket",
    "validated 14 of 14 attachments against their checksums before they are moved to the archive",
    "connection reused",
    "the feature flag for the new price calculation is off for this tenant",
    "published the event to the bus and waiting for the acknowledgement of the broker",
)


class Maker:
    """Writes the invocations of one stream, one after the other."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.milliseconds = self.random.randrange(6 * 3_600_000)
        self.fresh = True

    def stream(self) -> str:
        return f"2026-03-17-[$LATEST]{self.random.getrandbits(128):032x}"

    def invocation(self, kind: str) -> str:
        draw = self.random.random
        request = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        duration = round(self.random.lognormvariate(5.5, 1.0), 2)
        self.milliseconds += int(draw() * 400)
        start = stamp(self.milliseconds)
        lines: list[str] = []
        initial = 0.0
        if self.fresh:
            lines.append(f"{start} {RUNTIME}\n")
            initial = round(200 + 900 * draw(), 2)
        lines.append(f"{start} START RequestId: {request} Version: $LATEST\n")
        if kind == "CHATTY":
            lines += self.chatter(request, duration)
        elif kind == "FIELDS":
            lines.append(f"{start} [INFO]\t{start}\t{request}\tbatch done records={self.random.randrange(500)}\n")
        elif kind == "RECORDS":
            lines += [
                self.record(start, request, {}),
                self.record(start, request, {"orders": self.random.randrange(500)}),
            ]
        self.milliseconds += int(duration)
        end = stamp(self.milliseconds)
        lines.append(f"{end} END RequestId: {request}\n")
        begin = f"\tInit Duration: {initial:.2f} ms" if self.fresh else ""
        bits = self.random.getrandbits
        trace = f"XRAY TraceId: 1-{bits(32):08x}-{bits(96):024x}\tSegmentId: {bits(64):016x}\tSampled: true\t\n"
        lines.append(
            f"{end} REPORT RequestId: {request}\tDuration: {duration:.2f} ms\tBilled Duration: {int(duration + initial) + 1} ms\t"
            f"Memory Size: 512 MB\tMax Memory Used: {self.random.randrange(90, 500)} MB{begin}\t\n"
            + (trace if draw() < 0.25 else "")
        )
        self.fresh = False
        return "\n".join(lines) + "\n"

    def said_as_json(self, chatty: bool) -> Iterator[dict[str, object]]:
        """An invocation of a function with JSON logs."""
        request = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        duration = round(self.random.lognormvariate(5.5, 1.0), 3)
        self.milliseconds += int(self.random.random() * 400)
        yield self._platform("start", {"requestId": request, "version": "$LATEST"})
        for number in range(15 if chatty else 0):
            text = f"{self.random.choice(WORDS)} ({self.random.randrange(100_000)})"
            level = "WARN" if number == 7 and self.random.random() < 1 / 40 else "INFO"
            time = stamp(self.milliseconds + int(duration * number / 15))
            yield {"timestamp": time, "level": level, "message": text, "logger": "root", "requestId": request}
        self.milliseconds += int(duration)
        spans = [{"name": "responseLatency", "start": stamp(self.milliseconds), "durationMs": duration}]
        done = {"durationMs": duration, "producedBytes": 41}
        yield self._platform(
            "runtimeDone", {"requestId": request, "status": "success", "spans": spans, "metrics": done}
        )
        metrics = {"durationMs": duration, "billedDurationMs": int(duration) + 1, "memorySizeMB": 512}
        metrics["maxMemoryUsedMB"] = self.random.randrange(90, 500)
        yield self._platform("report", {"requestId": request, "metrics": metrics, "status": "success"})

    def _platform(self, kind: str, record: dict[str, object]) -> dict[str, object]:
        return {"time": stamp(self.milliseconds), "type": f"platform.{kind}", "record": record}

    def record(self, time: str, request: str, more: dict[str, int]) -> str:
        """A line as Powertools for AWS Lambda writes it."""
        head = {"level": "INFO", "location": "handler:42", "message": self.random.choice(WORDS), "timestamp": time}
        context = {
            "service": "checkout",
            "cold_start": False,
            "function_name": "checkout",
            "function_memory_size": "512",
        }
        text = json.dumps(head | context | {"function_request_id": request} | more, separators=(",", ":"))
        return f"{time} {text}\n"

    def chatter(self, request: str, duration: float) -> Iterator[str]:
        remarkable = self.random.randrange(15) if self.random.random() < 1 / 40 else -1
        for number in range(15):
            time = stamp(self.milliseconds + int(duration * number / 15))
            text = self.random.choice(WORDS)
            level = self.random.choice(("WARNING", "ERROR")) if number == remarkable else "INFO"
            yield f"{time} [{level}]\t{time}\t{request}\t{text} ({self.random.randrange(100_000)})\n"


@cache
def day(number: int) -> str:
    return f"{BEGIN + timedelta(days=number):%Y-%m-%d}"


def stamp(milliseconds: int) -> str:
    seconds, thousandths = divmod(milliseconds, 1000)
    days, seconds = divmod(seconds, 86_400)
    return f"{day(days)}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{thousandths:03d}Z"


def content(kind: str, size: int, seed: int) -> bytes:
    """About `size` bytes of one stream."""
    maker = Maker(seed)
    parts: list[str] = []
    written = 0
    while written < size:
        parts.append(maker.invocation(kind))
        written += len(parts[-1])
    return "".join(parts).encode()


def export(folder: Path, kind: str, megabytes: int, file_size: int = 10 * MB) -> Path:
    """A folder of exported streams of about so many megabytes, unpacked; what was made before is used again."""
    there = folder / f"{kind.lower()}-{megabytes}"
    if there.exists():
        return there
    unfinished = folder / f".{there.name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    seeds = random.Random(kind)
    source = "LEAN" if kind == "TINY" else kind
    for number in range(max(1, megabytes * MB // file_size)):
        seed = seeds.getrandbits(32)
        write(_place(unfinished, number, seed), lambda seed=seed: [content(source, file_size, seed)])
    unfinished.rename(there)
    return there


def firehose(folder: Path, megabytes: int) -> Path:
    """A folder of Firehose objects of about so many megabytes, unpacked: records of CloudWatch, each packed by itself."""
    there = folder / f"json-{megabytes}"
    if not there.exists():
        unfinished = folder / f".{there.name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        for number in range(max(1, megabytes // 10)):
            name = f"logs-1-2026-03-17-{number // 60 % 24:02d}-{number % 60:02d}-00-{uuid.UUID(int=number, version=4)}"
            path = unfinished / "2026/03/17" / f"{number // 60 % 24:02d}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for record in records(number, 10 * MB):
                    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
                    file.write(packer.compress(record) + packer.flush())
        unfinished.rename(there)
    return there


def records(seed: int, size: int) -> Iterator[bytes]:
    """What CloudWatch sends of one function with eight environments: 50 to 400 events of a stream at a time."""
    maker = Maker(seed)
    draw = maker.random
    streams = [f"2026/03/17/[$LATEST]{draw.getrandbits(128):032x}" for _ in range(8)]
    waiting: dict[str, list[str]] = {stream: [] for stream in streams}
    serial = seed * 10**9
    while size > 0:
        stream = draw.choice(streams)
        events = waiting[stream]
        for text in maker.said_as_json(chatty=seed % 2 == 1):
            serial += 1
            message = json.dumps(text, separators=(",", ":")) + "\n"
            event = {"id": f"{serial:056d}", "timestamp": BEGIN_MS + maker.milliseconds, "message": message}
            events.append(json.dumps(event, separators=(",", ":")))
        cut = draw.randrange(50, 400)
        if len(events) < cut:
            continue
        group = f"/aws/lambda/function-{seed % 7}"
        names = f'"owner":"123456789012","logGroup":"{group}","logStream":"{stream}","subscriptionFilters":["all"]'
        record = f'{{"messageType":"DATA_MESSAGE",{names},"logEvents":[{",".join(events[:cut])}]}}'.encode()
        del events[:cut]
        size -= len(record)
        yield record


def big(folder: Path, megabytes: int) -> Path:
    """One file of about so many megabytes."""
    there = folder / f"big-{megabytes}"
    if not there.exists():
        unfinished = folder / f".{there.name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        parts = (content(("LEAN", "CHATTY")[number % 2], 10 * MB, number) for number in range(megabytes // 10))
        write(_place(unfinished, 0, 0), lambda: parts)
        unfinished.rename(there)
    return there


def _place(folder: Path, number: int, seed: int) -> Path:
    task = uuid.UUID(int=random.Random(number // 8).getrandbits(128), version=4)
    return folder / f"function-{number // 8}" / str(task) / Maker(seed).stream() / "000000.gz"


def write(path: Path, parts: Callable[[], Iterator[bytes] | list[bytes]]) -> None:
    path.parent.mkdir(parents=True)
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    with path.open("wb") as file:
        for part in parts():
            file.write(packer.compress(part))
        file.write(packer.flush())
