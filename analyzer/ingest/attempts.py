"""How often a request was tried: the same id again, in the order of the lines.

Lambda tries an asynchronous event again for up to six hours, and an environment serves about ten requests a second at most.
So the last 131,072 to 262,144 starts are remembered.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import NDArray

from analyzer.ingest.ids import TABLE, Generations
from analyzer.ingest.native import LIBRARY

GENERATION = 1 << 17
# An id of this length may be a UUID, which takes so many words.
ID, WORDS = 36, 2

LIBRARY.count_start.argtypes = [TABLE, TABLE, ctypes.c_char_p]
LIBRARY.count_start.restype = ctypes.c_int64
LIBRARY.count_starts.argtypes = [TABLE, TABLE, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p]
LIBRARY.count_starts.restype = None


class Attempts:
    def __init__(self) -> None:
        self._ids = Generations(WORDS, GENERATION)

    def next(self, request_id: str) -> int:
        """One more start of a request: the how-manieth it is."""
        text = request_id.encode()
        count: int = LIBRARY.count_start(*self._ids.expect(1), text) if len(text) == ID else 0
        count = count or self._ids.count_other(request_id)
        self._ids.came(1)
        return count

    def block(self, uuids: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The same for many requests in a row, each a row of two words as scan.c packs them."""
        counts = np.empty(len(uuids), np.int32)
        begin = 0
        while begin < len(uuids):
            end = min(len(uuids), begin + self._ids.room)
            part, into = np.ascontiguousarray(uuids[begin:end]), counts[begin:end]
            LIBRARY.count_starts(*self._ids.expect(end - begin), part.ctypes.data, end - begin, into.ctypes.data)
            self._ids.came(end - begin)
            begin = end
        return counts
