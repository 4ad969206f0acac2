"""Remembers ids: in tables that ids.h searches, and never more than the last so many."""

from __future__ import annotations

import ctypes
from functools import cache

from analyzer.ingest.native import LIBRARY

SMALLEST_TABLE = 64


class Table(ctypes.Structure):
    """`struct ids`: slots of some words for the id and one for a value, all of them 0 where nothing is."""

    _fields_ = (("slots", ctypes.c_void_p), ("size", ctypes.c_int64))

    def __init__(self, words: int, size: int) -> None:
        self.memory = (ctypes.c_uint64 * (size * (words + 1)))()
        super().__init__(ctypes.addressof(self.memory), size)


TABLE = ctypes.POINTER(Table)
LIBRARY.enlarge.argtypes = [TABLE, TABLE, ctypes.c_int64]
LIBRARY.enlarge.restype = None


@cache
def _without_ids(words: int) -> Table:
    """What a generation begins with."""
    return Table(words, 1)


class Generation:
    """Ids that came, `count` times together, in a table with room for more; those of another form in a dictionary."""

    def __init__(self, words: int) -> None:
        self.words = words
        self.count = 0
        self.others: dict[str, int] = {}
        self.table = _without_ids(words)

    def expect(self, more: int) -> None:
        """Make room, so that half of the table stays empty."""
        size = max(self.table.size, SMALLEST_TABLE)
        while size < 2 * (self.count + more):
            size *= 2
        if size > self.table.size:
            table = Table(self.words, size)
            LIBRARY.enlarge(self.table, table, self.words)
            self.table = table


class Generations:
    """The ids that came last: two generations of up to `most`, of which the older one is dropped, and never less than half."""

    def __init__(self, words: int, most: int) -> None:
        self.words = words
        self.most = most
        self._new, self._old = Generation(words), Generation(words)

    def expect(self, more: int) -> tuple[Table, Table]:
        """The two tables, with room for more ids in the first."""
        self._new.expect(more)
        return self._new.table, self._old.table

    def count_other(self, text: str) -> int:
        """How often an id came that has no place in a table, this time included."""
        count = (self._new.others.get(text) or self._old.others.get(text, 0)) + 1
        self._new.others[text] = count
        return count

    @property
    def room(self) -> int:
        """How many may still come before a new generation begins."""
        return self.most - self._new.count

    def came(self, more: int) -> None:
        """So many ids were looked up, and are in the first table now."""
        self._new.count += more
        if self._new.count >= self.most:
            self._new, self._old = Generation(self.words), self._new
