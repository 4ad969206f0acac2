"""How well the rules find faults that were put into simulated logs: the numbers behind any claim about diagnosis.

Each case goes the whole way: log text of an S3 export, ingest, measuring, rules. Left out are what a report adds to that, its
pictures, slices and files. Rules are whatever lies in rules/. With --keep the run may be stopped and goes on where it was.

    top-1, top-3      the injected hypothesis is the first, or among the first three, that is supported or weak
    missed            it is neither supported nor weak
    false alarms      healthy cases with a supported hypothesis of severity warning or above that is not true
    cold starts       the same where start-up, which makes the tail of some healthy functions, counts as false too
    wrong beside      faulty cases with such a hypothesis
    both              of two faults at once, both are among the first three
    ECE               expected calibration error of the probabilities, ten bins, of what could be tested
    untestable        cases whose logs cannot show the cause, and that are reported so
    unfiltered        all faults, also those that change no number by a tenth against their twin
    costs             intervals of what a supported cause costs that hold what its twin without the fault saves

The last lines hold a report of fixed order against the same cases: memory, then cold starts, then the algorithm, whatever the
logs say. Aims are those of a prototype and of the literature: for functions with 2,000 requests and more, and lower ones for 250.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from analyzer.diagnose import Rule, diagnose, load_rules
from analyzer.measure import price_table
from analyzer.measure.metrics.cost import DEFAULT_REGION
from analyzer.model import SEVERITIES, FunctionMeasurements, Hypothesis
from analyzer.resources import shipped
from analyzer.simulate import ranges, scenarios
from benchmarks.truth import document
from benchmarks.truth.cases import MeasuredCase, Spec, made, specs
from benchmarks.truth.document import Reached

# Requests a case, and how many seeds of each scenario at that size.
SIZES = {250: 16, 2_000: 14, 20_000: 2}
# From this size on a function has logs enough for what is aimed at; all of them are counted together.
ENOUGH = 2_000
# None of the seeds from here on was looked at while rules and weights were made.
FIRST_SEED = 930_000
BINS = 10
ALARMING = SEVERITIES[: SEVERITIES.index("warning") + 1]
# What a report names that always says the same; it is credited for either kind of trouble with memory.
FIXED_ORDER = (("memory-constrained", "out-of-memory"), ("cold-start",), ("algorithmic",))
NOTHING = "nothing"


class Aim(NamedTuple):
    """A limit that is to be reached: from above, or with `least` from below."""

    limit: float
    least: bool = True


AIMS = {
    "top-1": Aim(0.92),
    "top-3": Aim(0.98),
    "false alarms on healthy": Aim(0.02, least=False),
    "ECE": Aim(0.05, least=False),
    "untestable recall": Aim(0.98),
    "two faults: both in top-3": Aim(0.85),
    "costs of one fault: time within": Aim(0.90),
    "costs of one fault: failures within": Aim(0.90),
    "costs of one fault: money within": Aim(0.90),
}
AIMS_OF_FEW = {"top-1": Aim(0.75), "false alarms on healthy": Aim(0.05, least=False)}


class Opinion(NamedTuple):
    """A hypothesis in the order of its rank."""

    id: str
    verdict: str
    probability: float
    severity: str


class Result(NamedTuple):
    spec: Spec
    manifest: bool
    injects: list[str]
    true: frozenset[str]
    expects: dict[str, str]
    opinions: list[Opinion]
    held: dict[str, list[bool]]
    seconds: dict[str, float]

    @property
    def healthy(self) -> bool:
        return not self.spec.double and not scenarios()[self.spec.scenario].injects

    @property
    def named(self) -> list[str]:
        return [one.id for one in self.opinions if one.verdict in ("supported", "weak")]

    @property
    def alarms(self) -> list[str]:
        """What is said to be the matter."""
        return [one.id for one in self.opinions if one.verdict == "supported" and one.severity in ALARMING]

    @property
    def wrong(self) -> bool:
        return bool(set(self.alarms) - self.true)


@cache
def rules() -> list[Rule]:
    return load_rules(shipped("rules"))


def judge(case: MeasuredCase) -> Result:
    """Hold the rules against a measured case."""
    begin = time.perf_counter()
    function = FunctionMeasurements(
        name=case.spec.scenario,
        invocations=int(case.metrics["invocations"].value or 0),
        metrics=case.metrics,
        breaches=[],
        slices=[],
        runtimes=[],
        versions=[],
        memory_sizes=[],
        region=None,
        errors=[],
        behind={},
        alarms=[],
        impacts=case.impacts,
    )
    hypotheses = diagnose(function, rules())
    opinions = [Opinion(one.id, one.verdict, one.probability, one.severity) for one in hypotheses]
    seconds = case.seconds | {"diagnose": time.perf_counter() - begin}
    return Result(
        case.spec, case.manifest, case.injects, case.true, case.expects, opinions, held(case, hypotheses), seconds
    )


def held(case: MeasuredCase, hypotheses: Sequence[Hypothesis]) -> dict[str, list[bool]]:
    """By kind of cost, whether the intervals of supported causes hold what the twin without the fault has less."""
    price = price_table()["regions"][DEFAULT_REGION]
    found: dict[str, list[bool]] = {}
    for one in hypotheses:
        if one.verdict != "supported" or one.impact is None or one.id not in case.costs:
            continue
        cost = case.costs[one.id]
        usd = cost.gb_seconds * price["x86_gb_second"] + cost.calls * price["request"]
        for kind, measured, true in (
            ("time", one.impact.ms, cost.ms),
            ("failures", one.impact.failures, cost.failures),
            ("money", one.impact.usd, usd),
        ):
            if measured is not None and measured.low is not None and measured.high is not None:
                found.setdefault(kind, []).append(measured.low <= true <= measured.high)
    return found


class Share(NamedTuple):
    """So many of so many; of none there is no share."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        return self.hits / self.n if self.n else None

    def __str__(self) -> str:
        return f"{self.hits / self.n:.1%} ({self.hits:,}/{self.n:,})" if self.n else "–"


class CalibrationError(NamedTuple):
    """The sum of distances and how many verdicts it is of; of none there is no error."""

    off: float
    verdicts: int

    @property
    def value(self) -> float | None:
        return self.off / self.verdicts if self.verdicts else None

    def __str__(self) -> str:
        return f"{self.off / self.verdicts:.3f} ({self.verdicts:,} verdicts)" if self.verdicts else "–"


def share(hits: Iterable[bool]) -> Share:
    counted = Counter(hits)
    return Share(counted[True], counted.total())


def calibration_error(results: Sequence[Result]) -> CalibrationError:
    """Mean distance of stated probability and share of truth, over bins of equal width, weighed by their size."""
    bins = _bins(results)
    off = sum(
        abs(sum(probability for probability, _ in pairs) - sum(true for _, true in pairs)) for pairs in bins.values()
    )
    return CalibrationError(off, sum(map(len, bins.values())))


def _bins(results: Sequence[Result]) -> dict[int, list[tuple[float, bool]]]:
    bins: dict[int, list[tuple[float, bool]]] = {}
    for result in results:
        for one in result.opinions:
            if one.verdict != "untestable":
                number = min(BINS - 1, int(one.probability * BINS))
                bins.setdefault(number, []).append((one.probability, one.id in result.true))
    return bins


def scores(results: Sequence[Result]) -> dict[str, Share | CalibrationError]:
    single = [result for result in results if not result.spec.double and not result.expects]
    faults = [result for result in single if not result.healthy]
    testable = [result for result in faults if result.manifest]
    healthy = [result for result in single if result.healthy]
    double = [result for result in results if result.spec.double and result.manifest]

    def found(among: Sequence[Result], first: int) -> Share:
        return share(_named(result, first) for result in among)

    def fixed(first: int) -> Share:
        said = {name for names in FIXED_ORDER[:first] for name in names}
        return share(bool(set(result.injects) & said) for result in testable)

    return {
        "faults that show": share(result.manifest for result in faults),
        "top-1": found(testable, 1),
        "top-3": found(testable, 3),
        "missed": share(not set(result.injects) & set(result.named) for result in testable),
        "top-1 unfiltered": found(faults, 1),
        "false alarms on healthy": share(result.wrong for result in healthy),
        "with cold starts": share(bool(result.alarms) for result in healthy),
        "wrong beside a fault": share(result.wrong for result in testable),
        "two faults: both in top-3": share(set(result.injects) <= set(result.named[:3]) for result in double),
        "two faults: one in top-1": found(double, 1),
        "ECE": calibration_error(results),
        "untestable recall": share(
            {one.id: one.verdict for one in result.opinions}[hypothesis] == verdict
            for result in results
            for hypothesis, verdict in result.expects.items()
        ),
        **{
            f"costs of one fault: {kind} within": share(
                fits for result in testable for fits in result.held.get(kind, [])
            )
            for kind in ("time", "failures", "money")
        },
        "fixed order: top-1": fixed(1),
        "fixed order: top-3": fixed(3),
        "fixed order: false alarms": share(True for _ in healthy),
    }


def _named(result: Result, first: int) -> bool:
    injected = set(result.injects) or set(scenarios()[result.spec.scenario].injects)
    return bool(injected & set(result.named[:first]))


def reached(results: Sequence[Result]) -> Iterator[Reached]:
    """Every aim beside what was reached, where there are cases to reach it with."""
    for words, chosen, aims in (
        (f"with {ENOUGH:,} requests and more", [one for one in results if one.spec.requests >= ENOUGH], AIMS),
        ("with 250 requests", [one for one in results if one.spec.requests < ENOUGH], AIMS_OF_FEW),
    ):
        found = scores(chosen)
        for line, aim in aims.items():
            value = found[line].value
            if value is not None:
                limit = f"{aim.limit:g}" if line == "ECE" else f"{aim.limit:.0%}"
                enough = value >= aim.limit if aim.least else value <= aim.limit
                yield Reached(f"{line}, {words}", f"{'≥' if aim.least else '≤'} {limit}", str(found[line]), enough)


def score_table(columns: Mapping[str, Sequence[Result]]) -> Iterator[str]:
    tables = {name: scores(results) for name, results in columns.items()}
    yield "| | " + " | ".join(tables) + " |"
    yield "|---|" + "---:|" * len(tables)
    yield "| cases | " + " | ".join(f"{len(results):,}" for results in columns.values()) + " |"
    for line in next(iter(tables.values())):
        yield f"| {line} | " + " | ".join(str(table[line]) for table in tables.values()) + " |"


def confusion_table(results: Sequence[Result]) -> Iterator[str]:
    """One row a scenario: how many cases, how often the truth came first, and what came first instead."""
    yield "| scenario | cases that count | first | among three | what came first |"
    yield "|---|---:|---:|---:|---|"
    for name, scenario in scenarios().items():
        counted = [
            result for result in results if result.spec.scenario == name and (result.manifest or not scenario.injects)
        ]
        firsts = Counter(result.named[0] if result.named else NOTHING for result in counted)
        said = ", ".join(f"{first} {times}" for first, times in firsts.most_common())
        one, three = (sum(_named(result, first) for result in counted) for first in (1, 3))
        hits = f"{one} | {three}" if scenario.injects and not scenario.expects else "– | –"
        yield f"| {name} | {len(counted)} | {hits} | {said} |"


def lacking_table(results: Sequence[Result]) -> Iterator[str]:
    """Of two faults those that are not among the first three, and what was said of them instead."""
    lacking: dict[str, Counter[str]] = {}
    for result in results:
        if not (result.spec.double and result.manifest):
            continue
        for name in set(result.injects) - set(result.named[:3]):
            verdict = {one.id: one.verdict for one in result.opinions}[name]
            lacking.setdefault(name, Counter())["later" if name in result.named else verdict] += 1
    yield "| of two faults, not among three | cases | what was said of it |"
    yield "|---|---:|---|"
    for name, said in sorted(lacking.items(), key=lambda item: (-item[1].total(), item[0])):
        yield f"| {name} | {said.total()} | {', '.join(f'{what} {times}' for what, times in said.most_common())} |"


def calibration_table(results: Sequence[Result]) -> Iterator[str]:
    """What was said and what was true, in the bins of the calibration error."""
    yield "| probability said | verdicts | said on average | true |"
    yield "|---|---:|---:|---:|"
    for number, pairs in sorted(_bins(results).items()):
        n = len(pairs)
        said, true = sum(probability for probability, _ in pairs) / n, sum(true for _, true in pairs) / n
        yield f"| {number / BINS:.1f} to {(number + 1) / BINS:.1f} | {n} | {said:.2f} | {true:.2f} |"


def tables(results: Sequence[Result]) -> Iterator[str]:
    sizes = sorted({result.spec.requests for result in results})
    columns = {f"{size:,}": [result for result in results if result.spec.requests == size] for size in sizes}
    columns[f"{ENOUGH:,} and more"] = [result for result in results if result.spec.requests >= ENOUGH]
    columns["all"] = list(results)
    yield from score_table(columns)
    yield ""
    yield from confusion_table(results)
    yield ""
    yield from lacking_table(results)
    yield ""
    yield from calibration_table(results)


def main() -> None:
    parser = document.parser("Hold the rules against simulated faults.")
    parser.add_argument("--ranges", choices=ranges(), default="held-out")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--times", type=float, default=1.0, help="more or fewer seeds than usual")
    parser.add_argument("--sizes", type=int, nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="a folder in which measured cases are kept, so that slices add up")
    chosen = parser.parse_args()
    begun = time.monotonic()
    sizes = {size: max(1, round(SIZES[size] * chosen.times)) for size in chosen.sizes}
    todo = specs(sizes, chosen.ranges, chosen.first_seed, text=True)
    cases = document.told(made(todo, chosen.jobs, chosen.keep), len(todo), "simulated cases")
    results = [judge(case) for case in cases]
    seconds = Counter[str]()
    for result in results:
        seconds.update(result.seconds)
    command = (
        f"python -m benchmarks.truth.diagnosis --ranges {chosen.ranges} --first-seed {chosen.first_seed} "
        f"--times {chosen.times:g} --sizes {' '.join(map(str, sizes))} --jobs {chosen.jobs}"
    )

    def lines() -> Iterator[str]:
        yield f"{len(results):,} cases of the ranges {chosen.ranges}, seeds from {chosen.first_seed:,} on.\n"
        yield from tables(results)
        yield ""
        yield document.made_by(command, ("duckdb", "numpy", "scipy"), begun)
        spent = ", ".join(f"{name} {all_:.0f} s" for name, all_ in seconds.items())
        yield f"Of all processes together: {spent}."

    document.publish(
        {"diagnosis": lines(), "aims of diagnosis": document.aims("diagnoses of simulated faults", reached(results))},
        chosen.into,
    )


if __name__ == "__main__":
    main()
