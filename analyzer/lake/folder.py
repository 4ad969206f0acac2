"""A lake as a folder: which commits count, and keeping it tidy."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from itertools import accumulate, groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from analyzer import parts
from analyzer.duplicates import Known
from analyzer.errors import UserError
from analyzer.lake import parquet
from analyzer.lake.commit import Commit
from analyzer.lake.engine import Engine
from analyzer.lake.tables import REPLACES, TABLES

if TYPE_CHECKING:
    import pandas as pd

# When so many commits have fewer rows than the small number, they are made one, up to about the large one.
MANY, SMALL, LARGE = 8, 400_000, 1_000_000


class Lake:
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

    def tidy(self) -> None:
        """Make one commit of many small ones, and delete what nobody reads any more.

        Not while somebody else reads or writes the lake: then the next one does it. Nor is a full disk a reason to complain, as
        the lake reads just as well without.
        """
        with parts.alone_if_free(self.folder / "invocations") as free, suppress(OSError):
            if free:
                self._merge_small()
                self._sweep()

    def sweep(self) -> None:
        """Delete what nobody reads any more, and what a process that died has left."""
        with parts.alone_if_free(self.folder / "invocations") as free, suppress(OSError):
            if free:
                self._sweep()

    def _merge_small(self) -> None:
        sizes = {
            commit: sum(pq.read_metadata(self.part(table, commit)).num_rows for table in ("invocations", "events"))
            for commit in self.commits()
        }
        small = [commit for commit, size in sizes.items() if size < SMALL]
        if len(small) < MANY:
            return
        ends = list(accumulate(sizes[commit] for commit in small))
        for _, together in groupby(zip(ends, small, strict=True), key=lambda one: one[0] // LARGE):
            Commit(self).merge([commit for _, commit in together])

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

    def write(self) -> Commit:
        return Commit(self)

    def open(self) -> Engine:
        return Engine(self)

    def invocations(self) -> pd.DataFrame:
        """Every invocation as a pandas DataFrame; columns and units as in the table of the same name."""
        with self.open() as engine:
            return engine.table("SELECT * FROM invocations ORDER BY end_time, source, position").to_pandas()
