"""Log groups of CloudWatch Logs, read through its API into files of the kinds that it delivers and exports itself.

- `filter` asks for every event, page by page: exact, free, and slow, about a megabyte a request of which a few are
  answered a second.
- `insights` asks queries: for groups of the class Infrequent Access there is no other way. They cost what they scan.
- `export` has CloudWatch write into a bucket of the same region, and reads that: for gigabytes.

What is read lies in a temporary file until it is in the lake.
"""

from __future__ import annotations

import gzip
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from time import sleep
from typing import Any, BinaryIO, Literal, cast

import msgspec
from msgspec import Struct

from analyzer.errors import UserError
from analyzer.ingest.aws import client, refusals
from analyzer.ingest.buckets import NoObject
from analyzer.ingest.sources import LogFile, find
from analyzer.model import CLOUDWATCH

Via = Literal["filter", "insights", "export"]
Told = Callable[[str], None]
GROUP = re.compile(r"(?:arn:[^:]*:logs:(?P<region>[\w-]+):\d*:log-group:)?(?P<name>[\w./#-]{1,512})(?::\*)?", re.ASCII)
FUNCTION = "/aws/lambda/"
# What a query of Insights gives at most, and how full one is meant to be.
MOST_ROWS, MEANT_ROWS = 10_000, 6_000
QUERY = f"fields @timestamp, @message, @logStream, @log | sort @timestamp asc | limit {MOST_ROWS}"
# Seconds between two questions about what is not finished yet.
PAUSE = 1.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Period(Struct, frozen=True):
    """From `begin` to before `end`, in milliseconds since 1970."""

    begin: int
    end: int

    def __str__(self) -> str:
        return f"{_iso(self.begin)}/{_iso(self.end)}"


class Group(Struct, frozen=True):
    """A log group; `arn`, without the star that lists show at its end, and `region` where it was named by its ARN."""

    name: str
    arn: str | None
    region: str | None

    @staticmethod
    def of(text: str) -> Group:
        """From what a person writes. Raises UserError."""
        match = GROUP.fullmatch(text)
        if match is None:
            raise UserError(f"{text!r} is no log group; that of a function is {FUNCTION}NAME")
        return Group(match["name"], text.removesuffix(":*") if text.startswith("arn:") else None, match["region"])

    def refusals(self) -> AbstractContextManager[None]:
        return refusals(f"read the log group {self.arn or self.name}")


def fetched(log_groups: list[str], period: Period, via: Via, bucket: str | None, told: Told) -> Iterator[list[LogFile]]:
    """What log groups, named or by their ARNs, hold of a period as files, which are gone when the next is asked for.

    `bucket` is where an export is to be written. `told` hears in words how far it is. Raises UserError where AWS refuses.
    """
    for group in [Group.of(text) for text in log_groups]:
        logs = client("logs", region=group.region)
        if via == "export":
            yield from _exported(logs, group, period, bucket, told)
            continue
        with tempfile.TemporaryDirectory(prefix="reportline-") as folder:
            path = Path(folder, "events.gz")
            # No time in the header: the same events are the same bytes, and known the second time.
            with path.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as file, group.refusals():
                write = _filtered if via == "filter" else _queried
                events = write(logs, group, period, cast(BinaryIO, file), told)
            if events:
                yield [LogFile(f"{CLOUDWATCH}{group.name}?{period}", path, copied=True)]


# ── filter ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _filtered(logs: Any, group: Group, period: Period, file: BinaryIO, told: Told) -> int:
    """Events as CloudWatch sends them to subscribers, which says everything about them; how many there are."""
    named = {"logGroupIdentifier": group.arn} if group.arn else {"logGroupName": group.name}
    asked = named | {"startTime": period.begin, "endTime": period.end - 1}
    count = 0
    for page in logs.get_paginator("filter_log_events").paginate(**asked):
        streams: dict[str, list[dict[str, Any]]] = {}
        for event in page["events"]:
            sent = {"id": event["eventId"], "timestamp": event["timestamp"], "message": event["message"]}
            streams.setdefault(event["logStreamName"], []).append(sent)
        count += len(page["events"])
        for stream, events in streams.items():
            delivered = {
                "messageType": "DATA_MESSAGE",
                "logGroup": group.name,
                "logStream": stream,
                "logEvents": events,
            }
            file.write(msgspec.json.encode(delivered) + b"\n")
        if page["events"]:
            told(f"{group.name}: {count:,} events, up to {_iso(page['events'][-1]['timestamp'])}")
    return count


# ── insights ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _queried(logs: Any, group: Group, period: Period, file: BinaryIO, told: Told) -> int:
    """The rows of queries over pieces of the period, each small enough to be answered whole; how many there are."""
    counted = _answer(logs, group, period, "stats count(*) as events")
    events = sum(int(float(field["value"])) for row in counted for field in row if field["field"] == "events")
    pieces = max(1, ceil(events / MEANT_ROWS))
    length = max(1_000, ceil((period.end - period.begin) / pieces / 1_000) * 1_000)
    written = 0
    for begin in range(period.begin, period.end, length):
        for rows in _rows(logs, group, Period(begin, min(begin + length, period.end))):
            written += len(rows)
            file.write(msgspec.json.encode({"results": rows, "status": "Complete"}) + b"\n")
            told(f"{group.name}: {written:,} of about {events:,} events")
    return written


def _rows(logs: Any, group: Group, piece: Period) -> Iterator[list[Any]]:
    """Halves where a query may have left something out. Raises UserError where a second holds more than Insights shows."""
    rows = _answer(logs, group, piece, QUERY)
    if len(rows) < MOST_ROWS:
        # Queries count in seconds, and take in the last.
        inside = [row for row in rows if piece.begin <= _time(row) < piece.end]
        if inside:
            yield inside
        return
    middle = (piece.begin + piece.end) // 2_000 * 1_000
    if not piece.begin < middle < piece.end:
        raise UserError(
            f"{group.name} holds {MOST_ROWS:,} events or more at {_iso(piece.begin)}, of which Insights shows no others; "
            "read it with --via filter or --via export"
        )
    yield from _rows(logs, group, Period(piece.begin, middle))
    yield from _rows(logs, group, Period(middle, piece.end))


def _answer(logs: Any, group: Group, piece: Period, query: str) -> list[list[dict[str, str]]]:
    """The rows of a query."""
    named = {"logGroupIdentifiers": [group.arn]} if group.arn else {"logGroupName": group.name}
    begin, end = piece.begin // 1_000, ceil(piece.end / 1_000)
    started = logs.start_query(**named, startTime=begin, endTime=end, queryString=query, limit=MOST_ROWS)
    try:
        while (answer := logs.get_query_results(queryId=started["queryId"]))["status"] in ("Scheduled", "Running"):
            sleep(PAUSE)
    except BaseException:
        logs.stop_query(queryId=started["queryId"])
        raise
    if answer["status"] != "Complete":
        raise UserError(f"a query of {group.name} ended as {answer['status'].lower()}")
    rows: list[list[dict[str, str]]] = answer["results"]
    return rows


def _time(row: list[dict[str, str]]) -> int:
    text = next(field["value"] for field in row if field["field"] == "@timestamp")
    return round((datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH).total_seconds() * 1_000)


# ── export ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _exported(logs: Any, group: Group, period: Period, bucket: str | None, told: Told) -> Iterator[list[LogFile]]:
    """What an export task has written. One runs at a time in an account; another waits until AWS lets it begin."""
    if bucket is None:
        raise UserError("--via export needs --bucket, a bucket of the same region that CloudWatch Logs may write to")
    name = group.name
    # The folder in front of the task names the function where the streams do not.
    prefix = f"reportline/{name.removeprefix(FUNCTION) if name.startswith(FUNCTION) else 'exportedlogs'}"
    with group.refusals():
        task = logs.create_export_task(
            taskName="reportline", logGroupName=name, fromTime=period.begin, to=period.end - 1, destination=bucket,
            destinationPrefix=prefix,
        )["taskId"]  # fmt: skip
        state = "PENDING"
        try:
            while state in ("PENDING", "RUNNING"):
                told(f"{name}: the export to {bucket} is {state.lower()}")
                (found,) = logs.describe_export_tasks(taskId=task)["exportTasks"]
                state = found["status"]["code"]
                if state in ("PENDING", "RUNNING"):
                    sleep(PAUSE)
        except BaseException:
            logs.cancel_export_task(taskId=task)
            raise
    if state != "COMPLETED":
        why = found["status"].get("message", "")
        raise UserError(f"the export of {name} ended as {state.lower()}{': ' if why else ''}{why}")
    # Of a period without events nothing is written.
    with suppress(NoObject):
        yield from find([f"s3://{bucket}/{prefix}/{task}/"])


def _iso(moment: int) -> str:
    return (EPOCH + timedelta(milliseconds=moment)).isoformat(timespec="seconds").replace("+00:00", "Z")
