"""The containers in which log events reach people, written as AWS writes them."""

from __future__ import annotations

import base64
import codecs
import csv
import gzip
import hashlib
import io
import json
from collections.abc import Sequence
from datetime import datetime

from lambda_lines import Event, Stream, iso, milliseconds

# A zstd block holds at most this much.
ZSTD_BLOCK = 1 << 17
# An answer of Invoke carries this much of the log.
LOG_RESULT = 4096
HOUR = 3_600_000


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


def sam_json(stream: Stream) -> bytes:
    """`sam logs --output json`: an event a line, as the API has it."""
    events = (
        {
            "logStreamName": stream.name,
            "timestamp": event.time,
            "message": event.message,
            "ingestionTime": _ingested(event),
            "eventId": event_id(stream, number, event),
        }
        for number, event in enumerate(stream.events)
    )
    return "".join(json.dumps(event) + "\n" for event in events).encode()


def powershell(streams: Sequence[Stream]) -> bytes:
    """Events that a script named as Logs Insights does, sent to a file with PowerShell's `>`: UTF-16 and its mark."""
    events = [
        {
            "@timestamp": iso(event.time).replace("T", " ").removesuffix("Z"),
            "@message": event.message,
            "@logStreamName": stream.name,
        }
        for _, stream, event in _woven(streams)
    ]
    page = json.dumps({"eventCount": len(events), "events": events}, indent=4)
    return codecs.BOM_UTF16_LE + (page + "\n").replace("\n", "\r\n").encode("utf-16-le")


def filter_log_events_text(streams: Sequence[Stream]) -> bytes:
    """`filter-log-events --output text`: the fields by their names, so that the time comes last."""
    rows = (
        f"EVENTS\t{event_id(stream, number, event)}\t{_ingested(event)}\t{stream.name}\t{event.message}\t{event.time}\n"
        for number, stream, event in _woven(streams)
    )
    names = "".join(f"SEARCHEDLOGSTREAMS\t{stream.name}\tTrue\n" for stream in streams)
    return ("".join(rows) + names).encode()


def get_log_events_text(stream: Stream) -> bytes:
    rows = "".join(f"EVENTS\t{_ingested(event)}\t{event.message}\t{event.time}\n" for event in stream.events)
    first, last = (event_id(stream, number, stream.events[number]) for number in (0, len(stream.events) - 1))
    return f"b/{first}/s\tf/{last}/s\n{rows}".encode()


def queried(stream: Stream, timed: bool) -> tuple[bytes, bytes]:
    """`--query 'events[].message'`, or `events[].[timestamp,message]` if `timed`, as JSON and as text."""
    if timed:
        rows = "".join(f"{event.time}\t{event.message}\n" for event in stream.events)
        values: list[object] = [[event.time, event.message] for event in stream.events]
    else:
        rows = "\t".join(event.message for event in stream.events) + "\n"
        values = [event.message for event in stream.events]
    return (json.dumps(values, indent=4) + "\n").encode(), rows.encode()


def queried_with_streams(streams: Sequence[Stream]) -> tuple[bytes, bytes]:
    """`--query 'events[].[timestamp,logStreamName,message]'` as JSON and as text."""
    values = [[event.time, stream.name, event.message] for _, stream, event in _woven(streams)]
    rows = "".join(f"{time}\t{name}\t{message}\n" for time, name, message in values)
    return (json.dumps(values, indent=4) + "\n").encode(), rows.encode()


def tail(streams: Sequence[Stream], style: str = "detailed", colours: bool = False) -> bytes:
    """`aws logs tail` in one of its formats. The end of every message is cut."""
    return "".join(
        _tailed(stream, event, style, colours).rstrip() + "\n" for _, stream, event in _woven(streams)
    ).encode()


def _tailed(stream: Stream, event: Event, style: str, colours: bool) -> str:
    time = iso(event.time).removesuffix("Z")
    if style == "short":
        return f"{_painted(time[:19], 32, colours)} {event.message}"
    message = event.message
    if style == "json":
        message = _indented(message, "\n") if message.startswith("{") else message
        time = f"{time.removesuffix('.000')}000" if "." in time.removesuffix(".000") else time.removesuffix(".000")
    else:
        time += "000"
    return f"{_painted(f'{time}+00:00', 32, colours)} {_painted(stream.name, 36, colours)} {message}"


def _indented(message: str, before: str = "", indent: int = 4) -> str:
    """As tools spread JSON over lines; what only looks like JSON stays as it is."""
    try:
        return before + json.dumps(json.loads(message), indent=indent)
    except ValueError:
        return message


def sam(streams: Sequence[Stream], colours: bool = False) -> bytes:
    """`sam logs`: JSON is indented, a line feed is added where there is none."""
    lines = []
    for _, stream, event in _woven(streams):
        whole, _, fraction = iso(event.time).removesuffix("Z").partition(".")
        time = whole if fraction == "000" else f"{whole}.{fraction}000"
        message = _indented(event.message, indent=2) if event.message.startswith("{") else event.message
        line = f"{_painted(stream.name, 36, colours)} {_painted(time, 33, colours)} {message}"
        lines.append(line if line.endswith("\n") else f"{line}\n")
    return "".join(lines).encode()


def awslogs(streams: Sequence[Stream], timed: bool, colours: bool, grouped: bool = True) -> bytes:
    """`awslogs get /aws/lambda/<function>`; `timed` as with --timestamp. Streams are padded to the longest.

    Not `grouped` as with --no-group.
    """
    width = max(len(stream.name) for stream in streams)
    lines = []
    for _, stream, event in _woven(streams):
        fields = [_painted(f"/aws/lambda/{stream.function}", 32, colours)] if grouped else []
        fields.append(_painted(stream.name.ljust(width), 36, colours))
        if timed:
            fields.append(_painted(iso(event.time), 33, colours))
        lines.append(" ".join([*fields, event.message.rstrip()]) + "\n")
    return "".join(lines).encode()


def saw(streams: Sequence[Stream], colours: bool) -> bytes:
    """`saw watch` somewhere an hour ahead of UTC: seconds, and JSON with its keys sorted."""
    lines = []
    for _, stream, event in _woven(streams):
        time = iso(event.time + HOUR)[:19] + "+01:00"
        message = event.message.rstrip("\n")
        if message.startswith("{"):
            message = _sorted(message)
        lines.append(f"[{_painted(time, 31, colours)}] ({_painted(stream.name, 37, colours)}) {message}\n")
    return "".join(lines).encode()


def _sorted(message: str) -> str:
    try:
        return json.dumps(json.loads(message), sort_keys=True)
    except ValueError:
        return message


def serverless(stream: Stream, version: int) -> bytes:
    """`serverless logs` of version 2, 3 or 4, somewhere an hour ahead of UTC."""
    return "".join(_serverless(event.message, version) + "\n" for event in stream.events).encode()


def _serverless(message: str, version: int) -> str:
    if version == 2:
        if message.startswith(("START", "END", "REPORT")):
            return _painted(f"{message}\n" if message.startswith("REPORT") else message, 90, True)
    elif message.startswith("REPORT"):
        fields = message.split("\t")
        if version == 4:
            return _painted(message.replace("RequestId:", "-").replace("\tDuration:", "\nDuration:"), 90, True)
        init = fields[5].partition(": ")[2]
        return _painted(
            f"END {fields[1]} {f'(init: {init}) ' if init else ''}{fields[4].removeprefix('Max ')}", 90, True
        )
    elif version == 3 and message.startswith("START"):
        return _painted("START", 90, True)
    elif version == 4 and message.startswith(("START", "END", "INIT_START")):
        return _painted(message.rstrip().replace("RequestId:", "-").replace("Version:", "- Version:", 1), 90, True)
    return _serverless_logged(message if version == 2 else message.rstrip(), version)


def _serverless_logged(message: str, version: int) -> str:
    time, _, rest = message.partition("\t")
    request_id, _, text = rest.partition("\t")
    if "T" not in time[:11] or not time.endswith("Z"):
        return message
    local = iso(milliseconds(datetime.fromisoformat(time)) + HOUR).replace("T", " ").removesuffix("Z")
    match version:
        case 2:
            return f"{_painted(f'{local} (+01:00)', 32, True)}\t{_painted(request_id, 33, True)}\t{text}"
        case 3:
            return f"{_painted(local, 90, True)}\t{text}"
        case _:
            return f"{_painted(f'{local} - {request_id} - ', 90, True)}\n{text}"


def log_tails(stream: Stream) -> list[bytes]:
    """The end of what each invocation logged, as much as an answer of the API carries."""
    tails, lines = list[bytes](), list[str]()
    for event in stream.events:
        lines.append(event.message if event.message.endswith("\n") else f"{event.message}\n")
        if event.message.startswith("REPORT"):
            tails.append("".join(lines).encode()[-LOG_RESULT:])
            lines = []
    return tails


def invoked(tails: Sequence[bytes]) -> bytes:
    """`aws lambda invoke --log-type Tail`, once for each, appended to one file."""
    return b"".join(
        _page({"StatusCode": 200, "LogResult": base64.b64encode(tail).decode(), "ExecutedVersion": "$LATEST"})
        for tail in tails
    )


def test_pane(tail: bytes, request_id: str) -> bytes:
    """What the console shows of a test, copied as a whole."""
    return (
        b"Status: Succeeded\nTest Event Name: (unsaved) test event\n\nResponse:\n"
        b'{\n  "statusCode": 200\n}\n\nFunction Logs:\n' + tail + f"\nRequest ID: {request_id}\n".encode()
    )


def console_csv_of_json(stream: Stream) -> bytes:
    """The download from the view of a stream of JSON: escapes of line feeds have become line feeds."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("timestamp", "message"))
    writer.writerows(
        (event.time, event.message.replace("\\n", "\n") if event.message.startswith("{") else event.message)
        for event in stream.events
    )
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


# What people put around a REPORT: the line as logged is {}, with its tabs written out {escaped}, with blanks {blank}.
SHAPES = (
    "{}",
    "> {blank}",
    "- `02:43:55`       {blank}",
    "16:36:11 {blank}",
    "[2026-03-17T08:12:05.123Z] {}",
    "2026-03-17T04:12:05.123-04:00\n{}",
    "1773735125123 {}",
    "exports/000000:12:2026-03-17T08:12:05.123Z {}",
    '    "{escaped}\\n",',
    '            "message": "{escaped}\\n",',
    "{wrapped}",
    "`{blank}`",
)


def around(reports: Sequence[str]) -> bytes:
    """A ticket in which each REPORT looks different. The last two are cut and made up, and no invocations."""
    lines = [
        shape.format(
            report,
            escaped=report.replace("\t", "\\t"),
            blank=report.replace("\t", "  "),
            wrapped=report.replace("\t", "\n"),
        )
        for shape, report in zip(SHAPES, reports, strict=True)
    ]
    cut, made_up = (
        reports[0].partition("Max Memory Used: ")[0] + "Max Memory Used: 1",
        "REPORT RequestId: abc Memory: 2 GB",
    )
    return "\n".join([*lines, cut, made_up, ""]).encode()


def _painted(text: str, colour: int, colours: bool) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if colours else text


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
