"""A lake as a folder: which commits count, which files hold them, and what nobody reads any more."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pyarrow as pa

from analyzer import parts
from analyzer.duplicates import Known
from analyzer.errors import UserError
from analyzer.lake import parquet
from analyzer.lake.tables import REPLACES, TABLES


class Folder:
    """A folder of Parquet. Making one creates the folder. Raises UserError where it cannot be written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.known = Known(folder)
        self._sources: dict[str, pa.Table] = {}
        try:
            for table in TABLES:
                (folder / table).mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise UserError(f"cannot make a lake in {folder}: {problem.strerror}") from problem

    def commits(self) -> list[str]:
        """Names of all commits that count, oldest first."""
        listed = {part.stem for part in (self.folder / "sources").glob("*.parquet")}
        for commit in listed - self._sources.keys():
            self._sources[commit] = parquet.read(self.part("sources", commit), ["sha256"])
        return sorted(listed - {name for commit in listed for name in self.replaced_by(commit)})

    def replaced_by(self, commit: str) -> list[str]:
        """The commits whose rows this one has taken over, and theirs."""
        written: bytes = (self._sources[commit].schema.metadata or {}).get(REPLACES, b"")
        return written.decode().split()

    def digests(self) -> set[str]:
        """SHA-256 of every file that is already in the lake."""
        return {digest for commit in self.commits() for digest in self._sources[commit].column("sha256").to_pylist()}

    def part(self, table: str, commit: str) -> Path:
        return parts.part(self.folder, table, commit)

    def sweep(self) -> None:
        """Delete what nobody reads any more, and what a process that died has left."""
        with parts.alone_if_free(self.folder / "invocations") as free, suppress(OSError):
            if free:
                self._sweep()

    def _sweep(self) -> None:
        live = set(self.commits())
        # Sources last: a commit that was replaced is read again when no other is listed that says so.
        for table in TABLES:
            for part in (self.folder / table).iterdir():
                outdated = part.suffix == ".parquet" and part.stem not in live
                if outdated or part.suffix in (parts.HIDDEN, parts.REWRITTEN):
                    part.unlink()

    def in_use(self) -> AbstractContextManager[None]:
        """While this is held nobody deletes parts of the lake."""
        return parts.shared(self.folder / "invocations")
