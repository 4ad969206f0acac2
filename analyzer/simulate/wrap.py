"""The containers in which simulated logs are written, under the names that reading them uses."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from analyzer.simulate.lines import Event, Stream
from analyzer.simulate.story import iso


class Wrapped:
    """Streams of one function on their way into `folder`; `task` is the id of an export task."""

    def __init__(self, folder: Path, function: str, task: str) -> None:
        self.folder = folder
        self.function = function
        self.task = task

    def s3_export(self, streams: Iterable[Stream]) -> None:
        """The tree of an export task whose prefix is the function's name, since nothing else would carry it."""
        prefix = self.folder / self.function
        prefix.mkdir(parents=True)
        (prefix / "aws-logs-write-test").write_text("Permission Check Successful", "utf-8")
        for stream in streams:
            text = "".join(f"{iso(event.time)} {event.message}\n" for event in stream.events)
            path = prefix / self.task / stream.name.replace("/", "-") / "000000.gz"
            path.parent.mkdir(parents=True)
            # Not gzip.compress(), whose header is another one from Python 3.13 on: the same seed gives the same bytes.
            with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                packed.write(text.encode())

    def log_events_json(self, streams: Iterable[Stream]) -> None:
        """The answer of filter-log-events."""
        events = [
            {
                "logStreamName": stream,
                "timestamp": event.time,
                "message": event.message,
                "ingestionTime": event.time + 2_500,
                "eventId": f"{number:056d}",
            }
            for number, (stream, event) in enumerate(_together(streams))
        ]
        page = json.dumps({"events": events, "searchedLogStreams": []}, indent=0)
        (self.folder / f"{self.function}.json").write_text(page, "utf-8")

    def console_csv(self, streams: Iterable[Stream]) -> None:
        """The console's download of a log group."""
        with (self.folder / f"{self.function}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("timestamp", "message", "logStreamName"))
            writer.writerows((event.time, event.message, stream) for stream, event in _together(streams))


CONTAINERS: dict[str, Callable[[Wrapped, Iterable[Stream]], None]] = {
    "s3-export": Wrapped.s3_export,
    "log-events-json": Wrapped.log_events_json,
    "console-csv": Wrapped.console_csv,
}


def _together(streams: Iterable[Stream]) -> Iterator[tuple[str, Event]]:
    """The events of all streams by time; those of one stream keep their order."""
    events = [(stream.name, event) for stream in streams for event in stream.events]
    return iter(sorted(events, key=lambda pair: pair[1].time))
