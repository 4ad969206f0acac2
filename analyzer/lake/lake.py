"""A lake to write into and to ask."""

from __future__ import annotations

from contextlib import suppress
from itertools import accumulate, groupby
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from analyzer import parts
from analyzer.lake.commit import Commit
from analyzer.lake.engine import Engine
from analyzer.lake.folder import Folder

if TYPE_CHECKING:
    import pandas as pd

# When so many commits have fewer rows than the small number, they are made one, up to about the large one.
MANY, SMALL, LARGE = 8, 400_000, 1_000_000


class Lake(Folder):
    """A folder of Parquet. Making one creates the folder. Raises UserError where it cannot be written."""

    def write(self) -> Commit:
        return Commit(self)

    def open(self) -> Engine:
        return Engine(self)

    def invocations(self) -> pd.DataFrame:
        """Every invocation as a pandas DataFrame; columns and units as in the table of the same name."""
        with self.open() as engine:
            return engine.table("SELECT * FROM invocations ORDER BY end_time, source, position").to_pandas()

    def tidy(self) -> None:
        """Make one commit of many small ones, and delete what nobody reads any more.

        Not while somebody else reads or writes the lake: then the next one does it. Nor is a full disk a reason to complain, as
        the lake reads just as well without.
        """
        with parts.alone_if_free(self.folder / "invocations") as free, suppress(OSError):
            if free:
                self._merge_small()
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
