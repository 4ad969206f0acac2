"""What no log holds must not fill the memory: a line without an end, in whatever container."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from analyzer.lake import Lake
from tests.ingest.conftest import rows
from tests.logs import ID, OTHER_ID, STREAM, TASK, invocation

ENDLESS = 150 << 20
# What reading a small file takes is a good half of it.
MOST_MEMORY = 300 << 20
TIME = 1_773_735_125_000
LOG_STREAM = "2026/03/17/[$LATEST]4eeec71d18b1461580e35b89cb060777"
Write = Callable[[str], str]


def stamped(stamp: str) -> Write:
    return lambda message: f"{stamp}{message}\n"


def quoted(template: str) -> Write:
    """`template` with the message as a string of JSON, and an id of the event's own, in the places of their marks."""
    return lambda message: template.replace("<id>", f"{crc32(message.encode()):056d}").replace(
        "<message>", json.dumps(message)
    )


EVENT = f'{{"id": "<id>", "timestamp": {TIME}, "message": <message>}}'
OBJECT = (
    f'{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"/aws/lambda/checkout","logStream":"{LOG_STREAM}",'
    f'"subscriptionFilters":["all"],"logEvents":[{EVENT}]}}'
)
CONTAINERS: dict[str, tuple[str, Write, str]] = {
    "s3-export": ("", lambda message: f"2026-03-17T08:12:05.123Z {message}\n\n", ""),
    "pasted-text": ("", stamped(""), ""),
    "aws-logs-tail": ("", stamped(f"2026-03-17T08:12:05.123000+00:00 {LOG_STREAM} "), ""),
    "sam-logs": ("", stamped(f"{LOG_STREAM} 2026-03-17T08:12:05.123000 "), ""),
    "log-events-json": ('{"events": [', quoted(f'{{"timestamp": {TIME}, "message": <message>}},\n'), "]}"),
    "json-records": ("", quoted('{"@timestamp": "2026-03-17T08:12:05.123Z", "message": <message>}\n'), ""),
    "subscription": ("", quoted(OBJECT), ""),
    "console-csv": ("timestamp,message\n", lambda message: f'{TIME},"{message}"\n', ""),
    "csv-column": ("at,level,text\n", lambda message: f'2026-03-17 08:12:05.123,info,"{message}"\n', ""),
    "insights-table": ("| @timestamp | @message |\n|---|---|\n", stamped("| 2026-03-17 08:12:05.123 | "), ""),
}


def ends_row(container: str, line: str) -> str:
    return line.replace("\n", " |\n") if container == "insights-table" else line


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells peak memory as Linux does")
@pytest.mark.parametrize("container", CONTAINERS)
def test_a_line_of_150_megabytes_costs_itself_and_not_the_memory(container: str, tmp_path: Path) -> None:
    head, write, tail = CONTAINERS[container]
    before, after = (
        [ends_row(container, write(message)) for message in invocation("working", request_id=one, duration=duration)]
        for one, duration in ((ID, 1_250.0), (OTHER_ID, 940.5))
    )
    opening, closing = ends_row(container, write("MARK")).split("MARK")
    path = (
        tmp_path / "logs" / "checkout" / TASK / STREAM / "000000.gz" if container == "s3-export" else tmp_path / "log"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write((head + "".join(before) + opening).encode())
        for _ in range(ENDLESS >> 20):
            file.write(b"x" * (1 << 20))
        file.write((closing + "".join(after) + tail).encode())
    lake = tmp_path / "lake"
    # What getrusage tells begins with the memory of the process that started this one.
    code = (
        "import sys; from pathlib import Path; from analyzer.ingest import ingest; from analyzer.lake import Lake;"
        "(source,) = ingest([sys.argv[1]], Lake(Path(sys.argv[2]))).read; print(source.container);"
        "print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, path, lake], capture_output=True, text=True, check=True
    ).stdout.split()
    assert said[0] == container
    assert {row["request_id"] for row in rows(Lake(lake))} == {ID, OTHER_ID}
    assert int(said[1]) * 1024 < MOST_MEMORY
