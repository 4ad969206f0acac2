"""Where a short series changes its level, and where it leaves it and comes back.

Detection works on ranks, so no outlier, no unit and no logarithm matters to it. Chance is what circular permutation of
blocks makes of the same values: neighbours that resemble each other stay together (Politis and Romano 1992). Places are
indices: a change `at` k lies between the values k - 1 and k. The same values give the same numbers: seeds are fixed.

Impossible input raises ValueError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil, sqrt
from typing import TYPE_CHECKING

from msgspec import Struct

from analyzer.measure.series import block_length

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

# Permutations are made in rounds, until one of them is as strong as the values themselves. A p of 1 in 1,000 would not do where
# a report asks about many functions: docs/truth.md.
PERMUTATIONS, ROUNDS = 999, 10
RESAMPLES = 499
# A change so near to an end that fewer than a twentieth of the values lie beyond it is not looked for.
TRIM = 0.05
# Pieces are cut further while they have this many values.
LEAST_TO_CUT = 12
SEED = 2
# A visit elsewhere lasts at least this many values, and as many must lie before and after it.
LEAST_IN_EPISODE = 3


class Change(Struct, frozen=True):
    """A lasting change of level between the values at - 1 and at; `low` and `high` bound the place.

    `begin` and `end` are those of the stretch in which it is the only change.
    """

    at: int
    low: int
    high: int
    begin: int
    end: int
    p: float
    shift: float


class Episode(Struct, frozen=True):
    """The values from `begin` to before `end` lie elsewhere than those on both sides, by `shift`.

    `begin_limits` and `end_limits` bound the two places.
    """

    begin: int
    end: int
    p: float
    shift: float
    begin_limits: tuple[int, int]
    end_limits: tuple[int, int]


def strongest_split(values: Sequence[float]) -> tuple[float, int]:
    """The largest |sum of centred ranks before k| / sqrt(k (n - k)) and its k, of n values (Pettitt 1979, weighted).

    Ties share their middle rank. Of several k that are equally strong the one nearest to the middle, then the first.
    """
    import numpy as np

    ranks = _centred_ranks(values)
    strengths, places = _strengths(ranks[None, :])
    best = strengths[0].max()
    candidates = places[strengths[0] >= best * (1 - 1e-12)]
    middle = np.abs(2 * candidates - len(ranks))
    return float(best), int(candidates[int(middle.argmin())])


def chance_of_split(values: Sequence[float], seed: int = SEED) -> float:
    """How often chance alone makes a split as strong as the strongest of these values, from up to 9,990 permutations."""
    import numpy as np

    strength, split = strongest_split(values)
    if strength == 0:
        return 1.0
    ranks = _centred_ranks(values)
    # What the best split leaves over shows the memory; the split itself would pass for it.
    left = ranks.astype(np.float64)
    left[:split] -= left[:split].mean()
    left[split:] -= left[split:].mean()

    def as_strong(rows: Integers) -> int:
        strengths, _ = _strengths(rows)
        return int((strengths.max(axis=1) >= strength * (1 - 1e-12)).sum())

    return _chance(ranks, block_length(left), as_strong, seed)


def change_points(
    values: Sequence[float], least_shift: float, least_noises: float, alpha: float = 0.01
) -> list[Change]:
    """Every lasting change, in order: p at most `alpha`, and a difference of medians of at least `least_shift` and of
    `least_noises` times the scatter of the values around their levels (median absolute deviation).

    A series is cut at its strongest split, and its pieces again, while chance does not explain it (binary segmentation,
    Scott and Knott 1974). Of the cuts the smallest are taken back until all are large enough.
    """
    import numpy as np

    if least_shift < 0 or least_noises < 0:
        raise ValueError("The least shift is not negative.")
    series = np.asarray(values, dtype=np.float64)
    cuts: dict[int, float] = {}
    pieces = [(0, len(series))]
    while pieces:
        begin, end = pieces.pop()
        if end - begin < LEAST_TO_CUT:
            continue
        piece = series[begin:end].tolist()
        p = chance_of_split(piece)
        if p <= alpha:
            cut = begin + strongest_split(piece)[1]
            cuts[cut] = p
            pieces += [(begin, cut), (cut, end)]
    while cuts:
        shifts = _shifts(series, sorted(cuts))
        noise = float(np.median(np.abs(_left(series, sorted(cuts)))))
        smallest = min(shifts, key=lambda cut: abs(shifts[cut]))
        if abs(shifts[smallest]) >= max(least_shift, least_noises * noise) and shifts[smallest] != 0:
            break
        del cuts[smallest]
    places = [0, *sorted(cuts), len(series)]
    found = []
    for begin, at, end in zip(places, places[1:], places[2:], strict=False):
        low, high = place_limits(series[begin:end].tolist(), at - begin)
        found.append(Change(at, begin + low, begin + high, begin, end, cuts[at], shifts[at]))
    return found


def place_limits(values: Sequence[float], at: int, confidence: float = 0.95, seed: int = SEED) -> tuple[int, int]:
    """Between which places the one change of these values lies, by splitting 499 series made of its levels and its scatter.

    Blocks of what is left around both levels are drawn with replacement, each side from its own (Künsch 1989), and where
    the strongest split of such a series falls shows how well the place is known.
    """
    import numpy as np

    series = np.asarray(values, dtype=np.float64)
    if not 0 < at < len(series):
        raise ValueError(f"A change lies between two of {len(series)} values, not at {at}.")
    generator = np.random.default_rng(seed)
    left = _left(series, [at])
    length = block_length(left)
    made = np.empty((RESAMPLES, len(series)))
    for begin, end in ((0, at), (at, len(series))):
        size = end - begin
        starts = generator.integers(0, size, size=(RESAMPLES, ceil(size / length)))
        index = (starts[:, :, None] + np.arange(length)).reshape(RESAMPLES, -1)[:, :size] % size
        made[:, begin:end] = np.median(series[begin:end]) + left[begin:end][index]
    strengths, places = _strengths(_centred_ranks_by_row(made))
    errors = places[strengths.argmax(axis=1)] - at
    tail = (1 - confidence) / 2
    low, high = np.quantile(errors, [tail, 1 - tail], method="inverted_cdf")
    # As far to either side as errors go to any: whether such a split falls early or late is known no better than where.
    reach = int(max(-low, high))
    return max(1, at - reach), min(len(series) - 1, at + reach)


def episode(values: Sequence[float], least_shift: float, alpha: float = 0.01, seed: int = SEED) -> Episode | None:
    """The stretch whose ranks differ most from those around it, where chance does not explain it and the level comes back.

    At most half of the values and at least three, with three before and three after. It has come back where the medians
    before and after differ by at most half as much as the stretch does from them. Ranks find the stretch and tend to take
    in what happens to lie beside it; its ends are where each value is told by the level that it is nearer to.
    """
    import numpy as np

    series = np.asarray(values, dtype=np.float64)
    if len(series) < 4 * LEAST_IN_EPISODE:
        return None
    ranks = _centred_ranks(values)
    strength, begin, end = _strongest_stretch(ranks)
    if strength == 0:  # all values are equal
        return None
    inside = np.zeros(len(series), dtype=bool)
    inside[begin:end] = True
    before, within, after = (float(np.median(part)) for part in (series[:begin], series[begin:end], series[end:]))
    shift = within - float(np.median(series[~inside]))
    if abs(shift) < least_shift or abs(after - before) > abs(shift) / 2:
        return None
    left = ranks.astype(np.float64)
    left[inside] -= left[inside].mean()
    left[~inside] -= left[~inside].mean()
    p = _chance(ranks, block_length(left), lambda rows: _as_strong_stretches(rows, strength * (1 - 1e-12)), seed)
    if p > alpha:
        return None
    begin, end = _nearer(series, begin, end, shift)
    length = end - begin
    # As much around either end as the stretch is long shows how well it is known.
    first, last = max(0, begin - 2 * length), min(len(series), end + 2 * length)
    low, high = place_limits(series[first:end].tolist(), begin - first)
    end_low, end_high = place_limits(series[begin:last].tolist(), length)
    return Episode(begin, end, p, shift, (first + low, first + high), (begin + end_low, begin + end_high))


# ── ranks, sums and permutations ─────────────────────────────────────────────────────────────────────────────────────


def _centred_ranks(values: Sequence[float]) -> Integers:
    """Twice the middle rank less its mean: whole numbers, so that sums are exact from either end."""
    import numpy as np

    series = np.asarray(values, dtype=np.float64)
    if len(series) < 2 or not np.isfinite(series).all():
        raise ValueError("A series to be split has at least two values, all of them finite.")
    ordered = np.sort(series)
    below = np.searchsorted(ordered, series, side="left")
    not_above = np.searchsorted(ordered, series, side="right")
    ranks: Integers = (below + not_above - len(series)).astype(np.int64)
    return ranks


def _centred_ranks_by_row(rows: Floats) -> Integers:
    """The same for many series that have hardly any ties, which are ranked in the order of time here."""
    import numpy as np

    ranks = np.empty(rows.shape, dtype=np.int64)
    order = rows.argsort(axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(rows.shape[1]), rows.shape), axis=1)
    centred: Integers = 2 * ranks + 1 - rows.shape[1]
    return centred


def _strengths(rows: Integers) -> tuple[Floats, Integers]:
    """Of each row the strength of every split that leaves enough on both sides, and the places of these splits."""
    import numpy as np

    n = rows.shape[1]
    trim = max(1, ceil(TRIM * n))
    places = np.arange(trim, n - trim + 1)
    sums = np.cumsum(rows, axis=1)[:, places - 1]
    return np.abs(sums) / np.sqrt(places * (n - places)), places


def _permuted(ranks: Integers, length: int, generator: np.random.Generator) -> Integers:
    """999 series of the same ranks: the ring of them is cut at a random place into blocks, which are shuffled."""
    import numpy as np

    n = len(ranks)
    blocks = ceil(n / length)
    order = generator.permuted(np.broadcast_to(np.arange(blocks), (PERMUTATIONS, blocks)), axis=1)
    turns = generator.integers(0, n, size=(PERMUTATIONS, 1))
    index = (order[:, :, None] * length + np.arange(length)).reshape(PERMUTATIONS, -1)
    # The last block may be short: what would lie beyond the end is left out.
    index = index[index < n].reshape(PERMUTATIONS, n)
    shuffled: Integers = ranks[(index + turns) % n]
    return shuffled


def _chance(ranks: Integers, length: int, as_strong: Callable[[Integers], int], seed: int) -> float:
    """The share of permutations that are as strong, of as many rounds as it takes to see one (Besag and Clifford 1991)."""
    import numpy as np

    generator = np.random.default_rng(seed)
    seen = made = 0
    while not seen and made < ROUNDS * PERMUTATIONS:
        seen = as_strong(_permuted(ranks, length, generator))
        made += PERMUTATIONS
    return (1 + seen) / (1 + made)


def _strongest_stretch(ranks: Integers) -> tuple[float, int, int]:
    import numpy as np

    best, place = 0.0, (0, 0)
    n = len(ranks)
    sums = np.concatenate([[0], np.cumsum(ranks)])
    for length in range(LEAST_IN_EPISODE, n // 2 + 1):
        begins = np.arange(LEAST_IN_EPISODE, n - LEAST_IN_EPISODE - length + 1)
        if not len(begins):
            break
        strengths = np.abs(sums[begins + length] - sums[begins]) / np.sqrt(length * (n - length))
        found = int(strengths.argmax())
        if strengths[found] > best * (1 + 1e-12):
            best, place = float(strengths[found]), (int(begins[found]), int(begins[found]) + length)
    return best, *place


def _nearer(series: Floats, begin: int, end: int, shift: float) -> tuple[int, int]:
    """The stretch, sharing a value with the given one, with the most for its level: each value votes between -1 and 1."""
    import numpy as np

    outside = float(np.median(np.concatenate([series[:begin], series[end:]])))
    votes = np.clip(2 * (series - outside - shift / 2) / shift, -1, 1)
    sums = np.concatenate([[0.0], np.cumsum(votes)])
    # From the value that both share, the best reach to either side is independent of the other.
    middle = begin + int(votes[begin:end].argmax())
    last = middle + 1 + int(sums[middle + 1 : len(series)].argmax())
    return 1 + int(sums[1 : middle + 1].argmin()), last


def _as_strong_stretches(rows: Integers, strength: float) -> int:
    """How many rows have a stretch of this strength or more."""
    import numpy as np

    n = rows.shape[1]
    sums = np.concatenate([np.zeros((len(rows), 1), dtype=np.int64), np.cumsum(rows, axis=1)], axis=1)
    # No stretch holds more than lies between the highest and the lowest sum, which rules most rows out.
    span = sums.max(axis=1) - sums.min(axis=1)
    found = np.zeros(len(rows), dtype=bool)
    for length in range(LEAST_IN_EPISODE, min(n // 2, n - 2 * LEAST_IN_EPISODE) + 1):
        least = strength * sqrt(length * (n - length))
        open_ = np.flatnonzero(~found & (span >= least))
        stop = n - LEAST_IN_EPISODE - length + 1
        moved = sums[open_, LEAST_IN_EPISODE + length : stop + length] - sums[open_, LEAST_IN_EPISODE:stop]
        found[open_] = np.abs(moved).max(axis=1, initial=0) >= least
    return int(found.sum())


def _pieces(series: Floats, cuts: Sequence[int]) -> list[Floats]:
    places = [0, *cuts, len(series)]
    return [series[begin:end] for begin, end in pairwise(places)]


def _shifts(series: Floats, cuts: Sequence[int]) -> dict[int, float]:
    """For each cut, how far the median after it lies from the one before it."""
    import numpy as np

    levels = [float(np.median(piece)) for piece in _pieces(series, cuts)]
    return {cut: after - before for cut, before, after in zip(cuts, levels, levels[1:], strict=False)}


def _left(series: Floats, cuts: Sequence[int]) -> Floats:
    """What the levels between the cuts leave over."""
    import numpy as np

    return np.concatenate([piece - np.median(piece) for piece in _pieces(series, cuts)])
