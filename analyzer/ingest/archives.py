"""Zip and tar archives: what is in them, and its content. Nothing is ever written under a name that an archive gives."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from msgspec import Struct

from analyzer.ingest.packing import GUARD_FROM, GUARD_RATIO, TOO_MUCH, UNPACK_ERRORS, Unpacked, head_of, rejoin

ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
TAR_MARK, TAR_MARK_AT, TAR_BLOCK = b"ustar", 257, 512
ENCRYPTED = 1
DAMAGED: tuple[type[Exception], ...] = (
    *UNPACK_ERRORS,
    zipfile.BadZipFile,
    tarfile.TarError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


class Member(Struct, frozen=True):
    """A file inside an archive. `refusal` says why it cannot be read."""

    name: str
    copy_to: Callable[[BinaryIO], None]
    refusal: str | None = None


class Archive(Struct, frozen=True):
    """What is in an archive, as far as it could be listed; `refusal` says what is the matter with it as a whole."""

    members: list[Member]
    refusal: str | None = None


def is_archive(path: Path) -> bool:
    """Known by its content. What cannot be read is no archive: whoever reads it as a file will say what is the matter."""
    head = head_of(path, TAR_BLOCK)
    return head.startswith(ZIP_MARKS) or _is_tar(head)


def _is_tar(head: bytes) -> bool:
    return head[TAR_MARK_AT : TAR_MARK_AT + len(TAR_MARK)] == TAR_MARK


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """The members of an archive in the order of their names, to be read while it is open."""
    limit = max(GUARD_FROM, GUARD_RATIO * path.stat().st_size)
    with path.open("rb", buffering=0) as file:
        head = file.read(TAR_BLOCK)
        file.seek(0)
        if head.startswith(ZIP_MARKS):
            yield _zip(file, limit)
        elif _is_tar(head):
            yield _tar(file, None)
        else:
            # A packed tar can only be read forwards, and its members have to be put in order.
            with tempfile.TemporaryFile() as copy:
                try:
                    with closing(Unpacked(file, path.stat().st_size)) as content:
                        shutil.copyfileobj(rejoin(b"", content), copy)
                    problem = None
                except DAMAGED as error:
                    problem = str(error)
                copy.seek(0)
                yield _tar(copy, problem)


def _zip(file: IO[bytes], limit: int) -> Archive:
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGED as problem:
        return Archive([], f"is a damaged zip archive: {problem}")
    infos = sorted((info for info in archive.infolist() if not info.is_dir()), key=lambda info: info.filename)
    if sum(info.file_size for info in infos) > limit:
        return Archive([], TOO_MUCH)
    names = {info.filename for info in infos}
    if "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names):
        return Archive([], "is an Excel workbook, which cannot be read; save its sheet as CSV")
    return Archive([_zipped(archive, info) for info in infos])


def _zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    def copy_to(target: BinaryIO) -> None:
        with archive.open(info) as content:
            shutil.copyfileobj(content, target)

    encrypted = "is encrypted; unpack it with its password first" if info.flag_bits & ENCRYPTED else None
    return Member(info.filename, copy_to, encrypted)


def _tar(file: IO[bytes], problem: str | None) -> Archive:
    infos: list[tarfile.TarInfo] = []
    try:
        archive = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115 -- closed with its file
        infos.extend(info for info in archive if info.isreg() and not info.issparse())
    except DAMAGED as error:
        problem = problem or str(error)
    members = [_tarred(file, info) for info in sorted(infos, key=lambda info: info.name)]
    return Archive(members, problem and f"is a tar archive that breaks off or is damaged: {problem}")


def _tarred(file: IO[bytes], info: tarfile.TarInfo) -> Member:
    def copy_to(target: BinaryIO) -> None:
        file.seek(info.offset_data)
        left = info.size
        while left and (content := file.read(min(left, 1 << 20))):
            target.write(content)
            left -= len(content)

    return Member(info.name, copy_to)
