"""Reads files into the lake, a group of files that continue each other at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from analyzer.errors import UserError
from analyzer.ingest import grammars
from analyzer.ingest.assemble import Assembler
from analyzer.ingest.containers import recognise
from analyzer.ingest.containers.container import Container
from analyzer.ingest.packing import HEAD, UNPACK_ERRORS, peek
from analyzer.ingest.sources import LogFile, find
from analyzer.lake import Commit, Lake
from analyzer.model import Source

# A commit is closed at the first group boundary after this many invocations or files, so that little is lost when killed.
COMMIT_INVOCATIONS, COMMIT_FILES = 200_000, 1_000
# Rows leave the assembler this often; a single file may hold millions.
HAND_OVER = 4_096
# A damaged file may have thousands of damaged places; the first ones tell what is wrong.
MOST_PROBLEMS = 20


class Progress(Struct, frozen=True):
    """How far an ingest is."""

    file: str
    files: int
    lines: int
    invocations: int


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
) -> Ingested:
    """Read every log under `paths` into `lake`; the same file a second time adds nothing.

    `function` names the logs whose container carries no function name. A file that cannot be read stops the ingest when
    it was named itself, and is noted when it was found in a folder. Raises UserError.
    """
    result = Ingested([], 0, [], [], [])
    reader = _Reader(lake.digests(), function, {str(Path(path)) for path in paths}, progress, result)
    groups = find(paths)
    group = next(groups, None)
    while group is not None:
        with lake.write() as commit:
            while group is not None and commit.invocations < COMMIT_INVOCATIONS and commit.sources < COMMIT_FILES:
                reader.read(group, commit)
                group = next(groups, None)
    return Ingested(result.read, reader.invocations, result.already_there, result.skipped, result.unreadable)


class _Reader:
    def __init__(
        self,
        known: set[str],
        function: str | None,
        named: set[str],
        progress: Callable[[Progress], None],
        result: Ingested,
    ) -> None:
        self.known = known
        self.function = function
        self.named = named
        self.progress = progress
        self.result = result
        self.lines = 0
        self.invocations = 0

    def read(self, group: list[LogFile], commit: Commit) -> None:
        """Read files that continue each other, with one memory of their environments."""
        assemblers: dict[str, Assembler] = {}
        for file in group:
            try:
                self._file(file, assemblers, commit)
            except UserError as problem:
                if file.name in self.named:
                    raise
                self.result.unreadable.append(str(problem))
        for assembler in assemblers.values():
            assembler.finish()
            self._hand_over(assembler, commit)

    def _file(self, file: LogFile, assemblers: dict[str, Assembler], commit: Commit) -> None:
        try:
            digest = file.digest()
        except OSError as problem:
            raise UserError(f"cannot read {file.name}: {problem.strerror}") from problem
        if digest in self.known:
            self.result.already_there.append(file.name)
            return
        try:
            head, content = peek(file.open(), HEAD)
        except UNPACK_ERRORS as problem:
            raise UserError(f"cannot unpack {file.name}: {problem}") from problem
        with content:
            container = recognise(head, file.name)
            if container is None:
                self.result.skipped.append(file.name)
                return
            assembler = assemblers.get(container.name)
            if assembler is None:
                assembler = Assembler(container.whole, self.function or file.exported_prefix)
                assemblers[container.name] = assembler
            assembler.source = file.name
            source = self._content(file, digest, container, content, assembler, commit)
        self.known.add(digest)
        self.result.read.append(source)
        commit.add_sources([source])

    def _content(
        self,
        file: LogFile,
        digest: str,
        container: Container,
        content: BinaryIO,
        assembler: Assembler,
        commit: Commit,
    ) -> Source:
        lines = understood = 0
        times: list[int] = []
        problems: list[str] = []
        try:
            for record in container.records(content, file, problems.append):
                event = grammars.parse(record.message)
                assembler.add(record, event)
                lines += 1
                understood += event is not None
                if record.time is not None:
                    times = (
                        [record.time, record.time]
                        if not times
                        else [min(times[0], record.time), max(times[1], record.time)]
                    )
                if lines % HAND_OVER == 0:
                    self._hand_over(assembler, commit)
                    self.progress(Progress(file.name, len(self.result.read), self.lines + lines, self.invocations))
        except UNPACK_ERRORS as problem:
            problems.append(f"the file breaks off or is damaged after {lines} lines: {problem}")
        self.lines += lines
        return Source(
            source=file.name,
            sha256=digest,
            bytes=file.path.stat().st_size,
            container=container.name,
            lines=lines,
            understood=understood,
            first_time=times[0] if times else None,
            last_time=times[1] if times else None,
            problems=problems[:MOST_PROBLEMS],
        )

    def _hand_over(self, assembler: Assembler, commit: Commit) -> None:
        invocations, lines = assembler.take()
        self.invocations += len(invocations)
        commit.add_invocations(invocations)
        commit.add_lines(lines)
