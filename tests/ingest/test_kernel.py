"""The kernel reads S3 exports to exactly the rows that the line-by-line path gives, whatever stands in them."""

from __future__ import annotations

import gzip
import json
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analyzer.ingest import attempts, exports, kernel, segments, workers
from analyzer.ingest.containers import s3_export
from analyzer.ingest.read import ingest
from analyzer.ingest.sources import find
from analyzer.lake import TABLES, Lake
from tests.logs import ID, OTHER_ID, STREAM, TASK, export, invocation

Parts = list[bytes]
Tables = dict[str, list[str]]

IDS = [
    ID,
    OTHER_ID,
    "0" * 36,
    "not-a-uuid",
    *(f"{number:08x}-0000-4000-8000-{number * 7919:012x}" for number in range(40)),
]
TRACE = "\nXRAY TraceId: 1-6ac7c67c-4fb697db28b006524e491c37\tSegmentId: 4a861782660d0257"
RUNTIME = (
    "INIT_START Runtime Version: python:3.12.v89\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:" + "0" * 64
)
# What an application, its runtime or the platform may say inside an invocation. @ is the request, # the time, % another request.
LINES = [
    "working",
    "",
    "[INFO]\t#\t@\tall is well",
    "[INFO]\t#\t@\tbatch done records=120 bytes=3.5",
    "[INFO]\t#\t%\tof another request n=1",
    "[INFO]\t#\t@\tn=1, m=2.50; a.b=3) total_time=4 Thread_Id=5 pid=6 x=7%",
    "[INFO]\t#\t@\tnothing: 9n=1 -n=2 n=3ms n=4. n=5:6 n=7/8 n=9-1 .n=1 n=1.2.3 n= 5 n==5 =5",
    "[INFO]\t#\t@\ttwice n=1 n=2",
    "[INFO]\t#\t@\tdigits n=123456789012345 m=1234567890123456 o=12345678.12345678 p=0.1234567891 q=000.1",
    "[INFO]\t#\t@\t" + " ".join(f"n{number}={number}" for number in range(16)),
    "[INFO]\t#\t@\t" + " ".join(f"n{number}={number}" for number in range(17)),
    "[INFO]\t#\t@\tn=1 " + "x" * 1000 + " m=2",
    "[INFO]\t#\t@\tn=1 " + "x" * 5000 + " m=2",
    "[INFO]\t#\t@\t" + "n" * 64 + "=1 " + "m" * 65 + "=2",
    "[INFO]\t#\t@\tbefore\nn=1\tm=2\x1c \x0b",
    "[INFO]\t#\t@\tgr\u00f6\u00dfe=5 n=1",
    "[INFO]\t#\t@\tn=\u0665",
    "[INFO]\t#\t@ n=1",
    "[INFO]\t#Z\t@\tn=1",
    "[DEBUG]\t#\t@\tn=1",
    "[TRACE]\t#\t@\tn=1",
    "records=120 and more",
    "=> n=4",
    "XRAY TraceId: n=5",
    "x n=5 LAMBDA_WARNING: advice",
    "xZ @ LAMBDA_WARNING: n=5",
    "fatal error: n=5",
    "[DEBUG]\t#\t@\tdetail",
    "[DEBUG] detail",
    "[WARNING]\t#\t@\tslow",
    "[WARNING]\t#\t@\tslow n=1",
    "[WARNING]\t#\t@\t",
    "[WARNING]\t#\t@\tna\u00efve",
    "[WARNING]\t#\t%\tof another request",
    "[WARNING]\t#\t@\tjava.lang.IllegalStateException\n\tat example.Handler.handle",
    "[WARNING]\t#\t@\tRequestId: @ Error: Task timed out after 3.00 seconds",
    "[WARNING]\t#\t@\t" + '{"message":"inside","n":5}',
    "[ERROR]\t#\t@\tretrying",
    "[ERROR]\t#\t%\tof another request",
    "[INFO] Error: x\nTraceback (most recent call last):\n  File",
    "[INFO]\tTraceback (most recent call last)",
    "[ERROR] KeyError: 's3'\nTraceback (most recent call last):\n\u00a0\u00a0File 'app.py', line 30, in handler",
    "[CUSTOM]\t#\t%\tjava.lang.OutOfMemoryError",
    "[Info] x=1",
    "[warn] careful",
    "#\t@\tINFO\tall is well",
    "#\t@\tINFO\tcount=5",
    "#\t@\tDEBUG\tcount=5",
    "#\t@\tdbug\tcount=5",
    "#\t@\tNOTICE\tcount=5",
    "#\t@\tcount=5",
    "#\t%\tINFO\tof another request count=5",
    "#\tundefined\tINFO\twhile loading count=5",
    "#\t@\tERROR\tbroken",
    "#\t@\tWARN\tcareful",
    "#\t@\twarn: Shop[0]\n      careful",
    "#\t%\tINFO\tof another request",
    "#\t%\tERROR\tof another request",
    "#\tundefined\tERROR\twhile loading",
    '#\t@\tERROR\tInvoke Error \t{"errorType":"TypeError","errorMessage":"x","stack":[]}',
    "#\t@\tfail\tSystem.Exception: One\n   at Shop.F()",
    "# @ Task timed out after 3.00 seconds",
    "# % Task timed out after 3.00 seconds",
    "x @ Task timed out after 3.00 seconds",
    "2026/03/17 08:00:01 started",
    '2026/03/17 08:00:01 {"errorMessage":"no","errorType":"errorString"}',
    "2026 was a year",
    "15 of 15",
    "null: java.lang.NullPointerException\njava.lang.NullPointerException\n\tat example.Handler.handle",
    "\tat example.Handler.handle",
    "Error raised from handler method",
    '  "errorType": "Function<ArgumentError>",',
    '{"level":"INFO","message":"fine","requestId":"@","items":3}',
    '{"level": "DEBUG", "message": "spaces", "items": 3.25, "pid": 7, "cold_start": true, "parent": null}',
    '{"level":"WARNING","message":"slow","requestId":"@","items":3}',
    '{"level":"INFO","message":"fine","requestId":"%","items":3}',
    '{"level":"INFO","message":"fine","requestId":"","request_id":7}',
    '{"level":"INFO","message":"done n=5 m=6"}',
    '{"level":"INFO","message":"done\\tn=5"}',
    '{"level":"INFO","message":"done n=5","items":1}',
    '{"level":"INFO","message":"\\u2705 done","items":1}',
    '{"level":"INFO","message":"\\ud83d\\ude00 done","items":1}',
    '{"level":"INFO","message":"\\ud83d done","items":1}',
    '{"level":"INFO","message":"\\u004cAMBDA_WARNING: advice","items":1}',
    '{"level":"INFO","message":"LAMBDA\\u005fWARNING: advice","items":1}',
    '{"level":"INFO","message":"tab\tinside","items":1}',
    '{"level":"INFO","severity":"ERROR","items":1}',
    '{"level":30,"msg":"pino","items":1}',
    '{"msg":"pino","items":1,"level":30}',
    '{"level":30.0,"msg":"pino","items":1}',
    '{"level":50,"msg":"pino","items":1}',
    '{"level":null,"msg":"none","severity":"ERROR","items":1}',
    '{"severity":30,"items":1}',
    '{"log_level":"INFO","items":1}',
    '{"message":7,"items":1}',
    '{"items":1,"items":2}',
    '{"items":1,"items":"two"}',
    '{"items":-1,"zero":-0,"nought":-0.0,"large":123456789012345678,"small":0.1234567890123456,"exponent":1e3}',
    '{"items":-1,"large":123456789012345,"small":0.12345678901234}',
    '{"items":01}',
    '{"items":1.}',
    '{"items":1}}',
    '{"items":1} x',
    '{"items":1,}',
    '{"":1,"a b":2,"a\\nb":3}',
    '{"":1,"a b":2}',
    '{"type":"platform.start","record":3}',
    '{"type":"\\u0070latform.start","items":3}',
    '{"type":"order","items":3}',
    '{"type":5,"items":3}',
    '{"event_type":"performance","function_name":"other","cpu_total_time":3}',
    '{"exception_name":"KeyError","level":"WARNING"}',
    '{"error.type":"KeyError","items":1}',
    '{"error":{"type":"KeyError"},"level":"WARNING"}',
    '{"e":1,"m":"orders","t":"x","v":3}',
    '{"e":1,"m":"orders","t":"x","n":3}',
    '{"fields":{"items":5},"level":"INFO"}',
    '{"_aws":{"Timestamp":1},"items":5}',
    '{"mdc":{"requestId":"%"},"items":5}',
    '{"message":{"items":5}}',
    "{" + ",".join(f'"n{number}":{number}' for number in range(16)) + "}",
    "{" + ",".join(f'"n{number}":{number}' for number in range(17)) + "}",
    "{" + ",".join(f'"n{number}":"x"' for number in range(40)) + "}",
    "{}",
    '{"a":[1]}',
    '{"gr\u00f6\u00dfe":5}',
    '{"level":"ERROR","message":"bad"}',
    '{"errorMessage":"x","errorType":"y"}',
    '{"time":"2026-03-17T08:00:01.000Z","type":"platform.start","record":{"requestId":"@","version":"7"}}',
    '{"time":"2026-03-17T08:00:01.000Z","type":"platform.nonsense","record":3}',
    "{",
    "RequestId: @ Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
    "RequestId: % Error: Runtime exited with error: exit status 1\nRuntime.ExitError",
    "RequestId: @ Process exited before completing request",
    "INIT_REPORT Init Duration: 206.72 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError",
    "INIT_REPORT nonsense",
    "RESTORE_START Runtime Version: java:17.v9\tRuntime Version ARN: arn:x",
    "RESTORE_REPORT Restore Duration: 244.38 ms",
    "EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]",
    "LOGS\tName: agent\tState: Subscribed\tTypes: [Platform]",
    "LAMBDA_WARNING: Unhandled exception. x=1",
    "said REPORT RequestId: @\tDuration: 1.00 ms",
    "quoting\nREPORT RequestId: @\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB",
    "quoting\n#Z START RequestId: %",
    "# inside",
    "first\n# START RequestId: % Version: $LATEST\n",
    "first\n#\t@\tINFO\tsecond",
    "START",
    "START @",
    "STARTING",
    "END of the batch",
    "REPORT of the batch",
    "ENDING",
    "RESULT: 5",
    "IMAGE\tLaunch error: x",
    "Request @ received",
    "SEVERE: out of stock",
    "note: all is well",
    "ERROR:shop.prices:no price",
    "E, [2026-03-17T08:00:00.190400 #8] ERROR @ -- : no price",
    "2026-03-17 08:00:00,123 ERROR no price",
    "08:00:01.123 WARN no price",
    "@ ERROR no price",
    "% [main] WARN no price",
    "level=error msg=broken",
    "time=2026-03-17T08:00:00Z level=WARN msg=broken n=5",
    "2026/03/17 08:00:01 ERROR no price",
    "[INFO]\t#\t@\t" + '{"level":"ERROR","message":"inside","n":5}',
    "#\t@\tINFO\t" + '{"records":5}',
    "#\t@\tINFO\t" + '{"level":"warn","records":5}',
    "#\t@\tWARN\t" + '{"level":"info","records":5}',
    "#\t@\tINFO\t" + '{"records":5} n=3',
    "#\t@\tINFO\t" + '{ "records":5}',
    "[INFO]\t#\t@\t" + '{"message":"inside","n":5}',
    "#\t@\tSEVERE\tno price",
    "panic: no price",
    "XRAY TraceId: 1-6ac7c67c-4fb697db28b006524e491c37",
    "LAMBDA_WARNING: advice",
    "[WARNING] #Z @ LAMBDA_WARNING: advice",
    "carriage\rreturn\r",
    "blank lines\n\n\nin between",
    "\u00a0indented",
    "\u0663=\u0663 a=\u0663",
    "\u2705 done n=4",
    "MemoryError",
    "x" * 700,
    "2026-02-30T08:00:01.000Z no such day",
    "2026-13-01T08:00:01.000Z START RequestId: @",
    RUNTIME,
    "START RequestId: @ Version: $LATEST",
    "START RequestId: % Version: $LATEST",
    "END RequestId: @",
    "END RequestId: %",
]  # fmt: skip
SIZES = "\tMemory Size: 512 MB\tMax Memory Used: 90 MB"
REPORTS = [
    f"\tDuration: 2.46 ms\tBilled Duration: 3 ms{SIZES}\t",
    f"\tDuration: 92394.25 ms\tBilled Duration: 92395 ms{SIZES}\t{TRACE}\tSampled: true\t",
    f"\tDuration: 900000.00 ms\tBilled Duration: 900000 ms{SIZES}\tInit Duration: 413.61 ms\t{TRACE}\t",
    f"\tDuration: 12345678.25 ms\tBilled Duration: 12345679 ms{SIZES}\t",
    f"\tDuration: 0.07 ms\tBilled Duration: 1 ms{SIZES}\tInit Duration: 9.00 ms\t",
    f"\tDuration: 3000.00 ms\tBilled Duration: 3000 ms{SIZES}\tStatus: timeout",
    f"\tDuration: 30.10 ms\tBilled Duration: 31 ms{SIZES}\tStatus: error\tError Type: Runtime.OutOfMemory",
    f"\tDuration: 30.10 ms\tBilled Duration: 31 ms{SIZES}\tRestore Duration: 3.1 ms\tBilled Restore Duration: 1 ms\t",
    f"\tDuration: 0.73 ms\tBilled Duration: 100 ms {SIZES}",
    f"\tDuration: 7 ms\tBilled Duration: 7 ms{SIZES}\t",
    f"\tDuration: 7.5 ms\tBilled Duration: 7 ms{SIZES}",
    "\tDuration: 7.50 ms\t",
    "\tDuration: x ms\t",
    f"\tDuration: 7.50 ms\tBilled Duration: 8 ms{SIZES}\t\nsomething else",
    f"\tDuration: 7.50 ms\tBilled Duration: 8 ms{SIZES}\t{TRACE}\tSampled: true\t\nPhase: x",
]  # fmt: skip
VERSIONS = ["$LATEST", "$LATEST", "$LATEST", "7", "12 34"]
BYTES = [b"\n", b" ", b"\t", b"\r", b"Z", b"=", b"9", b"-", b"\xff", b"\xc2\xa0", b"S", b"\n2026-03-17T08:00:00.000Z "]


class Stream:
    """Writes down a stream as its random numbers say, with `wildness` of 0 for one in which nothing ever happens."""

    def __init__(self, seed: int, wildness: float) -> None:
        self.random = random.Random(seed)
        self.wildness = wildness
        self.time = 0

    def wild(self, factor: float = 1.0) -> bool:
        return self.random.random() < self.wildness * factor

    def stamp(self) -> str:
        self.time += self.random.choice((0, 0, 1, 17, 1_000, 59_999, 86_400_000) if self.wild() else (0, 1, 900))
        if self.wild(0.2):
            self.time = max(0, self.time - 5_000)
        days, rest = divmod(self.time, 86_400_000)
        return (
            f"2026-03-{17 + days % 14:02d}T{rest // 3_600_000:02d}:{rest // 60_000 % 60:02d}"
            f":{rest // 1000 % 60:02d}.{rest % 1000:03d}Z"
        )

    def event(self, text: str, request: str) -> str:
        time = self.stamp()
        time_inside = self.stamp() if self.wild() else time
        text = text.replace("@", request).replace("#", time_inside).replace("%", self.random.choice(IDS))
        return f"{time} {text}\n" + ("\n" if not self.wild(0.05) else "")

    def invocation(self) -> list[str]:
        pick = self.random.choice
        request = pick(IDS) if self.wild() else str(pick(IDS[4:]))
        version = pick(VERSIONS) if self.wild(0.3) else "$LATEST"
        texts = [f"START RequestId: {request} Version: {version}"]
        for _ in range(self.random.randrange(4)):
            texts.append(pick(LINES) if self.wild(2) else pick(LINES[:4]))
        texts.append(f"END RequestId: {request}")
        texts.append(
            f"REPORT RequestId: {request}" + (pick(REPORTS) if self.wild() else REPORTS[self.random.randrange(3)])
        )
        if self.wild(0.5):
            texts.append(pick(LINES))
        if self.wild(0.3):
            del texts[self.random.randrange(len(texts))]
        if self.wild(0.3):
            texts.insert(self.random.randrange(len(texts)), pick(texts))
        if self.wild(0.3):
            self.random.shuffle(texts)
        return [self.event(text, request) for text in texts]

    def content(self, invocations: int) -> bytes:
        events = [self.event(RUNTIME, ID)] if self.random.random() < 0.5 else []
        for _ in range(invocations):
            events += self.invocation()
        content = "".join(events).encode()
        while self.wild(0.5) and content:
            place = self.random.randrange(len(content))
            kind = self.random.randrange(4)
            if kind == 0:
                content = content[:place] + self.random.choice(BYTES) + content[place + 1 :]
            elif kind == 1:
                content = content[:place] + self.random.choice(BYTES) + content[place:]
            elif kind == 2:
                content = content[:place] + content[place + self.random.randrange(60) :]
            else:
                content = (
                    content[:place] + bytes([content[place] ^ 1 << self.random.randrange(8)]) + content[place + 1 :]
                )
        return content


@contextmanager
def small(step: int, fewest: int = 1, generation: int = 8) -> Iterator[None]:
    """A buffer of a few kilobytes, so that its borders fall anywhere. As always, half of it holds the longest event."""
    longest = min(s3_export.LONGEST_EVENT, 2 * step)
    with ExitStack() as stack:
        stack.enter_context(patch.object(exports, "STEP", step))
        for module in (s3_export, kernel, exports):
            stack.enter_context(patch.object(module, "LONGEST_EVENT", longest))
        stack.enter_context(patch.object(segments, "FEWEST", fewest))
        stack.enter_context(patch.object(attempts, "GENERATION", generation))
        yield


def tables(folder: Path, buffer: int) -> Tables:
    """Every row of every table as text, sorted: nan is not equal to itself, and the order of rows means nothing."""
    lake = Lake(folder / f"lake-{buffer}")
    ingest([str(folder / "logs")], lake, buffer=buffer)
    return stored(lake)


def stored(lake: Lake) -> Tables:
    return {
        table: sorted(
            repr(row)
            for part in sorted((lake.folder / table).glob("*.parquet"))
            for row in pq.read_table(part).to_pylist()
        )
        for table in TABLES
    }


def both(streams: list[Parts], step: int = 512) -> Tables:
    """The rows of some streams, after making sure that both paths give the same."""
    with tempfile.TemporaryDirectory() as name, small(step):
        folder = Path(name)
        for number, parts in enumerate(streams):
            for part, content in enumerate(parts):
                path = folder / "logs" / "checkout" / TASK / f"{STREAM}{number}" / f"{part:06d}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        fast, plain = tables(folder, 4 * step), tables(folder, 0)
    for table in TABLES:
        # What differs says more than two long lists.
        assert sorted(set(fast[table]) ^ set(plain[table])) == []
        assert fast[table] == plain[table]
    return fast


@st.composite
def streams(draw: Callable[[st.SearchStrategy[Any]], Any]) -> list[Parts]:
    result: list[Parts] = []
    for _ in range(draw(st.integers(1, 3))):
        stream = Stream(draw(st.integers(0, 2**32)), draw(st.sampled_from([0.0, 0.02, 0.1, 0.4])))
        content = stream.content(draw(st.integers(1, 30)))
        cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=2)))
        parts = [content[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
        if draw(st.booleans()):
            parts = [gzip.compress(part, 1) for part in parts]
            if draw(st.integers(0, 4)) == 0:
                parts[-1] = parts[-1][: draw(st.integers(0, len(parts[-1])))]
        result.append(parts)
    return result


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(streams(), st.sampled_from([300, 512, 2_000, 1 << 18]))
def test_both_paths_give_the_same_rows(logs: list[Parts], step: int) -> None:
    both(logs, step)


@pytest.mark.parametrize("line", LINES)
def test_a_line_inside_an_invocation_means_the_same_to_both_paths(line: str) -> None:
    stream = Stream(1, 0.0)
    texts = [*invocation(line), *invocation("working", request_id=IDS[5]), *invocation(request_id=IDS[6]), line]
    before = [text for number in range(4) for text in invocation("working", request_id=IDS[10 + number])]
    content = "".join(stream.event(text, ID) for text in [*before, *texts, *before])
    both([[content.encode()]])


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(st.text("ab_LTv.-=0159:/ ,;\t\n", max_size=40), min_size=1, max_size=12),
    st.sampled_from(["[INFO]\t#\t@\t", "#\t@\tINFO\t", "x "]),
)
def test_both_paths_find_the_same_numbers_in_a_line(texts: list[str], prefix: str) -> None:
    stream = Stream(1, 0.0)
    both([["".join(stream.event(one, ID) for text in texts for one in invocation(prefix + text)).encode()]], 1 << 18)


JSON_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**17), 10**17),
    st.floats(allow_nan=False),
    st.text('INFO=5 n"\\\u2705', max_size=8),
)
KEYS = st.sampled_from(
    ["level", "message", "msg", "requestId", "type", "severity", "n", "n_1", "pid", "error", "fields", "e"]
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.dictionaries(KEYS, JSON_VALUES | st.dictionaries(KEYS, JSON_VALUES, max_size=2)), min_size=1, max_size=12
    ),
    st.sampled_from(["[INFO]\t#\t@\t", "#\t@\tWARN\t", ""]),
    st.sampled_from([(",", ":"), (", ", ": ")]),
    st.booleans(),
)
def test_both_paths_read_the_same_in_a_record(
    records: list[dict[str, Any]], prefix: str, separators: tuple[str, str], ascii_only: bool
) -> None:
    stream = Stream(1, 0.0)
    texts = [prefix + json.dumps(one, separators=separators, ensure_ascii=ascii_only) for one in records]
    both([["".join(stream.event(one, ID) for text in texts for one in invocation(text)).encode()]], 1 << 18)


@pytest.mark.parametrize("fields", REPORTS)
def test_a_shape_of_report_means_the_same_to_both_paths(fields: str) -> None:
    stream = Stream(1, 0.0)
    texts = [f"START RequestId: {ID} Version: $LATEST", f"END RequestId: {ID}", f"REPORT RequestId: {ID}{fields}"]
    both([["".join(stream.event(text, ID) for text in texts * 4).encode()]])


def of(*ids_and_lines: str) -> bytes:
    """A plain invocation for each id, with lines in between written as they are."""
    stream = Stream(1, 0.0)
    texts = [
        text for one in ids_and_lines for text in (invocation("working", request_id=one) if one in IDS else (one,))
    ]
    return "".join(stream.event(text, ID) for text in texts).encode()


def test_a_start_of_an_invocation_without_report_gives_it_out_before_the_one_that_was_served_last() -> None:
    both([[of(IDS[4], f"START RequestId: {ID} Version: $LATEST", IDS[5], IDS[6], IDS[7], ID, IDS[8], IDS[9])]], 1 << 18)


@pytest.mark.parametrize("seen", range(44, 80, 4))
def test_a_start_that_stands_half_in_the_buffer_may_be_of_an_invocation_without_report(seen: int) -> None:
    unreported = f"START RequestId: {ID} Version: $LATEST"
    before = of(RUNTIME, IDS[4], unreported, IDS[5], IDS[6], IDS[7])
    both([[before + of(ID, IDS[8], IDS[9])]], (len(before) + seen) // 4)


def test_what_only_looks_like_a_start_does_not_end_the_invocation_before_it() -> None:
    unreported = f"START RequestId: {ID} Version: $LATEST"
    late = f"REPORT RequestId: {ID}{REPORTS[0]}"
    both([[of(IDS[4], unreported, IDS[5], IDS[6], "START RequestId9: x", late, IDS[7], IDS[8])]], 1 << 18)


@pytest.mark.parametrize("between", [0, 3, 6, 9, 14, 20])
def test_attempts_are_counted_over_the_same_invocations_on_both_paths(between: int) -> None:
    ids = [ID, *IDS[5 : 5 + between], ID, *IDS[5 : 5 + between], "working", ID, IDS[6], IDS[7]]
    rows = both([[of(*ids)]], 1 << 18)["invocations"]
    last = max((row for row in rows if ID in row), key=lambda row: int(row.rpartition("'position': ")[2][:-1]))
    # Eight starts make a generation here, and the one before it is remembered too.
    assert ("'attempt': 3" in last) == (between < 14)


def test_an_event_that_is_too_long_is_cut_alike() -> None:
    with ExitStack() as stack:
        for module in (s3_export, kernel, exports):
            stack.enter_context(patch.object(module, "LONGEST_EVENT", 300))
        for size in (299, 300, 301, 5_000):
            rows = both([[of(IDS[4], IDS[5], "x" * size, IDS[6], *invocation("y" * size + " n=1"), IDS[7], IDS[8])]])
            assert ("is longer than" in rows["sources"][0]) == (size > 290)


@pytest.mark.parametrize("step", [300, 2_000, 1 << 18])
def test_half_a_line_at_the_end_of_a_damaged_file_is_left_out_unless_it_is_longer_than_an_event(step: int) -> None:
    before = of(*IDS[4:60])
    line = before + of("").rstrip(b"\n") + random.Random(1).randbytes(400_000).hex().encode()
    packed = gzip.compress(line, 1)
    kept = set()
    for unpacked in (3_000, 20_000, 300_000, 560_000, 790_000):
        rows = both([[packed[: len(packed) * unpacked // len(line)]]], step)
        assert "breaks off" in rows["sources"][0]
        kept.add("is longer than" in rows["sources"][0])
    assert kept == {False, True}


def test_text_in_front_of_the_first_event_of_an_export_is_kept_with_its_place() -> None:
    # It is told from an event by a day that there is not.
    stray = f"2026-02-30T08:00:00.000Z {'x' * 5_000}\n \nmore\n".encode()
    for step in (300, 1 << 18):
        rows = both([[stray + of(IDS[4], IDS[5], IDS[6], IDS[7])]], step)
        assert len([row for row in rows["events"] if "'kind': 'unparsed'" in row]) == 2


def test_plain_invocations_do_not_go_line_by_line() -> None:
    content = export(*(line for number in range(20) for line in invocation("working", request_id=IDS[number + 4])))
    with patch.object(segments.grammars, "parse", side_effect=segments.grammars.parse) as parse:
        run_alone(content.encode())
    assert parse.call_count < 10


@pytest.mark.parametrize(
    "line",
    [
        "[INFO]\t#\t@\tn=1",
        "[WARNING]\t#\t@\tslow",
        "#\t@\tinfo\tn=1",
        "#\t@\tWARN\tslow",
        "n=1",
        "took n=3ms",
        '{"level":"INFO","requestId":"@","items":3}',
    ],
)
def test_invocations_with_usual_lines_do_not_go_line_by_line(line: str) -> None:
    stream = Stream(1, 0.0)
    content = "".join(stream.event(text, ID) for _ in range(20) for text in invocation(line))
    with patch.object(segments.grammars, "parse", side_effect=segments.grammars.parse) as parse:
        run_alone(content.encode())
    assert parse.call_count < 10


def run_alone(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "logs"
        path.write_bytes(content)
        ingest([str(path)], Lake(Path(name) / "lake"))


def wait_for_a_commit(lake: Lake) -> None:
    """Leaves the other process the time to read something as well."""
    until = monotonic() + 60
    while not lake.commits() and monotonic() < until:
        sleep(0.01)


def test_the_rows_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / "logs" / "checkout" / TASK / f"{STREAM}{number}" / "000000"
        path.parent.mkdir(parents=True)
        # Two of them are one and the same file.
        path.write_bytes(Stream(max(1, number), 0.1).content(20))
    lakes = [Lake(tmp_path / "one"), Lake(tmp_path / "two")]
    with patch.object(workers, "WORTHWHILE", 0):
        one = ingest([str(tmp_path / "logs")], lakes[0])
        # Line by line, so that something is heard of each file before the next is asked for.
        two = ingest(
            [str(tmp_path / "logs")], lakes[1], processes=2, buffer=0, progress=lambda _: wait_for_a_commit(lakes[1])
        )
    assert one == two
    assert len(one.already_there) == 1
    assert stored(lakes[0]) == stored(lakes[1])
    assert len(lakes[1].commits()) == 2


def test_only_what_may_be_one_file_twice_is_left_to_one_process(tmp_path: Path) -> None:
    for name, text in {"a": "first\n", "b": "first\n", "c": "other\n", "d": "a longer one\n", "e": ""}.items():
        (tmp_path / name).write_text(text)
    dealt = workers.hands(list(find([str(tmp_path)])))
    assert [[file.path.name for group in hand for file in group] for hand in dealt] == [["d"], ["a", "b"], ["c"], ["e"]]
