"""What passes for a finding: how often a test cries out on healthy data, and how often it sees what is there.

Changes are looked for beside two peers, on drawn and on real series; leaks and second modes by the families of the report.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Callable, Iterator
from importlib.metadata import distribution
from math import exp, log

import numpy as np

from analyzer.measure.change_points import chance_of_split, change_points, episode
from analyzer.measure.discoveries import FALSE_DISCOVERIES
from analyzer.measure.metrics import leak, modes
from analyzer.measure.metrics.changes import LEAST_NOISES, LEAST_RATIO
from analyzer.measure.two_groups import adjusted
from benchmarks.truth.document import Reached, at_least, at_most
from benchmarks.truth.draws import RUNS, Floats, Rows, asked, calls, clustered, generators, series, without_rhythm

SERIES = max(20, RUNS // 4)
LAKES = max(40, RUNS // 2)
# What is aimed at for leaks is a hundredth and nine tenths, and needs fleets enough to be told from what lies beside it.
LEAKS = max(40, RUNS * 5 // 2)
HEALTHY, LEAKING = "no leak, 20 environments of 30 calls", "a leak of 0.2 MB a call, 20 environments of 30 calls"
MOST_FALSE_ALARMS, LEAST_POWER = 0.01, 0.90
FLEETS = max(5, RUNS // 16)


def findings(reached: list[Reached]) -> Iterator[str]:
    """The tables; what was aimed at is added to `reached` on the way."""
    yield f"""
## What passes for a change

168 hourly values with a scatter of 10 % and outliers in one hour of fifty; {SERIES} series a cell. A change is found where
it is reported within twelve hours of its place, and placed where within three. Each peer has one setting, its default or a usual
one, and was not tuned; the rhythm is taken off for all of them in the same way. No series holds more than one change.
"""
    yield from beside_peers(reached)
    yield """
### In real series whose change is known

What each method reports, without being told. In each the place is agreed on: the Nile's flow fell after 1898, drivers killed or
injured in Great Britain after the oil crisis of 1973/74 and the seat-belt law of 31 January 1983 (months, their yearly rhythm
taken off), disasters in British coal mines around 1890 (a year, cube root of their number and 3/8 more).
"""
    yield from real_series()
    yield """
## What passes for a leak, an episode, a second mode

Leaks and modes go through a lake. A healthy environment needs 3 MB more or less from call to call, and its mark never falls. An
alarm about a leak is what the rule asks for: p at most 0.01 and a slope of which no less than 0.05 MB a call is sure, be it a cache
that fills or a leak; about an episode or a mode it is p at most 0.01.
"""
    yield from leaks(reached)
    yield from others()
    yield f"""
## What many functions make of chance

{FLEETS} fleets of 40 functions, every one with a heavy tail, of which none, one or four become slower by half. False alarms are
fleets with any change reported that is none; false discoveries are the part of all reported changes that are none.
"""
    yield from fleets()


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


def beside_peers(reached: list[Reached]) -> Iterator[str]:
    false: list[bool] = []
    yield "| series | method | healthy with an alarm | +20 % found | placed | reported | +50 % found | placed | reported |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    for kind in ("heavy tail", "AR(1) 0.5", "daily rhythm", "daily rhythm, taken off"):
        for name, method in METHODS.items():
            cells = []
            for height in (0.0, log(1.2), log(1.5)):
                alarms = hits = near = reported = 0
                for generator in generators(f"series {kind[:12]} {height:.3f}", SERIES):
                    at = int(generator.integers(34, 134))
                    values = series(generator, kind.partition(",")[0], steps=[(at, height)] if height else [])
                    found = method(without_rhythm(values) if "off" in kind else values)
                    alarms += bool(found)
                    if method is ours and not height:
                        false.append(bool(found))
                    hits += any(abs(place - at) <= 12 for place in found)
                    near += any(abs(place - at) <= 3 for place in found)
                    reported += len(found)
                cells += (
                    [f"{hits / SERIES:.0%}", f"{near / SERIES:.0%}", f"{reported / SERIES:.2f}"]
                    if height
                    else [f"{alarms / SERIES:.0%}"]
                )
            yield f"| {kind} | {name} | {' | '.join(cells)} |"
    reached.append(at_most(MOST_FALSE_ALARMS, "healthy series in which a change is reported", sum(false), len(false)))


def real_series() -> Iterator[str]:
    yield "| series | known | " + " | ".join(METHODS) + " |"
    yield "|---|---|" + "---|" * len(METHODS)
    flows = _columns("datasets/Nile", "Nile")
    drivers = _columns("datasets/UKDriverDeaths", "UKDriverDeaths")
    disasters = [float(value) for value in _columns("boot/coal", "date")]
    years = range(1851, 1963)
    per_year = np.array([sum(int(date) == year for date in disasters) for year in years])
    cases: tuple[tuple[str, str, Floats, Callable[[int], str]], ...] = (
        ("Nile at Aswan, 1871 to 1970", "1899", np.log(np.array(flows, float)), lambda at: str(1871 + at)),
        (
            "drivers killed or injured, 1969 to 1984",
            "1973-10 to 1974-02, 1983-02",
            without_rhythm(np.log(np.array(drivers, float)), 12),
            lambda at: f"{1969 + at // 12}-{at % 12 + 1:02d}",
        ),
        (
            "coal mine disasters, 1851 to 1962",
            "about 1887 to 1895",
            np.cbrt(per_year + 3 / 8),
            lambda at: str(1851 + at),
        ),
    )
    for name, known, values, when in cases:
        found = (", ".join(when(at) for at in sorted(method(values))) or "none" for method in METHODS.values())
        yield f"| {name} | {known} | {' | '.join(found)} |"


def _columns(table: str, column: str) -> list[str]:
    """A column of one of the tables that come with R, which the package carries as an archive."""
    (archive,) = (file for file in distribution("pydataset").files or [] if file.name == "resources.tar.gz")
    with tarfile.open(str(archive.locate())) as opened:
        text = opened.extractfile(f"resources/rdata/csv/{table}.csv")
        assert text is not None
        return [row[column] for row in csv.DictReader(io.TextIOWrapper(text))]


# ── leaks, episodes, modes ───────────────────────────────────────────────────────────────────────────────────────────


def marks(streams: int, size: int, growth: float, warm: float = 0.0) -> Callable[[np.random.Generator], Rows]:
    """High-water marks in whole MB: a peak of its own for each call, what a leak adds to it, and a cache that fills."""

    def draw(generator: np.random.Generator) -> Rows:
        peaks = 150 + 3 * generator.standard_normal((streams, size)) + growth * np.arange(size)
        peaks += warm * (1 - np.exp(-np.arange(size) / 5))
        rising = np.maximum.accumulate(np.ceil(peaks), axis=1).astype(int).tolist()
        return calls(np.full((streams, size), 100.0), max_memory_mb=rising, memory_mb=1024)

    return draw


def two_modes(part: float, apart: float, size: int) -> Callable[[np.random.Generator], Rows]:
    def draw(generator: np.random.Generator) -> Rows:
        logs = clustered(generator, 20, size, 0.0, 0.3) + log(apart) * (generator.random((20, size)) < part)
        return calls(100 * np.exp(logs))

    return draw


def heavy(size: int) -> Callable[[np.random.Generator], Rows]:
    return lambda generator: calls(100 * (1 + generator.pareto(1.5, (20, size))))


def leaks(reached: list[Reached]) -> Iterator[str]:
    yield "| what is there | alarm | for comparison |"
    yield "|---|---:|---:|"
    for words, draw in (
        (HEALTHY, marks(20, 30, 0.0)),
        ("no leak, 5 environments of 200 calls", marks(5, 200, 0.0)),
        ("a cache of 20 MB that fills, 20 environments of 30 calls", marks(20, 30, 0.0, warm=20.0)),
        ("a leak of 0.1 MB a call, 20 environments of 30 calls", marks(20, 30, 0.1)),
        (LEAKING, marks(20, 30, 0.2)),
        ("a leak of 0.5 MB a call, 5 environments of 30 calls", marks(5, 30, 0.5)),
        ("a leak of 0.05 MB a call, 20 environments of 100 calls", marks(20, 100, 0.05)),
    ):
        found = list(asked(leak.FAMILY, words, draw, LEAKS if words in (HEALTHY, LEAKING) else LAKES))
        alarms = [
            (one["memory.leak.records_p"].value or 0.0) <= 0.01 and (one["memory.leak.slope"].low or 0.0) >= 0.05
            for one in found
        ]
        goes_on = [alarm and one["memory.leak.saturates"].value == 0 for alarm, one in zip(alarms, found, strict=True)]
        sure = [alarm and one["memory.leak.saturates"].high == 0 for alarm, one in zip(alarms, found, strict=True)]
        yield (
            f"| {words} | {np.mean(alarms):.1%} of {len(alarms):,} | in {np.mean(goes_on):.1%} growth seems to go on to the end, "
            f"in {np.mean(sure):.1%} surely |"
        )
        if words == HEALTHY:
            reached.append(at_most(MOST_FALSE_ALARMS, f"alarms about a leak: {words}", sum(alarms), len(alarms)))
        elif words == LEAKING:
            reached.append(at_least(LEAST_POWER, f"alarms about a leak: {words}", sum(alarms), len(alarms)))


def others() -> Iterator[str]:
    for kind in ("heavy tail", "AR(1) 0.5", "daily rhythm, taken off"):
        for height in (0.0, log(1.2), log(1.5)):
            hits = 0
            for generator in generators(f"episode {kind} {height:.3f}", SERIES):
                begin, length = int(generator.integers(20, 110)), int(generator.integers(12, 37))
                steps = [(begin, height), (begin + length, -height)] if height else []
                values = series(generator, kind.partition(",")[0], steps=steps)
                visit = episode((without_rhythm(values) if "off" in kind else values).tolist(), log(LEAST_RATIO))
                hits += visit is not None and (not height or (visit.begin < begin + length and visit.end > begin))
            words = f"an episode of 12 to 36 hours, {exp(height) - 1:+.0%}" if height else "no episode"
            yield f"| {words}, {kind} | {hits / SERIES:.1%} of {SERIES} | |"
    for words, draw in (
        ("one mode, log-normal, 20 environments of 25 calls", two_modes(0.0, 1.0, 25)),
        ("one mode, a tail of power 1.5, 20 environments of 25 calls", heavy(25)),
        ("half of the calls twice as long, 20 environments of 25 calls", two_modes(0.5, 2.0, 25)),
        ("half of the calls three times as long, 20 environments of 25 calls", two_modes(0.5, 3.0, 25)),
        ("a tenth of the calls ten times as long, 20 environments of 25 calls", two_modes(0.1, 10.0, 25)),
        ("a tenth of the calls ten times as long, 20 environments of 100 calls", two_modes(0.1, 10.0, 100)),
    ):
        ps = [one["modes.p"].value or 0.0 for one in asked(modes.FAMILY, words, draw, LAKES)]
        alarms, more = (sum(p <= limit for p in ps) / len(ps) for limit in (0.01, 0.05))
        yield f"| {words} | {alarms:.1%} of {LAKES} | {more:.1%} with p at most 0.05 |"


# ── many functions ───────────────────────────────────────────────────────────────────────────────────────────────────


def fleets() -> Iterator[str]:
    yield "| fleets of 40 | judged | false alarms | false discoveries | changes found |"
    yield "|---|---|---:|---:|---:|"
    for words, changed in (("all healthy", 0), ("one changed", 1), ("four changed", 4)):
        found: dict[str, list[list[bool]]] = {"each by itself": [], "adjusted": []}
        for generator in generators(f"fleet {changed}", FLEETS):
            tables = [
                series(
                    generator,
                    "heavy tail",
                    steps=[(int(generator.integers(34, 134)), log(1.5))] if number < changed else [],
                )
                for number in range(40)
            ]
            each = [change_points(values.tolist(), log(LEAST_RATIO), LEAST_NOISES) for values in tables]
            ps = [
                max(some, key=lambda one: abs(one.shift)).p if some else max(0.0101, chance_of_split(values.tolist()))
                for some, values in zip(each, tables, strict=True)
            ]
            found["each by itself"].append([bool(some) for some in each])
            found["adjusted"].append(
                [bool(some) and q <= FALSE_DISCOVERIES for some, q in zip(each, adjusted(ps), strict=True)]
            )
        for judged, runs in found.items():
            false = [sum(run[changed:]) for run in runs]
            true = [sum(run[:changed]) for run in runs]
            share = np.mean([f / max(1, f + t) for f, t in zip(false, true, strict=True)])
            seen = f"{sum(true) / (changed * len(runs)):.0%}" if changed else "–"
            yield f"| {words} | {judged} | {np.mean([f > 0 for f in false]):.0%} | {share:.1%} | {seen} |"
