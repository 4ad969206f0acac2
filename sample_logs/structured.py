"""Containers that hold log events as data: what services, searches and log shippers write."""

from __future__ import annotations

import base64
import csv
import io
import json
import zlib
from collections.abc import Callable, Iterable, Sequence

from lambda_lines import Event, Stream, iso
from wrappings import event_id

ACCOUNT = "123456789012"
Row = dict[str, object]


def group(stream: Stream) -> str:
    return f"/aws/lambda/{stream.function}"


# ── CloudWatch Logs Insights ─────────────────────────────────────────────────────────────────────────────────────────


FIELDS = ("@timestamp", "@message", "@logStream", "@log")


def insights_rows(stream: Stream, fields: Sequence[str] = FIELDS) -> list[Row]:
    """What a query for these fields gives, as by default the newest first."""
    rows = (
        {
            "@timestamp": _insights_time(event),
            "@message": event.message,
            "@logStream": stream.name,
            "@log": f"{ACCOUNT}:{group(stream)}",
        }
        for event in reversed(stream.events)
    )
    return [{name: row[name] for name in fields} for row in rows]


def _insights_time(event: Event) -> str:
    return iso(event.time).replace("T", " ").removesuffix("Z")


def insights_api(stream: Stream, page: int, fields: Sequence[str] = FIELDS) -> bytes:
    """`aws logs get-query-results`, again until there is no token, each answer appended to the same file."""
    rows = [
        [{"field": name, "value": value} for name, value in (row | {"@ptr": f"pointer-{number}"}).items()]
        for number, row in enumerate(insights_rows(stream, fields))
    ]
    return b"".join(
        _indented(
            {
                "results": rows[begin : begin + page],
                "statistics": {"recordsMatched": float(len(rows)), "bytesScanned": 4096.0},
                "status": "Complete",
            },
            4,
        )
        for begin in range(0, len(rows), page)
    )


def insights_console(stream: Stream) -> bytes:
    """The console's download: an object a row, in which a message that is JSON is no text any more."""
    rows = [row | {"@message": _parsed(str(row["@message"]))} for row in insights_rows(stream)]
    return _indented(rows, 2)


def _parsed(message: str) -> object:
    try:
        return json.loads(message) if message.startswith("{") else message
    except ValueError:
        return message


def insights_fields(stream: Stream) -> bytes:
    """A query for the fields of REPORT lines instead of the lines; memory is in bytes of which a million make a megabyte."""
    rows = []
    for event in reversed(stream.events):
        if not event.message.startswith("REPORT "):
            continue
        fields = dict(part.split(": ", 1) for part in event.message.split("\t") if ": " in part)
        row = {
            "@timestamp": _insights_time(event),
            "@type": "REPORT",
            "@requestId": fields["REPORT RequestId"],
            "@duration": fields["Duration"].removesuffix(" ms"),
            "@billedDuration": fields["Billed Duration"].removesuffix(" ms") + ".0",
            "@memorySize": f"{int(fields['Memory Size'].removesuffix(' MB')) / 100}E8",
            "@maxMemoryUsed": f"{int(fields['Max Memory Used'].removesuffix(' MB')) / 10}E7",
            "@log": f"{ACCOUNT}:{group(stream)}",
        }
        if "Init Duration" in fields:
            row["@initDuration"] = fields["Init Duration"].removesuffix(" ms")
        rows.append([{"field": name, "value": value} for name, value in row.items()])
    return _indented({"results": rows, "statistics": {}, "status": "Complete"}, 4)


def insights_csv(stream: Stream, fields: Sequence[str] = FIELDS) -> bytes:
    return _table(insights_rows(stream, fields))


def insights_markdown(stream: Stream) -> bytes:
    """What the console's "Copy" gives: what was asked, and a table."""
    rows = insights_rows(stream)
    lines = [
        "**CloudWatch Logs Insights**    ",
        "region: us-east-1    ",
        f"log-group-names: {group(stream)}    ",
        "start-time: -3600s    ",
        "end-time: 0s    ",
        "query-string:",
        "  ```",
        "  fields @timestamp, @message, @logStream, @log",
        "| sort @timestamp desc",
        "  ```",
        "---",
        f"| {' | '.join(rows[0])} |",
        f"|{' --- |' * len(rows[0])}",
        *(f"| {' | '.join(str(cell).rstrip() for cell in row.values())} |" for row in rows),
    ]
    return ("\n".join(lines) + "\n---\n").encode()


def viewer_table(stream: Stream) -> bytes:
    """Columns between bars, as the log viewer copies a stream: tabs become spaces, the rows stay in order."""
    cells = [(str(event.time), " ".join(event.message.split())) for event in stream.events]
    width = max(len(message) for _, message in cells)
    edge = "-" * (width + 20)
    lines = [edge, f"|   timestamp   | {'message'.center(width)} |", f"|---------------|{'-' * (width + 2)}|"]
    lines += [f"| {time} | {message.ljust(width)} |" for time, message in cells]
    return ("\n".join([*lines, edge]) + "\n").encode()


# ── subscriptions ────────────────────────────────────────────────────────────────────────────────────────────────────


def envelopes(stream: Stream, most: int) -> list[bytes]:
    """What a subscriber gets: once a message that only tries the way, then a few events at a time."""
    events = [
        {"id": event_id(stream, number, event), "timestamp": event.time, "message": event.message}
        for number, event in enumerate(stream.events)
    ]
    control = {
        "id": "",
        "timestamp": stream.events[0].time,
        "message": "CWL CONTROL MESSAGE: Checking health of destination.",
    }
    about = {"owner": ACCOUNT, "logGroup": group(stream), "logStream": stream.name, "subscriptionFilters": ["all"]}
    nothing = {"owner": "CloudwatchLogs", "logGroup": "", "logStream": "", "subscriptionFilters": []}
    return [
        _compact({"messageType": "CONTROL_MESSAGE"} | nothing | {"logEvents": [control]}),
        *(
            _compact({"messageType": "DATA_MESSAGE"} | about | {"logEvents": events[begin : begin + most]})
            for begin in range(0, len(events), most)
        ),
    ]


def firehose(stream: Stream) -> bytes:
    """An object of Firehose: each envelope packed by itself, one after the other; the last was delivered twice."""
    packed = [stored(envelope) for envelope in envelopes(stream, 4)]
    return b"".join([*packed, packed[-1]])


def firehose_unpacked(stream: Stream) -> bytes:
    """The same where Firehose unpacks and puts nothing between the objects, then packs the whole."""
    return stored(b"".join(envelopes(stream, 4)))


def firehose_failed(stream: Stream) -> bytes:
    """What Firehose could not process: a line each, with the record as it came."""
    about: Row = {"attemptsMade": 4, "errorCode": "Lambda.FunctionError", "errorMessage": "The function failed."}
    return b"".join(_compact(about | {"rawData": _base64(one)}) + b"\n" for one in envelopes(stream, 4))


def kinesis_event(stream: Stream) -> bytes:
    records = [
        {"kinesis": {"kinesisSchemaVersion": "1.0", "data": _base64(one)}, "eventSource": "aws:kinesis"}
        for one in envelopes(stream, 4)
    ]
    return _indented({"Records": records}, 2)


def lambda_events(stream: Stream) -> bytes:
    """The events of a function that subscribes, as it prints them for a test, a line each."""
    return b"".join(_compact({"awslogs": {"data": _base64(one)}}) + b"\n" for one in envelopes(stream, 4))


# ── the Telemetry API ────────────────────────────────────────────────────────────────────────────────────────────────


def telemetry(stream: Stream) -> list[Row]:
    """The events as an extension gets them from Lambda: what a function logs is a text, or an object if it is JSON."""
    events: list[Row] = []
    for event in stream.events:
        parsed = _parsed(event.message)
        if isinstance(parsed, dict) and str(parsed.get("type", "")).startswith("platform."):
            events.append(parsed)
        else:
            events.append({"time": iso(event.time), "type": "function", "record": parsed})
    return events


def telemetry_batches(stream: Stream, most: int) -> bytes:
    events = telemetry(stream)
    return b"".join(_compact(events[begin : begin + most]) for begin in range(0, len(events), most))


def telemetry_lines(stream: Stream) -> bytes:
    return _lines(telemetry(stream))


def telemetry_printed(stream: Stream) -> bytes:
    """As Python prints the batch, which is what Lambda's own example of an extension puts into a bucket."""
    return repr(telemetry(stream)).encode()


# ── log shippers and searches ────────────────────────────────────────────────────────────────────────────────────────


def elastic(stream: Stream) -> bytes:
    return _lines(
        {
            "@timestamp": iso(event.time),
            "aws": {"cloudwatch": {"log_group": group(stream), "log_stream": stream.name}},
            "event": {"original": event.message},
            "message": event.message.strip(),
        }
        for event in reversed(stream.events)
    )


def loki(stream: Stream) -> bytes:
    labels = {"__aws_cloudwatch_log_group": group(stream), "__aws_cloudwatch_log_stream": stream.name}
    pairs = [[f"{event.time}000000", event.message] for event in reversed(stream.events)]
    return _compact(
        {"status": "success", "data": {"resultType": "streams", "result": [{"stream": labels, "values": pairs}]}}
    )


def datadog(stream: Stream) -> bytes:
    events = [
        {
            "id": f"event-{number}",
            "type": "log",
            "attributes": {
                "timestamp": iso(event.time),
                "service": stream.function,
                "tags": [f"functionname:{stream.function}", "env:prod"],
                "message": event.message,
            },
        }
        for number, event in enumerate(stream.events)
    ]
    return _indented({"data": events[::-1], "meta": {"status": "done"}}, 2)


def splunk(stream: Stream) -> bytes:
    return _lines(
        {
            "preview": False,
            "result": {
                "_time": iso(event.time).replace("Z", "+00:00"),
                "_raw": event.message,
                "logGroup": group(stream),
                "logStream": stream.name,
            },
        }
        for event in reversed(stream.events)
    )


def fluent_bit(stream: Stream) -> bytes:
    return _lines(
        {"date": event.time / 1000, "log": event.message, "log_group": group(stream), "log_stream": stream.name}
        for event in stream.events
    )


def apex_up(stream: Stream) -> bytes:
    """`up logs` says neither which function nor which stream."""
    return _lines(
        {"fields": None, "level": "info", "timestamp": iso(event.time), "message": event.message.rstrip()}
        for event in stream.events
    )


def datadog_csv(stream: Stream) -> bytes:
    return _table(
        [
            {"Date": iso(event.time), "Host": "", "Service": stream.function, "Content": event.message}
            for event in reversed(stream.events)
        ]
    )


# ── Parquet ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def parquet(stream: Stream) -> bytes:
    """Columns of texts and of milliseconds, not packed and in one page each: the least that Parquet asks for."""
    rows = len(stream.events)
    columns: list[tuple[str, bool, bytes]] = [
        ("ts", False, b"".join(event.time.to_bytes(8, "little") for event in stream.events)),
        ("log_group", True, _texts([group(stream)] * rows)),
        ("log_stream", True, _texts([stream.name] * rows)),
        ("line", True, _texts([event.message for event in stream.events])),
    ]
    file = bytearray(b"PAR1")
    chunks: list[bytes] = []
    for name, is_text, values in columns:
        begin = len(file)
        # Plain values: how many, and in which encodings.
        page = _thrift([(1, 5, rows), (2, 5, 0), (3, 5, 3), (4, 5, 3)]) + b"\0"
        header = _thrift([(1, 5, 0), (2, 5, len(values)), (3, 5, len(values))]) + b"\x2c" + page + b"\0"
        file += header + values
        size = len(header) + len(values)
        kind = 6 if is_text else 2
        about = (
            _thrift([(1, 5, kind)])
            + _list(1, 5, [_zigzag(0)])
            + _list(1, 8, [_varint(len(name)) + name.encode()])
            + _thrift([(4, 5, 0), (5, 6, rows), (6, 6, size), (7, 6, size), (9, 6, begin)], after=3)
            + b"\0"
        )
        chunks.append(_thrift([(2, 6, begin)]) + b"\x1c" + about + b"\0")
    schema = [b"\x48" + _varint(6) + b"schema" + b"\x15" + _zigzag(len(columns)) + b"\0"]
    for name, is_text, _ in columns:
        # Required; a text, or a time in milliseconds.
        schema.append(
            _thrift([(1, 5, 6 if is_text else 2), (3, 5, 0)])
            + b"\x18" + _varint(len(name)) + name.encode()
            + b"\x25" + _zigzag(0 if is_text else 9) + b"\0"
        )  # fmt: skip
    total = len(file) - 4
    row_group = _list(1, 12, chunks) + _thrift([(2, 6, total), (3, 6, rows)], after=1) + b"\0"
    footer = (
        _thrift([(1, 5, 1)])
        + _list(1, 12, schema)
        + _thrift([(3, 6, rows)], after=2)
        + _list(1, 12, [row_group])
        + b"\0"
    )
    return bytes(file) + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def _texts(values: Sequence[str]) -> bytes:
    encoded = [value.encode() for value in values]
    return b"".join(len(value).to_bytes(4, "little") + value for value in encoded)


def _thrift(fields: Iterable[tuple[int, int, int]], after: int = 0) -> bytes:
    """Number, type and value of fields in Thrift's compact protocol; `after` is the number of the field before."""
    written = b""
    for number, kind, value in fields:
        written += bytes([(number - after) << 4 | kind]) + _zigzag(value)
        after = number
    return written


def _list(step: int, kind: int, items: Sequence[bytes]) -> bytes:
    """A field that is a list, `step` after the one before it."""
    return bytes([step << 4 | 9, len(items) << 4 | kind]) + b"".join(items)


def _zigzag(value: int) -> bytes:
    return _varint(value << 1)


def _varint(value: int) -> bytes:
    written = b""
    while value > 0x7F:
        written += bytes([value & 0x7F | 0x80])
        value >>= 7
    return written + bytes([value])


# ── what they have in common ─────────────────────────────────────────────────────────────────────────────────────────


def stored(content: bytes) -> bytes:
    """gzip without any packing, so that no build of zlib writes it in another way."""
    blocks = [content[begin : begin + 0xFFFF] for begin in range(0, len(content), 0xFFFF)]
    packed = b"".join(
        bytes([number == len(blocks)])
        + len(block).to_bytes(2, "little")
        + (len(block) ^ 0xFFFF).to_bytes(2, "little")
        + block
        for number, block in enumerate(blocks, 1)
    )
    header = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    return header + packed + zlib.crc32(content).to_bytes(4, "little") + len(content).to_bytes(4, "little")


def _base64(content: bytes) -> str:
    return base64.b64encode(stored(content)).decode()


def _table(rows: Sequence[Row]) -> bytes:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return table.getvalue().encode()


def _lines(rows: Iterable[Row]) -> bytes:
    return b"".join(_compact(row) + b"\n" for row in rows)


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _indented(value: object, indent: int) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=indent) + "\n").encode()


# Every sample of a container: what writes it, and whether it says which function it is from.
Writer = Callable[[Stream], bytes]
SHIPPED: dict[str, tuple[Writer, bool]] = {
    "elastic.ndjson": (elastic, True),
    "loki.json": (loki, True),
    "datadog.json": (datadog, True),
    "splunk.json": (splunk, True),
    "fluent-bit.log": (fluent_bit, True),
    "up-logs.json": (apex_up, False),
}
SUBSCRIPTION: dict[str, Writer] = {
    "2026/03/17/08/logs-1-2026-03-17-08-04-11-0f3a1c2e-7b64-4a53-9d0e-5c1d2b3a4f60": firehose,
    "firehose-gzip/2026/03/17/08/logs-1-2026-03-17-08-09-11-3d5b8a10-2c4f-4e6d-8b7a-9f0e1d2c3b4a.gz": firehose_unpacked,
    "processing-failed/2026/03/17/08/logs-1-2026-03-17-08-04-12-6a7b8c9d-0e1f-4a2b-8c3d-4e5f6a7b8c9d": firehose_failed,
    "kinesis-event.json": kinesis_event,
    "lambda-events.json": lambda_events,
}
TELEMETRY: dict[str, Writer] = {
    "batches.json": lambda stream: telemetry_batches(stream, 5),
    "events.ndjson": telemetry_lines,
    "extension.log": telemetry_printed,
}
