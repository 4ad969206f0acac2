"""Whatever Lambda logs, and in whatever it is wrapped, the invocations and their lines come back as they were.

What a container does not carry is null, and `Container.lacks` says what that may be: no less, and no more than shown here.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import re
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import structured
import wrappings
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lambda_lines import EPOCH, MILLISECOND, Environment, Stream, digits, init_start, iso, report

from analyzer.ingest import ingest
from analyzer.ingest.containers import containers
from analyzer.ingest.containers.container import Fact
from analyzer.lake import Lake

Runtime = Literal["python", "nodejs", "json"]
# Several lines in one event; one line each; lines that are no other container's, nor of the platform.
Text = Literal["any", "one line", "tame"]
Row = dict[str, Any]
Files = dict[str, bytes]
TASK = "6d29fbaa-bb9f-4c40-90df-afad2cdcce25"
BEGIN = 1_773_735_125_000
# An answer of Invoke carries 4 KB, and the least of them shall hold a whole invocation.
LONGEST_TEXT, MOST_LINES = 120, 4


# ── what happened ────────────────────────────────────────────────────────────────────────────────────────────────────


class Said(NamedTuple):
    """A line of the function: printed as it is, or logged with a level. `records` is a number in it."""

    level: Literal["printed", "info", "warning", "error", "critical"]
    text: str
    records: int | None


class Call(NamedTuple):
    """An invocation. `duration` is in hundredths of a millisecond, `limit` the timeout of the function in seconds."""

    request_id: str
    ending: str
    gap: int
    duration: int
    init: int | None
    memory: int
    trace: str | None
    limit: int
    said: list[Said]


class Life(NamedTuple):
    """An execution environment from its start, unless the logs begin later, and what it served."""

    function: str
    version: str
    name: str
    runtime: Runtime
    size: int
    begin: int
    start_seen: bool
    calls: list[Call]


WORKING = Said("info", "working", None)
ENDINGS = ("ok", "ok", "thrown", "timeout", "late", "out of memory", "exited", "killed")
# Nothing in them may be what the container itself ends or begins an event with: no reader could know the difference.
HOSTILE = st.sampled_from(
    [
        "</script><img src=x onerror=alert(1)>",
        "{{ 7 * 7 }} ${jndi:ldap://x}",
        "=cmd|' /C calc'!A0",
        '"quoted", and "again',
        "it's \\n and \\\\ and \\t and \\u0000",
        "a | b |",
        "\x1b[31mred",
        "\u2028 \u2029 \x85 \x0b \x0c \x1c",
        "REPORT RequestId: 0-0\tDuration: 1.00 ms\tBilled Duration: 2 ms",
        "START RequestId: 0-0 Version: 1",
        '{"messageType": "DATA_MESSAGE", "logEvents": []}',
        "1773735125000",
        "\u00fcml\u00e4ut \U0001f4a5 \u0627\u0644",
        "-----",
        "EVENTS\t1",
        "x" * LONGEST_TEXT,
    ]
)
# What writes the logs puts a time or an id in the place of these words, and hypothesis finds them in the sources.
PLACEHOLDER = re.compile("<(?:time|second|id)>")
FREE = st.text(st.characters(exclude_characters="\x00\r\n", exclude_categories=["Cs"]), max_size=LONGEST_TEXT).filter(
    lambda text: not PLACEHOLDER.search(text)
)
ONE_LINE = st.one_of(FREE, HOSTILE).map(lambda text: " ".join(text.split("=")).strip())
TAME = st.text(st.sampled_from("abc xyz <>&'\"$%{}()|*_~\u00e4\u2028\U0001f4a5"), max_size=LONGEST_TEXT).map(str.strip)
SEVERAL_LINES = st.lists(ONE_LINE.filter(bool), min_size=1, max_size=3).map("\n  ".join)
NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
BEGINNINGS = st.sampled_from(["", "=", "-", "+", "@", "'", '"', "\u00a0", "\\", ",", ";", "#", "<"])


@st.composite
def said(draw: st.DrawFn, text: st.SearchStrategy[str], runtime: Runtime) -> Said:
    # Whatever Node.js prints gets a level.
    bare = [] if runtime == "nodejs" else ["printed"]
    level = draw(st.sampled_from([*bare, "info", "warning", "error", "critical"]))
    words = draw(text)
    if level == "printed":
        # A line that is indented belongs to the one before it where nothing else tells events apart.
        words = f"{draw(BEGINNINGS)}basket {words}".strip()
    records = draw(st.integers(0, 10**9)) if level in ("printed", "info") else None
    return Said(level, words, records)


@st.composite
def lives(draw: st.DrawFn, runtimes: Sequence[Runtime], text: Text, unfinished: bool) -> list[Life]:
    words = {"tame": TAME, "one line": ONE_LINE, "any": st.one_of(ONE_LINE, SEVERAL_LINES)}[text]
    found = []
    # Lambda gives an id to one request, and the calls of a request never coincide.
    ids = (
        st.uuids(version=4)
        .map(str)
        .filter(lambda one: all(one != call.request_id for life in found for call in life.calls))
    )
    for number in range(draw(st.integers(1, 3))):
        version = draw(st.sampled_from(["$LATEST", "1", "47"]))
        runtime = draw(st.sampled_from(list(runtimes)))
        calls: list[Call] = []
        served = draw(st.integers(1, 4))
        for place in range(served):
            # What never got its REPORT is the last that its environment did.
            endings = [*ENDINGS, "unfinished"] if unfinished and place == served - 1 else ENDINGS
            again = place > 0 and draw(st.integers(0, 5)) == 0
            calls.append(
                Call(
                    request_id=calls[-1].request_id if again else draw(ids),
                    ending=draw(st.sampled_from(endings)),
                    gap=draw(st.sampled_from([1, 17, 1_000, 59_999, 3_600_000])),
                    duration=draw(st.integers(1, 90_000_000)),
                    init=draw(st.none() | st.integers(1, 1_000_000)) if place == 0 else None,
                    memory=draw(st.integers(1, 10_240)),
                    trace=draw(st.none() | st.from_regex(r"1-[0-9a-f]{8}-[0-9a-f]{24}", fullmatch=True)),
                    limit=draw(st.integers(1, 900)),
                    said=draw(st.lists(said(words, runtime), max_size=MOST_LINES)),
                )
            )
        found.append(
            Life(
                function=draw(NAMES),
                version=version,
                name=f"2026/03/17/[{version}]{digits(f'{number} {draw(st.integers(0, 9))}')}",
                runtime=runtime,
                size=draw(st.sampled_from([128, 1024, 10_240])),
                begin=BEGIN + draw(st.integers(0, 5_000)),
                start_seen=draw(st.booleans()),
                calls=calls,
            )
        )
    return found


# ── what Lambda logs of it, and the rows that must come out ──────────────────────────────────────────────────────────

RUNTIMES = {"python": "python:3.13.v60", "nodejs": "nodejs:22.v71", "json": "python:3.13.v60"}
LEVELS = {
    "python": {"info": "INFO", "warning": "WARNING", "error": "ERROR", "critical": "CRITICAL"},
    "nodejs": {"info": "INFO", "warning": "WARN", "error": "ERROR", "critical": "FATAL"},
    "json": {"info": "INFO", "warning": "WARNING", "error": "ERROR", "critical": "CRITICAL"},
}
OUTCOMES = {
    "ok": "ok",
    "thrown": "error",
    "timeout": "timeout",
    "late": "timeout",
    "out of memory": "out_of_memory",
    "exited": "crash",
    "killed": "out_of_memory",
    "unfinished": "unknown",
}
TYPES = {
    "thrown": "ValueError",
    "out of memory": "Runtime.OutOfMemory",
    "exited": "Runtime.ExitError",
    "killed": "Runtime.ExitError",
}
SIGNALS = {"exited": "exit status 1", "killed": "signal: killed"}


class Logged(NamedTuple):
    """A stream, and the rows of its invocations and of its lines that are kept."""

    stream: Stream
    invocations: list[Row]
    lines: list[Row]


def logged(life: Life) -> Logged:
    return _Log(life).written()


class _Log:
    def __init__(self, life: Life) -> None:
        self.life = life
        self.environment = Environment(life.function, life.name, EPOCH + life.begin * MILLISECOND, life.size)
        self.invocations: list[Row] = []
        self.lines: list[Row] = []

    def written(self) -> Logged:
        life = self.life
        if life.start_seen:
            self._init_start()
        attempts: Counter[str] = Counter()
        first = life.calls[0]
        seen = life.start_seen or (first.init is not None and first.ending != "unfinished")
        for nth, call in enumerate(life.calls, 1):
            attempts[call.request_id] += 1
            row: Row = dict.fromkeys(
                (
                    "end_time",
                    "duration_ms",
                    "billed_ms",
                    "init_ms",
                    "memory_mb",
                    "max_memory_mb",
                    "timeout_s",
                    "trace_id",
                )
            )
            row |= {
                "function": life.function,
                "log_group": f"/aws/lambda/{life.function}",
                "version": life.version,
                "stream": life.name,
                "request_id": call.request_id,
                "attempt": attempts[call.request_id],
                "outcome": OUTCOMES[call.ending],
                "error_type": self._error_type(call),
                "runtime": RUNTIMES[life.runtime] if life.start_seen else None,
                "nth": nth if seen else None,
                "complete": call.ending != "unfinished",
                "said": len(call.said) + (call.ending == "thrown"),
            }
            self.environment.now += call.gap
            self._serve(call, row)
            self.invocations.append(row)
        return Logged(self.environment.written(), self.invocations, self.lines)

    def _error_type(self, call: Call) -> str | None:
        # In JSON the platform says itself what was killed for its memory.
        killed = call.ending == "killed" and self.life.runtime == "json"
        return TYPES.get("out of memory" if killed else call.ending)

    def _serve(self, call: Call, row: Row) -> None:
        begin = self.environment.now
        row["start_time"] = begin * 1000
        duration = call.limit * 100_000 if call.ending == "timeout" else call.duration
        if call.ending == "late":
            duration = call.limit * 100_000 + 199
        self._start(call)
        for number, one in enumerate(call.said):
            self.environment.now = begin + duration * number // (100 * MOST_LINES)
            self._say(call, one)
        self.environment.now = begin + -(-duration // 100)
        if call.ending == "unfinished":
            return
        used = self.life.size if call.ending == "killed" else min(call.memory, self.life.size)
        row |= {
            "end_time": self.environment.now * 1000,
            "start_time": self.environment.now * 1000 - duration * 10,
            "duration_ms": duration / 100,
            "billed_ms": float(-(-(duration + (call.init or 0)) // 100)),
            "init_ms": call.init / 100 if call.init is not None else None,
            "memory_mb": self.life.size,
            "max_memory_mb": used,
            "trace_id": call.trace,
            "timeout_s": float(call.limit) if call.ending in ("timeout", "late") else None,
        }
        if call.ending == "thrown":
            self._throw(call)
        self._end(call, duration, used)

    def _keep(self, kind: str, message: str, call: Call, **more: object) -> None:
        row: Row = {"level": None, "error_type": None, "fields": None}
        row |= {
            "kind": kind,
            "message": message,
            "request_id": call.request_id,
            "time": self.environment.now * 1000,
            "function": self.life.function,
            "log_group": f"/aws/lambda/{self.life.function}",
            "stream": self.life.name,
        }
        self.lines.append(row | more)

    def _say(self, call: Call, one: Said) -> None:
        fields = {"records": float(one.records)} if one.records is not None else None
        text = one.text if one.records is None else f"{one.text} records={one.records}"
        level = None if one.level == "printed" else one.level
        if level is None:
            message = text
        elif self.life.runtime == "json":
            message = self._json(call, {"level": LEVELS["json"][level], "message": one.text} | (fields or {}))
        else:
            message = self._prefix(call, LEVELS[self.life.runtime][level]) + text
        self.environment.say(f"{message}\n")
        if level in (None, "info"):
            if fields is None:
                return
            self._keep("fields", message, call, level=level, fields=fields)
        else:
            self._keep("warning" if level == "warning" else "error", message, call, level=level)

    def _prefix(self, call: Call, level: str) -> str:
        time = iso(self.environment.now)
        if self.life.runtime == "python":
            return f"[{level}]\t{time}\t{call.request_id}\t"
        return f"{time}\t{call.request_id}\t{level}\t"

    def _json(self, call: Call, record: Row) -> str:
        return json.dumps({"timestamp": iso(self.environment.now)} | record | {"requestId": call.request_id})

    def _throw(self, call: Call) -> None:
        if self.life.runtime == "python":
            message = f"[ERROR] ValueError: no price\nTraceback (most recent call last):\n\u00a0\u00a0{call.memory}"
        elif self.life.runtime == "nodejs":
            error = {"errorType": "ValueError", "errorMessage": "no price", "stack": ["ValueError: no price"]}
            message = self._prefix(call, "ERROR") + f"Invoke Error \t{json.dumps(error)}"
        else:
            message = self._json(call, {"log_level": "ERROR", "errorType": "ValueError", "errorMessage": "no price"})
        # Python leaves the line feed out.
        self.environment.say(message if self.life.runtime == "python" else f"{message}\n")
        self._keep("error", message, call, level="error", error_type="ValueError")

    # ── the platform's own lines ──

    def _event(self, kind: str, record: Row) -> None:
        event = {"time": iso(self.environment.now), "type": f"platform.{kind}", "record": record}
        self.environment.say(json.dumps(event, separators=(",", ":")) + "\n")

    def _init_start(self) -> None:
        runtime = RUNTIMES[self.life.runtime]
        if self.life.runtime == "json":
            about = {"functionName": self.life.function, "functionVersion": self.life.version}
            self._event("initStart", {"phase": "init", "runtimeVersion": runtime} | about)
        else:
            self.environment.say(init_start(runtime))

    def _start(self, call: Call) -> None:
        if self.life.runtime == "json":
            arn = f"arn:aws:lambda:us-east-1:123456789012:function:{self.life.function}"
            self._event("start", {"requestId": call.request_id, "functionArn": arn, "version": self.life.version})
        else:
            self.environment.say(f"START RequestId: {call.request_id} Version: {self.life.version}\n")

    def _end(self, call: Call, duration: int, used: int) -> None:
        if self.life.runtime == "json":
            self._json_end(call, duration, used)
            return
        if call.ending == "late":
            message = f"{iso(self.environment.now)} {call.request_id} Task timed out after {call.limit}.02 seconds"
            self.environment.say(f"{message}\n\n")
            self._keep("timeout", message, call)
        if call.ending in SIGNALS:
            signal = f"Runtime exited with error: {SIGNALS[call.ending]}"
            message = f"RequestId: {call.request_id} Error: {signal}\nRuntime.ExitError"
            self.environment.say(f"{message}\n")
            self._keep("fault", message, call, error_type="Runtime.ExitError")
        self.environment.say(f"END RequestId: {call.request_id}\n")
        status, error = {"timeout": ("timeout", None), "out of memory": ("error", TYPES["out of memory"])}.get(
            call.ending, (None, None)
        )
        init = None if call.init is None else call.init / 100
        line = report(call.request_id, duration / 100, self.life.size, used, init, status, error)
        trace = f"XRAY TraceId: {call.trace}\tSegmentId: 4a861782660d0257\tSampled: true\t\n" if call.trace else ""
        self.environment.say(line + trace)

    def _json_end(self, call: Call, duration: int, used: int) -> None:
        status = {
            "timeout": "timeout",
            "late": "timeout",
            "out of memory": "error",
            "exited": "error",
            "killed": "error",
        }
        record: Row = {"requestId": call.request_id, "status": status.get(call.ending, "success")}
        # The platform knows of a handler's exception no more than that it was answered.
        if call.ending not in ("ok", "thrown", "timeout", "late"):
            record["errorType"] = self._error_type(call)
        self._event("runtimeDone", record)
        metrics: Row = {
            "durationMs": duration / 100,
            "billedDurationMs": -(-(duration + (call.init or 0)) // 100),
            "memorySizeMB": self.life.size,
            "maxMemoryUsedMB": used,
        }
        if call.init is not None:
            metrics["initDurationMs"] = call.init / 100
        if call.trace:
            record |= {"tracing": {"type": "X-Amzn-Trace-Id", "value": f"Root={call.trace};Parent=1;Sampled=1"}}
        self._event("report", record | {"metrics": metrics})


# ── containers ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Wrapping(NamedTuple):
    """A way of writing streams into files of a container, and which facts it loses.

    `text` is what the function may say in it, `unfinished` whether an invocation without REPORT is told from the next one,
    and `brief` whether no more than a part of REPORT is shown.
    """

    container: str
    write: Callable[[Sequence[Stream]], Files]
    lost: frozenset[Fact]
    runtimes: Sequence[Runtime] = ("python", "nodejs", "json")
    text: Text = "any"
    unfinished: bool = True
    brief: bool = False


def together(write: Callable[..., Any], **options: object) -> Callable[[Sequence[Stream]], Files]:
    """Every stream in one file."""
    return lambda streams: {"logs": write(streams, **options)}


def apart(write: Callable[..., Any], **options: object) -> Callable[[Sequence[Stream]], Files]:
    """A file for every stream."""
    return lambda streams: {str(number): write(stream, **options) for number, stream in enumerate(streams)}


def exported(pack: Callable[[bytes], bytes], ending: str = "") -> Callable[[Sequence[Stream]], Files]:
    """As export tasks leave streams in a bucket, each in two parts."""

    def write(streams: Sequence[Stream]) -> Files:
        files: Files = {}
        for stream in streams:
            half = len(stream.events) // 2
            for number, events in enumerate((stream.events[:half], stream.events[half:])):
                name = wrappings.export_key(stream.function, TASK, stream.name, f"{number:06d}{ending}")
                files[name] = pack(wrappings.export(events))
        return files

    return write


def archived(pack: Callable[[Files], bytes], name: str) -> Callable[[Sequence[Stream]], Files]:
    """An export task's files in an archive."""
    return lambda streams: {name: pack(exported(wrappings.gzipped, ".gz")(streams))}


def tar_gz(files: Files) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def zipped(files: Files) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def utf_16(content: bytes) -> bytes:
    return content.decode().encode("utf-16")


def pane(stream: Stream) -> bytes:
    """What the console shows when an invocation was tried in it."""
    return wrappings.test_pane(printed(stream), "6556e9bb-dd89-49e6-9dc4-d8344fdc37cb")


def printed(stream: Stream) -> bytes:
    """The bare messages, each ending its line."""
    return "".join(f"{event.message.rstrip()}\n" for event in stream.events).encode()


def copied(stream: Stream) -> bytes:
    """As the console copies lines: the time in front of each."""
    return "".join(f"{iso(event.time)} {event.message.rstrip()}\n" for event in stream.events).encode()


def bare_parquet(stream: Stream) -> bytes:
    """Lines and their times, in row groups and a compression of today."""
    table = pa.table(
        {
            "at": pa.array([event.time for event in stream.events], pa.timestamp("ms", "UTC")),
            "text": [event.message for event in stream.events],
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=5, compression="zstd")
    return file.getvalue()


def two_columns(stream: Stream) -> bytes:
    """A search's export without a header that means anything."""
    return structured._table([{"when": iso(event.time), "what": event.message} for event in stream.events])


def lost(*facts: Fact) -> frozenset[Fact]:
    return frozenset(facts)


UNNAMED = lost("function", "log group")
SEARCHED = lost("lines")
# Platform events alone in the Telemetry API are JSON whatever the log format of the function.
MIXED = lost("stream", "environments")
TEXTS: Sequence[Runtime] = ("python", "nodejs")

WRAPPINGS: dict[str, Wrapping] = {
    "an export": Wrapping("s3-export", exported(wrappings.gzipped, ".gz"), lost("log group")),
    "an export, unpacked": Wrapping("s3-export", exported(bytes), lost("log group")),
    "an export in zstd": Wrapping("s3-export", exported(zstandard.compress, ".zst"), lost("log group")),
    "an export in bzip2": Wrapping("s3-export", exported(bz2.compress, ".bz2"), lost("log group")),
    "an export in xz": Wrapping("s3-export", exported(lzma.compress, ".xz"), lost("log group")),
    "an export packed twice": Wrapping(
        "s3-export", exported(lambda one: gzip.compress(gzip.compress(one)), ".gz"), lost("log group")
    ),
    "an export in a zip": Wrapping("s3-export", archived(zipped, "logs.zip"), lost("log group")),
    "an export in a tar.gz": Wrapping("s3-export", archived(tar_gz, "logs.tar.gz"), lost("log group")),
    "exported files without their folders": Wrapping(
        "s3-export", apart(lambda one: wrappings.export(one.events)), UNNAMED | {"stream"}
    ),
    "filter-log-events": Wrapping("log-events-json", together(wrappings.filter_log_events), UNNAMED),
    "get-log-events, page after page": Wrapping(
        "log-events-json", apart(wrappings.get_log_events, page=3), UNNAMED | {"stream"}
    ),
    "sam logs --output json": Wrapping("log-events-json", apart(wrappings.sam_json), UNNAMED),
    "events through PowerShell": Wrapping("log-events-json", together(wrappings.powershell), UNNAMED),
    "events in UTF-16": Wrapping(
        "log-events-json", together(lambda streams: utf_16(wrappings.filter_log_events(streams))), UNNAMED
    ),
    "filter-log-events --output text": Wrapping("log-events-text", together(wrappings.filter_log_events_text), UNNAMED),
    "get-log-events --output text": Wrapping(
        "log-events-text", apart(wrappings.get_log_events_text), UNNAMED | {"stream"}
    ),
    "queried messages": Wrapping(
        "queried-events-json",
        apart(lambda one: wrappings.queried(one, timed=False)[0]),
        UNNAMED | MIXED | SEARCHED | {"time"},
        unfinished=False,
    ),
    "queried messages and times": Wrapping(
        "queried-events-json",
        apart(lambda one: wrappings.queried(one, timed=True)[0]),
        UNNAMED | MIXED | SEARCHED,
        unfinished=False,
    ),
    "queried messages, times and streams": Wrapping(
        "queried-events-json", together(lambda streams: wrappings.queried_with_streams(streams)[0]), UNNAMED | SEARCHED
    ),
    "queried messages as text": Wrapping(
        "queried-events-text",
        apart(lambda one: wrappings.queried(one, timed=False)[1]),
        UNNAMED | MIXED | SEARCHED | {"time"},
        text="tame",
        unfinished=False,
    ),
    "queried messages and times as text": Wrapping(
        "queried-events-text",
        apart(lambda one: wrappings.queried(one, timed=True)[1]),
        UNNAMED | MIXED | SEARCHED,
        text="tame",
        unfinished=False,
    ),
    "queried messages, times and streams as text": Wrapping(
        "queried-events-text",
        together(lambda streams: wrappings.queried_with_streams(streams)[1]),
        UNNAMED | SEARCHED,
        text="tame",
    ),
    "aws logs tail": Wrapping("aws-logs-tail", together(wrappings.tail), UNNAMED),
    "aws logs tail in colours": Wrapping(
        "aws-logs-tail", together(wrappings.tail, colours=True), UNNAMED | {"colours"}
    ),
    "aws logs tail --format json": Wrapping("aws-logs-tail", together(wrappings.tail, style="json"), UNNAMED),
    "aws logs tail --format short": Wrapping(
        "aws-logs-tail-short",
        apart(lambda one: wrappings.tail([one], "short")),
        UNNAMED | MIXED | {"milliseconds"},
        unfinished=False,
    ),
    "aws logs tail --format short in colours": Wrapping(
        "aws-logs-tail-short",
        apart(lambda stream: wrappings.tail([stream], "short", colours=True)),
        UNNAMED | MIXED | {"milliseconds", "colours"},
        unfinished=False,
    ),
    "sam logs": Wrapping("sam-logs", together(wrappings.sam), UNNAMED),
    "sam logs in colours": Wrapping("sam-logs", together(wrappings.sam, colours=True), UNNAMED | {"colours"}),
    "awslogs": Wrapping("awslogs", together(wrappings.awslogs, timed=False, colours=False), lost("time")),
    "awslogs --timestamp in colours": Wrapping(
        "awslogs", together(wrappings.awslogs, timed=True, colours=True), lost("colours")
    ),
    "awslogs --no-group --timestamp": Wrapping(
        "awslogs", together(wrappings.awslogs, timed=True, colours=False, grouped=False), UNNAMED
    ),
    "saw": Wrapping("saw", together(wrappings.saw, colours=False), UNNAMED | {"milliseconds"}),
    "saw in colours": Wrapping("saw", together(wrappings.saw, colours=True), UNNAMED | {"milliseconds", "colours"}),
    **{
        f"serverless logs of version {version}": Wrapping(
            "serverless-logs",
            apart(lambda one, version=version: wrappings.serverless(one, version)),  # type: ignore[misc]
            UNNAMED | MIXED | SEARCHED | {"time", "colours"} | more,
            runtimes=("nodejs",),
            text="tame",
            unfinished=False,
            brief=version == 3,
        )
        for version, more in (
            (2, lost()),
            (3, lost("request ids", "version", "billed time", "memory size", "trace")),
            (4, lost()),
        )
    },
    "answers of Invoke": Wrapping(
        "invoke-log-tail",
        apart(lambda stream: wrappings.invoked([printed(stream)])),
        UNNAMED | {"stream", "time"},
        text="tame",
    ),
    "an answer's LogResult": Wrapping(
        "invoke-log-tail",
        apart(lambda stream: base64.b64encode(printed(stream))),
        UNNAMED | {"stream", "time"},
        text="tame",
    ),
    "the console's test pane": Wrapping(
        "invoke-log-tail",
        apart(pane),
        UNNAMED | {"stream", "time"},
        text="tame",
    ),
    "the console's CSV of a group": Wrapping("console-csv", together(wrappings.console_csv), UNNAMED),
    "the console's CSV of a stream": Wrapping(
        "console-csv", apart(wrappings.console_csv_of_json), UNNAMED | {"stream"}, runtimes=("json",)
    ),
    "Logs Insights from the API": Wrapping("insights-json", apart(structured.insights_api, page=3), SEARCHED),
    "Logs Insights without streams and groups": Wrapping(
        "insights-json",
        apart(structured.insights_api, page=4, fields=("@timestamp", "@message")),
        UNNAMED | MIXED | SEARCHED,
        unfinished=False,
    ),
    "Logs Insights from the console": Wrapping("insights-json", apart(structured.insights_console), SEARCHED),
    "Logs Insights as CSV": Wrapping("insights-csv", apart(structured.insights_csv), SEARCHED),
    "Logs Insights without streams and groups, as CSV": Wrapping(
        "insights-csv",
        apart(structured.insights_csv, fields=("@timestamp", "@message")),
        UNNAMED | MIXED | SEARCHED,
        unfinished=False,
    ),
    "Logs Insights as Markdown": Wrapping(
        "insights-table", apart(structured.insights_markdown), SEARCHED, text="one line"
    ),
    "the log viewer's table": Wrapping(
        "insights-table",
        apart(structured.viewer_table),
        UNNAMED | MIXED | SEARCHED | {"white space"},
        text="one line",
        unfinished=False,
    ),
    **{
        f"a subscription, {name.rpartition('/')[2] or name}": Wrapping("subscription", apart(write), lost())
        for name, write in structured.SUBSCRIPTION.items()
    },
    **{
        f"telemetry, {name}": Wrapping(
            "telemetry", apart(write), MIXED | SEARCHED | {"log group"}, runtimes=("json",), unfinished=False
        )
        for name, write in structured.TELEMETRY.items()
    },
    "Elastic": Wrapping("json-records", apart(structured.elastic), SEARCHED),
    "Loki": Wrapping("json-records", apart(structured.loki), SEARCHED),
    "Datadog": Wrapping("json-records", apart(structured.datadog), MIXED | SEARCHED | {"log group"}, unfinished=False),
    "Splunk": Wrapping("json-records", apart(structured.splunk), SEARCHED),
    "Fluent Bit": Wrapping("json-records", apart(structured.fluent_bit), SEARCHED),
    "apex up": Wrapping("json-records", apart(structured.apex_up), UNNAMED | MIXED | SEARCHED, unfinished=False),
    "a CSV of Datadog": Wrapping(
        "csv-column", apart(structured.datadog_csv), UNNAMED | MIXED | SEARCHED, unfinished=False
    ),
    "a CSV without names": Wrapping("csv-column", apart(two_columns), UNNAMED | MIXED | SEARCHED, unfinished=False),
    "Parquet with names": Wrapping("parquet", apart(structured.parquet), SEARCHED),
    "Parquet without names": Wrapping("parquet", apart(bare_parquet), UNNAMED | MIXED | SEARCHED, unfinished=False),
    "lines copied from the console": Wrapping(
        "pasted-text", apart(copied), UNNAMED | MIXED | SEARCHED, text="tame", unfinished=False
    ),
    "messages alone": Wrapping(
        "pasted-text",
        apart(printed),
        UNNAMED | MIXED | SEARCHED | {"time"},
        runtimes=TEXTS,
        text="tame",
        unfinished=False,
    ),
}
WITHOUT: dict[Fact, tuple[str, ...]] = {
    "log group": ("log_group",),
    "stream": ("stream",),
    "time": ("start_time", "end_time", "time"),
    "version": ("version",),
    "billed time": ("billed_ms",),
    "memory size": ("memory_mb",),
    "trace": ("trace_id",),
}


def expected(life: Life, row: Row, gone: frozenset[Fact]) -> Row:
    """The row as it comes out of a container that has lost these facts."""
    row = row | {name: None for fact in gone for name in WITHOUT.get(fact, ()) if name in row}
    if "function" in gone and life.runtime != "json":
        row["function"] = None
    if "environments" in gone and "nth" in row:
        row["nth"] = None
    if "outcome" in row:
        shown = life.runtime == "json" or row.pop("said")
        if row["outcome"] == "ok" and not shown and not gone.isdisjoint(("lines", "environments")):
            row["outcome"] = "unknown"
        row.pop("said", None)
    if "milliseconds" in gone:
        for name in ("end_time", "time"):
            if row.get(name) is not None:
                row[name] -= row[name] % 1_000_000
        if row.get("start_time") is not None:
            took = row["duration_ms"]
            begin = row["start_time"]
            row["start_time"] = begin - begin % 1_000_000 if took is None else row["end_time"] - round(took * 1000)
    if "message" in row:
        row["message"] = comparable(row["message"], gone)
    # The line feed before it is one too.
    if "white space" in gone and life.runtime != "json" and row["error_type"] == "Runtime.ExitError":
        row["error_type"] = None
    return row


def comparable(message: str, gone: frozenset[Fact]) -> str:
    """Tools lay JSON out as they like, cut white space at the end, and one of them puts its own clock into messages."""
    if message.startswith("{"):
        try:
            return json.dumps(json.loads(message), sort_keys=True)
        except ValueError:
            pass
    if "request ids" in gone:
        message = re.sub(r"\t(?:undefined|[0-9a-f-]{36})\t", "\t<id>\t", message)
    if "colours" in gone:
        message = re.sub(r"\x1b\[[0-9;]*m", "", message)
    if "white space" in gone:
        message = " ".join(message.split())
    if "time" in gone:
        message = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<time>", message)
    return message.rstrip()


@pytest.mark.parametrize("name", WRAPPINGS)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_lambda_logs_comes_back_as_it_was(name: str, data: st.DataObject) -> None:
    wrapping = WRAPPINGS[name]
    check(wrapping, data.draw(lives(wrapping.runtimes, wrapping.text, wrapping.unfinished)))


def check(wrapping: Wrapping, drawn: list[Life]) -> None:
    gone = wrapping.lost
    if wrapping.container == "invoke-log-tail":
        # An answer tells of one invocation.
        drawn = [life._replace(calls=[life.calls[0]]) for life in drawn]
    if wrapping.container == "serverless-logs":
        # Without a line of the application it is not known for what it is.
        drawn = [
            life._replace(calls=[call._replace(said=call.said or [WORKING]) for call in life.calls]) for life in drawn
        ]
    if wrapping.brief:
        drawn = [life._replace(calls=[brief(call) for call in life.calls]) for life in drawn]
    if not gone.isdisjoint(("time", "milliseconds")):
        # A retry that took exactly as long is told from the same lines twice by its time alone.
        drawn = [
            life._replace(calls=[*{(one.request_id, one.duration): one for one in life.calls}.values()])
            for life in drawn
        ]
    wrote = [logged(life) for life in drawn]
    with tempfile.TemporaryDirectory() as folder:
        for path, content in wrapping.write([one.stream for one in wrote]).items():
            place = Path(folder, "logs", path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        lake = Lake(Path(folder, "lake"))
        ingested = ingest([str(Path(folder, "logs"))], lake)
        invocations, lines = stored(lake, "invocations"), stored(lake, "events")
    assert {source.container for source in ingested.read} == {wrapping.container}
    assert [problem for source in ingested.read for problem in source.problems] == []
    # Every event of the logs is in the books, and all of them were understood.
    events = sum(len(one.stream.events) for one in wrote)
    assert sum(source.lines for source in ingested.read) == events
    assert sum(source.understood for source in ingested.read) == events
    assert [row["message"] for row in lines if row["kind"] == "unparsed"] == []
    wanted = zip(drawn, wrote, strict=True)
    same(invocations, [expected(life, row, gone) for life, one in wanted for row in one.invocations], gone)
    wanted = zip(drawn, wrote, strict=True)
    kept = [row for row in lines if row["kind"] in ("error", "warning", "fault", "timeout", "fields")]
    same(kept, [expected(life, row, gone) for life, one in wanted for row in one.lines], gone)


def brief(call: Call) -> Call:
    """What can be told by a REPORT of which the duration, the memory and one thing between them are left."""
    ending = "ok" if call.ending == "out of memory" else call.ending
    return call._replace(trace=None, ending=ending, init=None if ending == "timeout" else call.init)


def stored(lake: Lake, table: str) -> list[Row]:
    return [row for part in (lake.folder / table).glob("*.parquet") for row in pq.read_table(part).to_pylist()]


def same(came: list[Row], wanted: list[Row], gone: frozenset[Fact]) -> None:
    names = wanted[0].keys() if wanted else ()
    found = [as_written({name: row[name] for name in names}, gone) for row in came]
    # What differs says more than two long lists.
    first, second = (Counter(json.dumps(row, sort_keys=True) for row in some) for some in (found, wanted))
    assert (sorted(first - second), sorted(second - first)) == ([], [])


def as_written(row: Row, gone: frozenset[Fact]) -> Row:
    """A row of the lake in the words of the test."""
    if "stream" in gone and "environments" not in gone:
        # Where the file or the answer is the stream, the lake names it so.
        assert row["stream"]
        row["stream"] = None
    if "message" in row:
        row["message"] = comparable(row["message"], gone)
    if row.get("fields") is not None:
        row["fields"] = dict(row["fields"])
    for name in ("start_time", "end_time", "time"):
        if row.get(name) is not None:
            row[name] = (row[name] - EPOCH) // timedelta(microseconds=1)
    return row


@pytest.mark.parametrize("name", [container.name for container in containers()])
def test_a_container_lacks_what_some_way_of_writing_it_loses_and_nothing_else(name: str) -> None:
    (container,) = (one for one in containers() if one.name == name)
    assert container.lacks == frozenset().union(*(one.lost for one in WRAPPINGS.values() if one.container == name))
