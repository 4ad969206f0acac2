"""The containers in which log events reach people, written as AWS writes them."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Sequence

from lambda_lines import Event, Stream, iso

# A zstd block holds at most this much.
ZSTD_BLOCK = 1 << 17


def export(events: Sequence[Event]) -> bytes:
    """One object of an export task. A message that ends with a line feed, as most do, leaves an empty line behind it."""
    return "".join(f"{iso(event.time)} {event.message}\n" for event in events).encode()


def export_key(function: str, task: str, stream: str, part: str) -> str:
    return f"{function}/{task}/{stream.replace('/', '-')}/{part}"


def gzipped(content: bytes) -> bytes:
    """Without time and name; `gzip.compress` would write another header in another version of Python."""
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(content)
    return packed.getvalue()


def zstd(content: bytes) -> bytes:
    """A valid zstd frame of raw blocks, because the standard library packs none: magic, size, then each block."""
    blocks = [content[begin : begin + ZSTD_BLOCK] for begin in range(0, len(content), ZSTD_BLOCK)]
    frame = b"\x28\xb5\x2f\xfd" + b"\xa0" + len(content).to_bytes(4, "little")
    for number, block in enumerate(blocks, 1):
        last = number == len(blocks)
        frame += ((len(block) << 3) | last).to_bytes(3, "little") + block
    return frame


def filter_log_events(streams: Sequence[Stream]) -> bytes:
    """`aws logs filter-log-events`: the streams of a group woven into each other by time."""
    events = [
        {
            "logStreamName": stream.name,
            "timestamp": event.time,
            "message": event.message,
            "ingestionTime": _ingested(event),
            "eventId": event_id(stream, number, event),
        }
        for number, stream, event in _woven(streams)
    ]
    return _page({"events": events, "searchedLogStreams": []})


def get_log_events(stream: Stream, page: int) -> bytes:
    """`aws logs get-log-events`, called again until the end, each answer appended to the same file."""
    events = [
        {"timestamp": event.time, "message": event.message, "ingestionTime": _ingested(event)}
        for event in stream.events
    ]
    pages = [events[begin : begin + page] for begin in range(0, len(events), page)]
    numbered = [event_id(stream, number, event) for number, event in enumerate(stream.events)]
    return b"".join(
        _page(
            {
                "events": part,
                "nextForwardToken": f"f/{numbered[min((number + 1) * page, len(events)) - 1]}/s",
                "nextBackwardToken": f"b/{numbered[number * page]}/s",
            }
        )
        for number, part in enumerate(pages)
    )


def console_csv(streams: Sequence[Stream]) -> bytes:
    """The console's download from the view of a log group: the line feed of a message stands inside its quotes."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("timestamp", "message", "logStreamName"))
    writer.writerows((event.time, event.message, stream.name) for _, stream, event in _woven(streams))
    return table.getvalue().encode()


def searched(streams: Sequence[Stream]) -> bytes:
    """What `zgrep -h REPORT` prints of the exported files."""
    found = (
        line for stream in streams for line in export(stream.events).splitlines(keepends=True) if b"REPORT" in line
    )
    return b"".join(found)


def copied(text: bytes) -> bytes:
    """The same, copied out of a terminal: tabs became spaces up to the next eighth column, none are left at the end."""
    return b"".join(line.expandtabs(8).rstrip() + b"\n" for line in text.splitlines())


def _woven(streams: Sequence[Stream]) -> list[tuple[int, Stream, Event]]:
    """By time; what has the same time stays in the order of its stream."""
    events = [(number, stream, event) for stream in streams for number, event in enumerate(stream.events)]
    return sorted(events, key=lambda one: one[2].time)


def _ingested(event: Event) -> int:
    return event.time + 400 + event.time % 997


def event_id(stream: Stream, number: int, event: Event) -> str:
    """56 digits whose high bits are the time, as in the real ones."""
    rest = hashlib.sha256(f"{stream.name} {number}".encode()).digest()[:18]
    return str((event.time << 144) | int.from_bytes(rest, "big"))


def _page(page: dict[str, object]) -> bytes:
    return (json.dumps(page, indent=4, ensure_ascii=False) + "\n").encode()
