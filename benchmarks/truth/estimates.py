"""Draws data whose truth is known and counts how often the intervals of the report hold it, and what passes for a change.

Prints Markdown. `make truth` writes it to docs/truth.md; TRUTH_RUNS=2000 makes the counts finer, the default is 400.
Every interval comes from the function that the report uses. Seeds are fixed, and none of them was used while a method was chosen.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from math import ceil, exp, log, sqrt

import numpy as np

from analyzer.measure.bins import LEAST_AMPLITUDE, RHYTHM_ALPHA
from analyzer.measure.change_points import change_points
from analyzer.measure.metrics.changes import LEAST_NOISES, LEAST_RATIO
from analyzer.measure.series import effective_fraction, rhythm, trend
from analyzer.measure.statistics import (
    Interval,
    clustered_share,
    clustered_slope,
    difference_of_means,
    effective_n,
    nearest_rank,
    quantile_ranks,
    ratio_of_sums,
)
from analyzer.measure.two_groups import difference_of_shares, shift

RUNS = int(os.environ.get("TRUTH_RUNS", "400"))
SERIES = max(20, RUNS // 4)
AIM = (0.92, 0.97)
SEED = 20_260_917

Floats = np.ndarray
# How many times a truth was held, of how many intervals, and how many drawn samples set no limit on some side.
Count = tuple[int, int, int]


def generators(cell: str) -> Iterator[np.random.Generator]:
    """One generator for each run, the same for the same cell whatever else is measured."""
    key = [ord(letter) for letter in cell]
    for run in range(RUNS):
        yield np.random.default_rng([SEED, run, *key])


def held(draw: Callable[[np.random.Generator], tuple[Interval, float]], cell: str) -> Count:
    inside = open_ended = 0
    for generator in generators(cell):
        limits, truth = draw(generator)
        low, high = (-np.inf if limits.low is None else limits.low), (np.inf if limits.high is None else limits.high)
        inside += bool(low - 1e-12 <= truth <= high + 1e-12)
        open_ended += limits.low is None or limits.high is None
    return inside, RUNS, open_ended


def row(what: str, setting: str, count: Count, why: str = "") -> str:
    inside, runs, open_ended = count
    share = inside / runs
    error = 1.96 * sqrt(max(share * (1 - share), 0.25 / runs) / runs)
    missed = not AIM[0] - error <= share <= AIM[1] + error
    sided = f"{open_ended / runs:.0%}" if open_ended else ""
    verdict = "**no**" if missed else "yes"
    return f"| {what} | {setting} | {share:.1%} ± {error:.1%} | {verdict} | {sided} | {why if missed else ''} |"


# ── samples ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def clustered(generator: np.random.Generator, streams: int, size: int, icc: float, scatter: float = 0.6) -> Floats:
    """Log durations, one row a stream, of which the part `icc` of the variance lies between streams."""
    own = generator.standard_normal((streams, 1)) * sqrt(icc)
    return scatter * (own + generator.standard_normal((streams, size)) * sqrt(1 - icc))


def series(generator: np.random.Generator, kind: str, n: int = 168, steps: Sequence[tuple[int, float]] = ()) -> Floats:
    """Hourly log medians: a scatter of 10 %, outliers of 50 % in one bin of fifty, and what `kind` adds."""
    fresh = generator.standard_normal(n)
    if kind == "AR(1) 0.5":
        for place in range(1, n):
            fresh[place] = 0.5 * fresh[place - 1] + sqrt(0.75) * fresh[place]
    values = 0.1 * fresh + np.where(generator.random(n) < 0.02, generator.exponential(0.5, n), 0.0)
    if kind == "daily rhythm":
        values += 0.2 * np.sin(2 * np.pi * np.arange(n) / 24)
    for at, height in steps:
        values[at:] += height
    return values


def without_rhythm(values: Floats) -> Floats:
    """As the report takes the hours of the day off, where they differ beyond chance."""
    found = rhythm(list(enumerate(values.tolist())), 24)
    if found is None or found.p > RHYTHM_ALPHA or found.amplitude < LEAST_AMPLITUDE:
        return values
    return values - np.array([found.phases[hour % 24] or 0.0 for hour in range(len(values))])


# ── intervals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def share(streams: int, icc: float, truth: float) -> Callable[[np.random.Generator], tuple[Interval, float]]:
    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        rates = truth
        if icc:
            rates = generator.beta(truth * (1 / icc - 1), (1 - truth) * (1 / icc - 1), streams)
        k = generator.binomial(50, rates, streams)
        n = 50 * streams
        squares = float(((k - 50 * k.sum() / n) ** 2).sum())
        return clustered_share(int(k.sum()), n, streams, squares), truth

    return draw


def quantile(p: float, streams: int, size: int, icc: float) -> Callable[[np.random.Generator], tuple[Interval, float]]:
    from statistics import NormalDist

    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        table = clustered(generator, streams, size, icc)
        values, n = np.sort(table.ravel()), table.size
        below = (table <= values[nearest_rank(n, p) - 1]).sum(axis=1)
        k = int(below.sum())
        worth = effective_n(k, n, streams, float(((below - size * k / n) ** 2).sum()))
        low, high = quantile_ranks(n, p, worth)
        limits = Interval(
            None if low is None else float(values[low - 1]), None if high is None else float(values[high - 1]), ""
        )
        return limits, 0.6 * NormalDist().inv_cdf(p)

    return draw


def mean(
    streams: int, size: int, icc: float, scatter: float
) -> Callable[[np.random.Generator], tuple[Interval, float]]:
    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        y = np.exp(clustered(generator, streams, size, icc, scatter)).sum(axis=1)
        sums = (float(y.sum()), float(streams * size), streams)
        _, limits = ratio_of_sums(*sums, float(y @ y), float(y.sum() * size), float(size**2 * streams))
        return limits, exp(scatter**2 / 2)

    return draw


def elasticity(streams: int, icc: float) -> Callable[[np.random.Generator], tuple[Interval, float]]:
    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        step, truth = log(2), 0.5
        small = clustered(generator, streams, 20, icc).mean(axis=1)
        large = clustered(generator, streams, 20, icc).mean(axis=1) - truth * step
        parts = [
            (float(y.mean()) / step, float(y.std(ddof=1)) / sqrt(streams) / step, streams - 1) for y in (small, large)
        ]
        return difference_of_means(*parts[0], *parts[1]), truth

    return draw


def exponent(icc: float) -> Callable[[np.random.Generator], tuple[Interval, float]]:
    """Inputs differ from environment to environment, and so does what a line through all calls leaves over."""

    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        x = clustered(generator, 20, 15, icc, 1.0).ravel()
        y = 1.3 * x + clustered(generator, 20, 15, icc, 0.3).ravel()
        slope, level = (float(one) for one in np.polyfit(x, y, 1))
        scores = ((x - x.mean()) * (y - level - slope * x)).reshape(20, 15).sum(axis=1)
        return clustered_slope(slope, 20, float(scores @ scores), float(((x - x.mean()) ** 2).sum())), 1.3

    return draw


def version_ratio(streams: int, spread: float) -> Callable[[np.random.Generator], tuple[Interval, float]]:
    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        before = np.median(clustered(generator, streams, 20, 0.1), axis=1)
        after = np.median(clustered(generator, streams, 20, 0.1, 0.6 * spread), axis=1) + log(1.2)
        return shift(before.tolist(), after.tolist())[1], log(1.2)

    return draw


def error_difference(
    bins: int, icc: float, before: float, after: float
) -> Callable[[np.random.Generator], tuple[Interval, float]]:
    def limits(generator: np.random.Generator, truth: float) -> tuple[float, Interval]:
        rates = generator.beta(truth * (1 / icc - 1), (1 - truth) * (1 / icc - 1), bins) if icc else truth
        k, n = generator.binomial(50, rates, bins), 50 * bins
        share = float(k.sum() / n)
        return share, clustered_share(int(k.sum()), n, bins, float(((k - 50 * share) ** 2).sum()))

    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        return difference_of_shares(*limits(generator, before), *limits(generator, after)), after - before

    return draw


def changed(kind: str, height: float) -> tuple[Count, Count]:
    """The limits of ratio and place of changes that were found; those that were not have none."""
    ratio_held = place_held = found = 0
    for generator in generators(f"changed {kind} {height:.3f}"):
        at = int(generator.integers(34, 134))
        values = series(generator, kind, steps=[(at, height)])
        for change in change_points(values.tolist(), log(LEAST_RATIO), LEAST_NOISES):
            if abs(change.at - at) > 20:
                continue
            found += 1
            before, after = values[change.begin : change.at], values[change.at : change.end]
            left = np.concatenate([before - np.median(before), after - np.median(after)])
            _, limits = shift(before.tolist(), after.tolist(), effective_fraction(left))
            ratio_held += limits.low is not None and limits.high is not None and limits.low <= height <= limits.high
            place_held += change.low <= at <= change.high
    return (ratio_held, max(1, found), 0), (place_held, max(1, found), 0)


def trended(kind: str) -> Callable[[np.random.Generator], tuple[Interval, float]]:
    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        times = np.arange(168.0)
        values = series(generator, kind) + 0.3 * times / 168
        return trend(times.tolist(), values.tolist()).interval, 0.3 / 168

    return draw


FEW = "few bursts: their number is as skewed as it is small, and more streams help"
SKEWED = "a t interval of a skewed mean: misses lie above it"
IGNORED = "few environments carry the extreme inputs, and their own residuals are drawn to the line"
SELECTED = "the split with the largest difference was looked for, and the limits do not know"


def intervals() -> Iterator[str]:
    yield "| interval | data | holds the truth | within 92–97 % | one side open | why not |"
    yield "|---|---|---:|---|---:|---|"
    for truth in (0.3, 0.05):
        for icc in (0.0, 0.1, 0.3):
            for streams in (12, 30):
                setting = f"share {truth}, correlation {icc}, {streams} streams of 50"
                why = FEW if truth < 0.1 and icc else "conservative where clusters are independent: the t quantile"
                yield row("share", setting, held(share(streams, icc, truth), setting), why)
    for p in (0.5, 0.95, 0.99):
        for streams, size, icc in (
            (500, 1, 0.0),
            (10, 50, 0.0),
            (10, 50, 0.1),
            (10, 50, 0.3),
            (40, 25, 0.1),
            (40, 25, 0.3),
        ):
            setting = f"p{100 * p:g}, {streams} streams of {size}, correlation {icc}"
            why = "ranks are whole: the next narrower pair would hold less than 95 %"
            yield row("quantile", setting, held(quantile(p, streams, size, icc), setting), why)
    for streams, size, icc, scatter in ((30, 20, 0.0, 0.6), (30, 20, 0.3, 0.6), (10, 50, 0.3, 0.6), (30, 20, 0.3, 1.2)):
        setting = f"log-normal {scatter}, {streams} streams of {size}, correlation {icc}"
        yield row("mean", setting, held(mean(streams, size, icc, scatter), setting), SKEWED)
    for streams, icc in ((4, 0.1), (10, 0.1), (10, 0.5)):
        setting = f"{streams} environments of each size, correlation {icc}"
        yield row("memory.elasticity", setting, held(elasticity(streams, icc), setting))
    for icc in (0.0, 0.1, 0.3):
        setting = f"20 environments of 15 calls, correlation {icc}"
        yield row("input.exponent", setting, held(exponent(icc), setting), IGNORED)
    for streams, spread in ((8, 1.0), (20, 1.0), (20, 2.0), (100, 1.0)):
        setting = f"{streams} environments of each version, spread × {spread:g}"
        yield row(
            "version.ratio",
            setting,
            held(version_ratio(streams, spread), setting),
            "few ranks: the next lower one is too near",
        )
    for bins, icc, before, after in ((20, 0.0, 0.02, 0.05), (20, 0.1, 0.02, 0.05), (20, 0.1, 0.2, 0.3)):
        setting = f"{before:.0%} to {after:.0%}, {bins} groups of 50 on each side, correlation {icc}"
        yield row("difference of error rates", setting, held(error_difference(bins, icc, before, after), setting), FEW)
    for kind in ("heavy tail", "AR(1) 0.5"):
        for height in (log(1.2), log(1.5)):
            ratio, place = changed(kind, height)
            setting = f"{kind}, {exp(height) - 1:+.0%}, {ratio[1]} changes found"
            yield row("change.ratio", setting, ratio, SELECTED)
            yield row("change.at", setting, place, "wide on purpose: the same reach to both sides, in whole bins")
        yield row("trend.total", f"{kind}, +35 % over the window", held(trended(kind), f"trend {kind}"), "")


# ── changes beside peers ─────────────────────────────────────────────────────────────────────────────────────────────


def ours(values: Floats) -> list[int]:
    return [change.at for change in change_points(values.tolist(), log(LEAST_RATIO), LEAST_NOISES)]


def three_noises(values: Floats) -> list[int]:
    return [change.at for change in change_points(values.tolist(), log(LEAST_RATIO), 3.0)]


def pelt(values: Floats) -> list[int]:
    import ruptures

    # PELT over least squares in C: a linear kernel is the same cost as the model "l2", many times as fast.
    scaled = (values / values.std())[:, None]
    found = ruptures.KernelCPD(kernel="linear", min_size=3).fit(scaled).predict(pen=3 * log(len(values)))
    return [int(place) for place in found[:-1]]


def otava(values: Floats) -> list[int]:
    from otava.analysis import compute_change_points

    # A list: of an array Otava 0.8 makes windows without a value in them.
    points, _ = compute_change_points(np.exp(values).tolist(), window_len=50, max_pvalue=0.001)
    return [point.index for point in points]


METHODS: dict[str, Callable[[Floats], list[int]]] = {
    "Reportline": ours,
    "the same, gate of 3 MAD": three_noises,
    "ruptures PELT, l2, penalty 3 ln n": pelt,
    "Otava, p .001, window 50": otava,
}


def changes() -> Iterator[str]:
    yield "| series | method | healthy with an alarm | +20 % found | reported at +20 % | +50 % found | reported at +50 % |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    for kind in ("heavy tail", "AR(1) 0.5", "daily rhythm", "daily rhythm, taken off"):
        for name, method in METHODS.items():
            cells = []
            for height in (0.0, log(1.2), log(1.5)):
                hits = reported = 0
                for run, generator in zip(range(SERIES), generators(f"series {kind[:12]} {height:.3f}"), strict=False):
                    del run
                    at = int(generator.integers(34, 134))
                    values = series(generator, kind.partition(",")[0], steps=[(at, height)] if height else [])
                    found = method(without_rhythm(values) if "off" in kind else values)
                    hits += bool(found) if height == 0 else any(abs(place - at) <= 3 for place in found)
                    reported += len(found)
                cells += [f"{hits / SERIES:.0%}"] + ([f"{reported / SERIES:.2f}"] if height else [])
            yield f"| {kind} | {name} | {' | '.join(cells)} |"


def main() -> None:
    begun = time.monotonic()
    names = ("numpy", "scipy", "ruptures", "apache-otava")
    packages = ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)])
    print(f"""# What is true of the numbers

Data whose truth is known, drawn from fixed seeds, and what the functions behind the report say of them.
Whole diagnoses are held against known faults in [diagnosis.md](diagnosis.md).

Made on {datetime.now(UTC):%Y-%m-%d} by `TRUTH_RUNS={RUNS} make truth`, with {packages},
on {platform.system()} {platform.machine()} with {os.cpu_count()} cores.

## How often an interval of 95 % holds the truth

{RUNS} samples a row; after ± twice the standard error of the counting itself, which the verdict allows for. An interval
with an open side holds everything on that side. Kaplan-Meier quantiles are not in this table.
""")
    for line in intervals():
        print(line, flush=True)
    print(f"""
## What passes for a change

168 hourly values with a scatter of 10 % and outliers in one hour of fifty; {SERIES} series a cell. A change is found where
it is reported within three hours of its place. Each peer has one setting, its default or a usual one, and was not tuned;
the rhythm is taken off for all of them in the same way. No series holds more than one change.
""")
    for line in changes():
        print(line, flush=True)
    print(f"\nTook {ceil((time.monotonic() - begun) / 60)} minutes.")


if __name__ == "__main__":
    main()
