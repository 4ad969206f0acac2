"""Reads files into the lake, a group of files that continue each other at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import chain, islice
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from msgspec import Struct

from analyzer.errors import Unwritable, UserError
from analyzer.ingest import workers
from analyzer.ingest.assemble import Assembler
from analyzer.ingest.cloudwatch import Period, Via, fetched
from analyzer.ingest.containers import recognise, s3_export, subscription
from analyzer.ingest.containers.container import Container
from analyzer.ingest.containers.repeats import without_repeats
from analyzer.ingest.deliveries import Deliveries
from analyzer.ingest.exports import BUFFER, Exports
from analyzer.ingest.packing import HEAD, UNPACK_ERRORS, Unpacked, rejoin
from analyzer.ingest.segments import Reading
from analyzer.ingest.sources import LogFile, Opened, find
from analyzer.ingest.workers import Progress
from analyzer.lake import Columns, Lake, LineColumns
from analyzer.model import Source

# A commit is closed at the first group boundary after this many invocations or seconds, so that little is lost when killed.
COMMIT_INVOCATIONS, COMMIT_SECONDS = 1_000_000, 5.0
# Rows leave the assembler this often; a single file may hold millions.
HAND_OVER = 4_096


class Ingested(Struct, frozen=True):
    """What one ingest did. `skipped` files hold no Lambda logs; `unreadable` says in a sentence each what could not be read."""

    read: list[Source]
    invocations: int
    already_there: list[str]
    skipped: list[str]
    unreadable: list[str]


def ingest(
    paths: list[str],
    lake: Lake,
    *,
    function: str | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    processes: int = 1,
    buffer: int = BUFFER,
) -> Ingested:
    """Read every log under `paths` into `lake`; the same file a second time adds nothing.

    `function` names the logs whose container carries no function name. A file that cannot be read stops the ingest when
    it was named itself, and is noted when it was found in a folder. Raises UserError.

    With more than one of `processes`, and enough to read, each reads a share of the files and writes commits of its own.

    `buffer` is the size of what is scanned at once of S3 exports; without one every line is read by itself, to the same rows.
    """
    named = {*paths, *(str(Path(path)) for path in paths)}
    return _swept(find(paths), lake, function, named, progress, processes, buffer)


def fetch(
    log_groups: list[str],
    period: Period,
    lake: Lake,
    *,
    via: Via = "filter",
    bucket: str | None = None,
    function: str | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    told: Callable[[str], None] = lambda _: None,
) -> Ingested:
    """Read log groups of CloudWatch Logs into `lake`; what is there already, from wherever it came, adds nothing.

    `via` is the way, of which an export needs a `bucket`; `told` hears in words how far AWS is. Raises UserError.
    """
    return _swept(fetched(log_groups, period, via, bucket, told), lake, function, set(), progress, 1, BUFFER)


def _swept(
    found: Iterator[list[LogFile]],
    lake: Lake,
    function: str | None,
    named: set[str],
    progress: Callable[[Progress], None],
    processes: int,
    buffer: int,
) -> Ingested:
    """Leaves nothing behind that is not whole, and few small files."""
    try:
        ingested = _ingest(found, lake, function, named, progress, processes, buffer)
    except BaseException:
        lake.sweep()
        raise
    lake.tidy()
    return ingested


def _ingest(
    found: Iterator[list[LogFile]],
    lake: Lake,
    function: str | None,
    named: set[str],
    progress: Callable[[Progress], None],
    processes: int,
    buffer: int,
) -> Ingested:
    groups, total = list[list[LogFile]](), 0
    for group in found:
        groups.append(group)
        # Copies are gone when the group behind them is asked for.
        if any(file.copied for file in group):
            break
    else:
        total = workers.total(groups)
    if processes > 1 and len(groups) > 1 and total >= workers.WORTHWHILE:
        share = workers.Share(lake.folder, workers.hands(groups), function, named, buffer)
        return _in_processes(share, min(processes, len(share.hands)), groups, total, progress)
    with lake.in_use():
        reader = _Reader(lake, function, named, progress, buffer, total or None)
        reader.read(chain(groups, found))
    return reader.ingested()


def _in_processes(
    share: workers.Share, processes: int, groups: list[list[LogFile]], total: int, progress: Callable[[Progress], None]
) -> Ingested:
    far: dict[int, Progress] = {}

    def heard(number: int, one: Progress) -> None:
        far[number] = one
        parts = list(far.values())
        progress(
            Progress(
                one.file,
                sum(part.files for part in parts),
                sum(part.lines for part in parts),
                sum(part.invocations for part in parts),
                sum(part.bytes for part in parts),
                total,
            )
        )

    order = {file.name: number for number, file in enumerate(file for group in groups for file in group)}
    result = Ingested([], 0, [], [], [])
    invocations = 0
    for done in workers.together(_read_share, share, processes, heard):
        for into, out in (
            (result.already_there, done.already_there),
            (result.skipped, done.skipped),
            (result.unreadable, done.unreadable),
        ):
            into.extend(out)
        result.read.extend(done.read)
        invocations += done.invocations
    by_order = partial(sorted, key=order.__getitem__)
    read = sorted(result.read, key=lambda source: order[source.source])
    return Ingested(
        read, invocations, by_order(result.already_there), by_order(result.skipped), sorted(result.unreadable)
    )


def _read_share(share: workers.Share, groups: Iterator[list[LogFile]], tell: Callable[[Progress], None]) -> Ingested:
    lake = Lake(share.lake)
    with lake.in_use():
        reader = _Reader(lake, share.function, share.named, tell, share.buffer, None)
        reader.read(groups)
    return reader.ingested()


class _Reader:
    def __init__(
        self,
        lake: Lake,
        function: str | None,
        named: set[str],
        progress: Callable[[Progress], None],
        buffer: int,
        total: int | None,
    ) -> None:
        self.lake = lake
        self.known = lake.digests()
        self.function = function
        self.named = named
        self.progress = progress
        self.exports = Exports(self._columns, self._hand_over, buffer) if buffer else None
        self.deliveries: Deliveries | None = None
        self.buffer = buffer
        self.result = Ingested([], 0, [], [], [])
        self.committed = 0
        self.files = 0
        self.lines = 0
        self.invocations = 0
        self.file = ""
        self.reading: Reading | None = None
        self.content: io.BytesIO | io.FileIO = io.BytesIO()
        self.size = 0
        self.bytes = 0
        self.total = total

    def ingested(self) -> Ingested:
        result = self.result
        return Ingested(result.read, self.committed, result.already_there, result.skipped, result.unreadable)

    def read(self, groups: Iterator[list[LogFile]]) -> None:
        """Read groups of files, and commit them every few seconds."""
        group = next(groups, None)
        while group is not None:
            with self.lake.write() as self.commit:
                until = monotonic() + COMMIT_SECONDS
                while group is not None and self.commit.invocations < COMMIT_INVOCATIONS and monotonic() < until:
                    self._group(group)
                    group = next(groups, None)
                if self.exports:
                    self.exports.finish()
            self.committed += self.commit.invocations
            self.result.read.extend(self.commit.sources)
            self.result.already_there.extend(self.commit.already_there)

    def _group(self, group: list[LogFile]) -> None:
        """Read files that continue each other, with one memory of their environments."""
        assemblers: dict[str, Assembler] = {}
        for file in group:
            try:
                self._file(file, assemblers, last=file is group[-1])
            except UserError as problem:
                if file.name in self.named or isinstance(problem, Unwritable):
                    raise
                self.result.unreadable.append(str(problem))
        for name, assembler in assemblers.items():
            finish = partial(self._finish, assembler)
            if self.exports and name == s3_export.CONTAINER.name:
                self.exports.afterwards(finish)
            else:
                finish()

    def _finish(self, assembler: Assembler) -> None:
        assembler.finish()
        self._hand_over(assembler)

    def _file(self, file: LogFile, assemblers: dict[str, Assembler], last: bool) -> None:
        opened = file.open()
        self.bytes += opened.size
        if opened.digest in self.known:
            opened.content.close()
            self.result.already_there.append(file.name)
            return
        try:
            content = Unpacked(opened.content, opened.size)
            head = content.beginning(HEAD)
        except UNPACK_ERRORS as problem:
            opened.content.close()
            raise UserError(f"cannot unpack {file.name}: {problem}") from problem
        with closing(content):
            container = recognise(head, file.name, exported=file.exported_stream is not None)
            if container is None:
                self.result.skipped.append(file.name)
                return
            self.file = file.name
            assembler = assemblers.get(container.name)
            if assembler is None:
                assembler = Assembler(container.whole, self.function or file.exported_prefix)
                assemblers[container.name] = assembler
            self.reading = reading = Reading(file.name, assembler, self._hand_over)
            self.content, self.size = opened.content, opened.size
            if self.exports and container is s3_export.CONTAINER:
                events = s3_export.Events(s3_export.stream_name(file), reading.problems)
                ends = partial(self._read, reading, opened, container)
                self.exports.read(reading, events, head, content, ends, last)
            elif self.buffer and container is subscription.CONTAINER:
                self.deliveries = self.deliveries or Deliveries(self._columns, self._hand_over, self.buffer)
                self._read(reading, opened, container, self.deliveries.read(reading, head, content, file))
            else:
                self._plainly(reading, container, file, rejoin(head, content), opened)
        self.known.add(opened.digest)

    def _plainly(
        self, reading: Reading, container: Container, file: LogFile, content: BinaryIO, opened: Opened
    ) -> None:
        broke: Exception | None = None
        records = container.records(content, file, reading.problems)
        if not container.told_once:
            records = without_repeats(records, reading.problems)
        try:
            while reading.take(islice(records, HAND_OVER)):
                self._hand_over(reading.assembler)
        except UNPACK_ERRORS as problem:
            broke = problem
        self._read(reading, opened, container, broke)

    def _read(self, reading: Reading, opened: Opened, container: Container, broke: Exception | None) -> None:
        if broke is not None:
            reading.problems(f"the file breaks off or is damaged after {reading.lines} lines: {broke}")
        self.lines += reading.lines
        self.reading = None if self.reading is reading else self.reading
        source = Source(
            source=reading.name,
            sha256=opened.digest,
            bytes=opened.size,
            container=container.name,
            lines=reading.lines,
            understood=reading.understood,
            first_time=reading.first_time,
            last_time=reading.last_time,
            problems=reading.problems.sentences(),
            duplicates=reading.repeats,
        )
        self.files += 1
        self.commit.add_sources([source])

    def _columns(self, columns: Columns, lines: LineColumns | None = None) -> None:
        self.invocations += sum(columns.sizes)
        self.commit.add_columns(columns)
        if lines:
            self.commit.add_line_columns(lines)
        self._tell()

    def _hand_over(self, assembler: Assembler) -> None:
        invocations, lines = assembler.take()
        if not invocations and not lines:
            return
        self.invocations += len(invocations)
        self.commit.add_invocations(invocations)
        self.commit.add_lines(lines)
        self._tell()

    def _tell(self) -> None:
        lines = self.lines + (self.reading.lines if self.reading else 0)
        # Of the file in hand only what was read of it counts.
        read = self.bytes + (0 if self.content.closed else self.content.tell() - self.size)
        self.progress(Progress(self.file, self.files, lines, self.invocations, read, self.total))
