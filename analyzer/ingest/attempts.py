"""How often a request was tried: the same id again, in the order of the lines.

Lambda tries an asynchronous event again for up to six hours, and an environment serves about ten requests a second at most.
So the last 262,144 starts are remembered, in two generations of which the older one is dropped, and never less than half.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from analyzer.ingest.native import LIBRARY

GENERATION = 1 << 17
# An id of this length may be a UUID.
ID = 36
SMALLEST_TABLE = 64
SLOT = np.dtype([("id", np.uint64, 2), ("count", np.uint64)])
# What a generation begins with: a table without ids.
NOTHING = np.zeros(1, SLOT)


class _Slots(ctypes.Structure):
    _fields_ = (("slots", ctypes.c_void_p), ("size", ctypes.c_int64))


LIBRARY.count_start.argtypes = [ctypes.POINTER(_Slots), ctypes.POINTER(_Slots), ctypes.c_char_p]
LIBRARY.count_start.restype = ctypes.c_int64
LIBRARY.count_starts.argtypes = [
    ctypes.POINTER(_Slots), ctypes.POINTER(_Slots), ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p,
]  # fmt: skip
LIBRARY.count_starts.restype = None
LIBRARY.enlarge.argtypes = [ctypes.POINTER(_Slots), ctypes.POINTER(_Slots)]
LIBRARY.enlarge.restype = None


class _Generation:
    """Ids that were met, and how often: UUIDs in a table that attempts.c fills, others in a dictionary."""

    def __init__(self) -> None:
        self.starts = 0
        self.others: dict[str, int] = {}
        self._table = NOTHING
        self.slots = _Slots(NOTHING.ctypes.data, len(NOTHING))

    def expect(self, starts: int) -> None:
        """Make room, so that half of the table stays empty."""
        size = max(len(self._table), SMALLEST_TABLE)
        while size < 2 * (self.starts + starts):
            size *= 2
        if size > len(self._table):
            table = np.zeros(size, SLOT)
            slots = _Slots(table.ctypes.data, size)
            LIBRARY.enlarge(self.slots, slots)
            self._table, self.slots = table, slots


class Attempts:
    def __init__(self) -> None:
        self._new, self._old = _Generation(), _Generation()

    def next(self, request_id: str) -> int:
        """One more start of a request: the how-manieth it is."""
        self._new.expect(1)
        text = request_id.encode()
        count: int = LIBRARY.count_start(self._new.slots, self._old.slots, text) if len(text) == ID else 0
        if not count:
            count = (self._new.others.get(request_id) or self._old.others.get(request_id, 0)) + 1
            self._new.others[request_id] = count
        self._grow(1)
        return count

    def block(self, uuids: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The same for many requests in a row, each a row of two words as scan.c packs them."""
        counts = np.empty(len(uuids), np.int32)
        begin = 0
        while begin < len(uuids):
            end = min(len(uuids), begin + GENERATION - self._new.starts)
            part, into = np.ascontiguousarray(uuids[begin:end]), counts[begin:end]
            self._new.expect(end - begin)
            LIBRARY.count_starts(self._new.slots, self._old.slots, part.ctypes.data, end - begin, into.ctypes.data)
            self._grow(end - begin)
            begin = end
        return counts

    def _grow(self, starts: int) -> None:
        self._new.starts += starts
        if self._new.starts == GENERATION:
            self._new, self._old = _Generation(), self._new
