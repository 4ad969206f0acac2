"""How often a request was tried: the same id again, in the order of the lines.

Lambda tries an asynchronous event again for up to six hours, and an environment serves about ten requests a second at most.
So the last 262,144 starts are remembered, in two generations of which the older one is dropped, and never less than half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GENERATION = 1 << 17
# Ids of this length, which is that of a UUID, are taken in blocks.
ID = 36
# Odd numbers that spread the words of an id over 64 bits.
SPREAD = tuple(
    np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)
)


class _Generation:
    """Ids that were met: a count for those that came singly or again, and runs sorted by a hash for all but the freshest."""

    def __init__(self) -> None:
        self.size = 0
        self.counts: dict[str, int] = {}
        self.fresh: list[bytes] = []
        self.runs: list[tuple[NDArray[np.uint64], NDArray[np.uint8]]] = []

    def count(self, request_id: str) -> int:
        if (count := self.counts.get(request_id)) is not None:
            return count
        text = request_id.encode()
        if not self.runs or len(text) != ID:
            return 0
        return int(any(_holds(keys, ids, text) for keys, ids in self.runs))

    def set(self, request_id: str, count: int) -> None:
        if request_id not in self.counts and len(text := request_id.encode()) == ID:
            self.fresh.append(text)
        self.counts[request_id] = count

    def may_hold(self, sorted_keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Where a key is met again. Two ids may share one, so this is no proof."""
        if self.fresh:
            ids = np.frombuffer(b"".join(self.fresh), np.uint8).reshape(-1, ID)
            keys = hashes(ids)
            order = np.argsort(keys)
            self.add(keys[order], ids[order])
            self.fresh.clear()
        found = np.zeros(len(sorted_keys), np.bool_)
        for keys, _ in self.runs:
            places = np.searchsorted(keys, sorted_keys)
            places[places == len(keys)] = 0
            found |= keys[places] == sorted_keys
        return found

    def add(self, keys: NDArray[np.uint64], ids: NDArray[np.uint8]) -> None:
        """Take a run, sorted by its keys. Runs of like size are merged, so that there are few."""
        while self.runs and len(self.runs[-1][0]) <= 2 * len(keys):
            other_keys, other_ids = self.runs.pop()
            keys, ids = np.concatenate((other_keys, keys)), np.concatenate((other_ids, ids))
            order = np.argsort(keys)
            keys, ids = keys[order], ids[order]
        self.runs.append((keys, ids))


def _holds(keys: NDArray[np.uint64], ids: NDArray[np.uint8], text: bytes) -> bool:
    """Whether an id is in a run. A short run is quicker searched than the hash of a single id is made."""
    if len(keys) > 1_000:
        one = np.frombuffer(text, np.uint8).reshape(1, ID)
        key = hashes(one)[0]
        ids = ids[np.searchsorted(keys, key, "left") : np.searchsorted(keys, key, "right")]
    cells = ids.tobytes()
    place = cells.find(text)
    while place >= 0 and place % ID:
        place = cells.find(text, place + 1)
    return place >= 0


class Attempts:
    def __init__(self) -> None:
        self._new, self._old = _Generation(), _Generation()

    def next(self, request_id: str) -> int:
        """One more start of a request: the how-manieth it is."""
        count = (self._new.count(request_id) or self._old.count(request_id)) + 1
        self._new.set(request_id, count)
        self._grow(1)
        return count

    def block(self, ids: NDArray[np.uint8], keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The same for many requests in a row, whose ids are the rows of `ids` and `keys` the hashes of them."""
        counts = np.ones(len(ids), np.int32)
        begin = 0
        while begin < len(ids):
            end = min(len(ids), begin + GENERATION - self._new.size)
            self._block(ids[begin:end], keys[begin:end], counts[begin:end])
            self._grow(end - begin)
            begin = end
        return counts

    def _block(self, ids: NDArray[np.uint8], keys: NDArray[np.uint64], counts: NDArray[np.int32]) -> None:
        order = np.argsort(keys)
        keys = keys[order]
        again = np.zeros(len(ids), np.bool_)
        again[1:] = keys[1:] == keys[:-1]
        again[:-1] |= again[1:]
        for generation in (self._new, self._old):
            again |= generation.may_hold(keys)
        for place in np.sort(order[again]):
            request_id = ids[place].tobytes().decode()
            count = (self._new.count(request_id) or self._old.count(request_id)) + 1
            counts[place] = self._new.counts[request_id] = count
        self._new.add(keys, ids[order])

    def _grow(self, size: int) -> None:
        self._new.size += size
        if self._new.size == GENERATION:
            self._new, self._old = _Generation(), self._new


def hashes(ids: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """64 bits for each id of 36 bytes."""
    rows = np.ascontiguousarray(ids).view("<u4")
    mixed = rows[:, 8].astype(np.uint64)
    for number, factor in enumerate(SPREAD):
        mixed ^= rows[:, 2 * number : 2 * number + 2].copy().view("<u8").ravel()
        mixed *= factor
        mixed ^= mixed >> np.uint64(29)
    return mixed
