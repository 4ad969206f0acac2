"""Where logs come from: files, folders, objects of S3 and standard input.

Files that continue each other (000000.gz, 000001.gz of one exported stream) are read as one group, because an invocation
may begin in the first and end in the second.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from analyzer.errors import UserError
from analyzer.ingest import buckets
from analyzer.ingest.archives import DAMAGED, Member, is_archive, open_archive

# What a person calls standard input on the command line.
STANDARD_INPUT = "-"
# CloudWatch leaves this file beside every export to S3 to try its permission.
WRITE_TEST = "aws-logs-write-test"
EXPORT_PART = re.compile(r"^\d{6}(?:\.[a-z0-9]+)?$")
# `<prefix>/<task id>/<stream>/000000.gz`: the task id is a UUID.
TASK_ID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$")
# `<stream>-<version>-2026-03-17-08-04-11-<UUID>`: an invocation often begins in one object of Firehose and ends in the next.
DELIVERED = re.compile(
    r"^(?P<stream>.+)-\d+-(?P<day>\d{4}-\d\d-\d\d)-\d\d-\d\d-\d\d-[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?:\.\w+)?$"
)
# The prefix that CloudWatch itself proposes for exports; it names nothing.
DEFAULT_PREFIX = "exportedlogs"


# A file up to this size is read once: its digest and its content come from the same bytes.
SMALL = 8 << 20


class LogFile(Struct, frozen=True):
    """One file of logs, or a member of an archive.

    `exported_stream` and `exported_prefix` are what the path itself suggests. `refusal` says why it cannot be read. What was
    `copied` is gone when the next group is asked for.
    """

    name: str
    path: Path
    exported_stream: str | None = None
    exported_prefix: str | None = None
    refusal: str | None = None
    copied: bool = False

    def open(self) -> Opened:
        """The file, read once to know it by its digest; a small one stays in memory. Raises UserError."""
        if self.refusal:
            raise UserError(f"{self.name} {self.refusal}")
        try:
            file = self.path.open("rb", buffering=0)
            size = os.fstat(file.fileno()).st_size
            if size <= SMALL:
                with file:
                    content = file.readall()
                return Opened(hashlib.sha256(content).hexdigest(), size, io.BytesIO(content))
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
        except OSError as problem:
            raise UserError(f"cannot read {self.name}: {problem.strerror}") from problem
        return Opened(digest, size, file)


class Opened(Struct, frozen=True):
    """A file that is known by its digest and not unpacked yet."""

    digest: str
    size: int
    content: io.BytesIO | io.FileIO


def find(paths: list[str]) -> Iterator[list[LogFile]]:
    """Groups of files to read together, in an order that depends on names alone.

    Raises UserError for a path that does not exist or cannot be listed, and where AWS refuses.
    """
    for path in paths:
        try:
            yield from _find(path)
        except OSError as problem:
            raise UserError(f"cannot read {path}: {problem.strerror or problem}") from problem


def _find(name: str) -> Iterator[list[LogFile]]:
    path = Path(name)
    if name.startswith(buckets.SCHEME):
        yield from _in_bucket(name)
    elif name == STANDARD_INPUT:
        with _spooled(sys.stdin.buffer) as spooled:
            yield from _expanded(LogFile(name, spooled, copied=True))
    elif path.is_fifo():
        # What a shell makes of <(command).
        with path.open("rb") as pipe, _spooled(pipe) as spooled:
            yield from _expanded(LogFile(name, spooled, copied=True))
    elif path.is_dir():
        yield from _grouped(_log_file(str(file), file, file.parts) for file in _listed(str(path)))
    elif path.is_file():
        yield from _expanded(_log_file(str(path), path, path.parts))
    elif path.exists():
        raise UserError(f"{name} is a device or a socket and no file")
    else:
        raise UserError(f"there is no file or folder {name}")


def _grouped(files: Iterator[LogFile]) -> Iterator[list[LogFile]]:
    for _, parts in groupby(files, key=_group):
        group = list(parts)
        if group[0].exported_stream or not is_archive(group[0].path):
            yield group
        else:
            for file in group:
                yield from _expanded(file)
        for file in group:
            if file.copied:
                file.path.unlink(missing_ok=True)


def _in_bucket(url: str) -> Iterator[list[LogFile]]:
    with (
        tempfile.TemporaryDirectory(prefix="reportline-") as folder,
        closing(buckets.downloaded(url, Path(folder), _may_hold_logs)) as objects,
    ):
        files = ((one, _log_file(one.url, one.path, one.parts)) for one in objects)
        yield from _grouped(replace(file, refusal=one.refusal, copied=True) for one, file in files)


def _listed(folder: str) -> Iterator[Path]:
    """The files below a folder that may hold logs; those in it come before those in its folders."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as problem:
        raise UserError(f"cannot list the folder {folder}: {problem.strerror}") from problem
    for entry in entries:
        # What is no link says itself what it is; for a link somebody has to look where it leads.
        if _may_hold_logs(entry.name) and (_is_file(Path(entry)) if entry.is_symlink() else entry.is_file()):
            yield Path(entry)
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _listed(entry.path)


def _may_hold_logs(name: str) -> bool:
    return name != WRITE_TEST and not name.startswith(".")


def _is_file(path: Path) -> bool:
    """Not a pipe, a socket or a device, nor a link that leads nowhere. What cannot be looked at will be named when read."""
    try:
        return path.is_file()
    except OSError:
        return True


def _expanded(file: LogFile) -> Iterator[list[LogFile]]:
    """A file by itself, or the members of an archive in their groups."""
    if not is_archive(file.path):
        yield [file]
        return
    with open_archive(file.path) as archive:
        found = (
            (member, _log_file(f"{file.name}!{_printable(member.name)}", file.path, PurePosixPath(member.name).parts))
            for member in archive.members
            if _may_hold_logs(PurePosixPath(member.name).name)
        )
        for _, group in groupby(found, key=lambda one: _group(one[1])):
            with tempfile.TemporaryDirectory(prefix="reportline-") as folder:
                yield [_extracted(member, log, Path(folder, str(number))) for number, (member, log) in enumerate(group)]
        if archive.refusal:
            name = f"{file.name}!" if archive.members else file.name
            yield [LogFile(name, file.path, refusal=archive.refusal)]


def _extracted(member: Member, log: LogFile, path: Path) -> LogFile:
    """The member as a file of its own, under a name that is not the archive's to choose."""
    refusal = member.refusal
    if refusal is None:
        try:
            with path.open("wb") as target:
                member.copy_to(target)
        except DAMAGED as problem:
            full = isinstance(problem, OSError) and problem.errno == errno.ENOSPC
            refusal = f"cannot be unpacked: {path.parent} is full" if full else f"is damaged: {problem}"
    return LogFile(log.name, path, log.exported_stream, log.exported_prefix, refusal, copied=True)


def _log_file(name: str, path: Path, parts: tuple[str, ...]) -> LogFile:
    """`parts` are the folders in which the file lies, there or in an archive, and its name: they say what it is part of."""
    prefix, task, stream, own = ("", "", "", *parts)[-4:]
    if not (EXPORT_PART.match(own) and TASK_ID.match(task)):
        return LogFile(_printable(name), path)
    return LogFile(_printable(name), path, stream, prefix if prefix not in ("", DEFAULT_PREFIX) else None)


def _printable(name: str) -> str:
    """Names are bytes to the system, and need not be text."""
    return name.encode("utf-8", "replace").decode()


def _group(file: LogFile) -> str:
    """What files must have in common to continue each other: the stream of an export, a day of a Firehose stream."""
    folder, _, name = file.name.rpartition("/")
    if file.exported_stream:
        return folder
    delivered = DELIVERED.match(name)
    return f"{delivered['stream']} {delivered['day']}" if delivered else file.name


class _spooled:  # noqa: N801 -- reads as a verb where it is used
    """Standard input in a temporary file, so that it can be looked at, digested and read like any other."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.folder = tempfile.TemporaryDirectory(prefix="reportline-")

    def __enter__(self) -> Path:
        path = Path(self.folder.name, "stdin")
        with path.open("wb") as file:
            shutil.copyfileobj(self.stream, file)
        return path

    def __exit__(self, *_: object) -> None:
        self.folder.cleanup()
