"""How well the rules find faults that were put into simulated logs: the numbers behind any claim about diagnosis.

Each case goes from rows to lake, measurements and hypotheses; a tenth of them through log text and ingest instead. Rules
are whatever lies in rules/; a fault that no rule names counts as missed, and is left out where the table says so.

    top-1, top-3      the injected hypothesis is the first, or among the first three, that is supported or weak
    missed            it is neither supported nor weak
    false alarms      healthy cases with a supported hypothesis of severity warning or above that is not true
    wrong beside      faulty cases with such a hypothesis
    ECE               expected calibration error of the probabilities, ten bins, of what could be tested
    untestable        cases whose logs cannot show the cause, and that are reported so

Faults that change no number by a tenth against their twin are not counted. The last lines hold a report of fixed order
against the same cases: memory, then cold starts, then the algorithm, whatever the logs say.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

from analyzer.diagnose import Rule, diagnose, load_rules
from analyzer.ingest import ingest
from analyzer.lake import Lake
from analyzer.measure import measure
from analyzer.model import SEVERITIES, Source
from analyzer.resources import shipped
from analyzer.simulate import Case, ranges, scenarios

# Requests a case, and how many seeds of each scenario at that size.
SIZES = {250: 6, 2_000: 6, 20_000: 2}
THROUGH_TEXT = 10
BINS = 10
ALARMING = SEVERITIES[: SEVERITIES.index("warning") + 1]
# What a report names that always says the same; it is credited for either kind of trouble with memory.
FIXED_ORDER = (("memory-constrained", "out-of-memory"), ("cold-start",), ("algorithmic",))
NOTHING = "nothing"


class Spec(NamedTuple):
    scenario: str
    seed: int
    requests: int
    file: str
    text: bool


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
    seconds: dict[str, float]

    @property
    def named(self) -> list[str]:
        return [one.id for one in self.opinions if one.verdict in ("supported", "weak")]

    @property
    def alarms(self) -> list[str]:
        """What is wrongly said to be the matter."""
        return [
            one.id
            for one in self.opinions
            if one.verdict == "supported" and one.severity in ALARMING and one.id not in self.true
        ]


@cache
def rules() -> list[Rule]:
    return load_rules(shipped("rules"))


def judge(spec: Spec) -> Result:
    """Make a case, measure it, and hold the rules against it."""
    marks = [time.perf_counter()]
    case = Case(spec.scenario, spec.seed, requests=spec.requests, file=spec.file)
    truth = case.truth
    marks.append(time.perf_counter())
    with tempfile.TemporaryDirectory(prefix="reportline-truth-") as temporary:
        lake = Lake(Path(temporary, "lake"))
        if spec.text:
            case.write(Path(temporary, "logs"), "s3-export")
            ingest([str(Path(temporary, "logs"))], lake)
        else:
            _store(case, lake)
        marks.append(time.perf_counter())
        measurements = measure(lake)
        assert measurements is not None
        marks.append(time.perf_counter())
        (function,) = measurements.functions
        opinions = [Opinion(one.id, one.verdict, one.probability, one.severity) for one in diagnose(function, rules())]
    marks.append(time.perf_counter())
    names = ("simulate", "store", "measure", "diagnose")
    seconds = {name: after - before for name, before, after in zip(names, marks, marks[1:], strict=False)}
    true = frozenset(truth.injects) | frozenset(truth.also)
    return Result(spec, truth.manifest, truth.injects, true, truth.expects, opinions, seconds)


def _store(case: Case, lake: Lake) -> None:
    invocations, lines = case.rows()
    with lake.write() as commit:
        commit.add_invocations(invocations)
        commit.add_lines(lines)
        commit.add_sources(
            [
                Source(
                    source="simulated",
                    sha256="0" * 64,
                    bytes=0,
                    container="s3-export",
                    lines=0,
                    understood=0,
                    first_time=None,
                    last_time=None,
                    problems=[],
                )
            ]
        )


def specs(sizes: dict[int, int], file: str, first_seed: int) -> list[Spec]:
    numbered = (
        (name, first_seed + seed, requests)
        for requests, seeds in sizes.items()
        for name in scenarios()
        for seed in range(seeds)
    )
    return [
        Spec(name, seed, requests, file, number % THROUGH_TEXT == 0)
        for number, (name, seed, requests) in enumerate(numbered)
    ]


def share(hits: Iterable[bool]) -> str:
    """In percent, with its counts."""
    counted = Counter(hits)
    n = counted.total()
    return f"{100 * counted[True] / n:5.1f} % ({counted[True]}/{n})" if n else "–"


def calibration_error(results: Sequence[Result]) -> str:
    """Mean distance of stated probability and share of truth, over bins of equal width, weighed by their size."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for result in results:
        for one in result.opinions:
            if one.verdict != "untestable":
                bins.setdefault(min(BINS - 1, int(one.probability * BINS)), []).append(
                    (one.probability, one.id in result.true)
                )
    n = sum(map(len, bins.values()))
    if not n:
        return "–"
    off = sum(
        abs(sum(probability for probability, _ in pairs) - sum(true for _, true in pairs)) for pairs in bins.values()
    )
    return f"{off / n:.3f} ({n} verdicts)"


def scores(results: Sequence[Result]) -> dict[str, str]:
    known = {rule.id for rule in rules()}
    testable = [result for result in results if result.manifest and result.injects and not result.expects]
    covered = [result for result in testable if known & set(result.injects)]
    healthy = [result for result in results if not scenarios()[result.spec.scenario].injects]

    def found(among: Sequence[Result], first: int) -> str:
        return share(bool(set(result.injects) & set(result.named[:first])) for result in among)

    def fixed(first: int) -> str:
        said = {name for names in FIXED_ORDER[:first] for name in names}
        return share(bool(set(result.injects) & said) for result in testable)

    return {
        "cases": str(len(results)),
        "faults that show": share(result.manifest for result in results if scenarios()[result.spec.scenario].injects),
        "top-1": found(testable, 1),
        "top-3": found(testable, 3),
        "missed": share(not set(result.injects) & set(result.named) for result in testable),
        "top-1 where a rule exists": found(covered, 1),
        "top-3 where a rule exists": found(covered, 3),
        "missed where a rule exists": share(not set(result.injects) & set(result.named) for result in covered),
        "false alarms on healthy": share(bool(result.alarms) for result in healthy),
        "wrong beside a fault": share(bool(result.alarms) for result in testable),
        "ECE": calibration_error(results),
        "untestable recall": share(
            {one.id: one.verdict for one in result.opinions}.get(hypothesis) == verdict
            for result in results
            for hypothesis, verdict in result.expects.items()
            if hypothesis in known
        ),
        "fixed order: top-1": fixed(1),
        "fixed order: top-3": fixed(3),
        "fixed order: false alarms": share(True for _ in healthy),
    }


def print_scores(columns: dict[str, Sequence[Result]]) -> None:
    tables = {name: scores(results) for name, results in columns.items()}
    print("| | " + " | ".join(tables) + " |")
    print("|---|" + "---:|" * len(tables))
    for line in next(iter(tables.values())):
        print(f"| {line} | " + " | ".join(table[line] for table in tables.values()) + " |")


def print_confusion(results: Sequence[Result]) -> None:
    """One row a scenario: how many cases, how often the truth came first, and what came first instead."""
    print("| scenario | cases that count | first | among three | what came first |")
    print("|---|---:|---:|---:|---|")
    for name, scenario in scenarios().items():
        counted = [
            result for result in results if result.spec.scenario == name and (result.manifest or not scenario.injects)
        ]
        firsts = Counter(result.named[0] if result.named else NOTHING for result in counted)
        said = ", ".join(f"{first} {times}" for first, times in firsts.most_common())
        one, three = (
            sum(bool(set(result.injects) & set(result.named[:first])) for result in counted) for first in (1, 3)
        )
        hits = f"{one} | {three}" if scenario.injects else "– | –"
        print(f"| {name} | {len(counted)} | {hits} | {said} |")


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold the rules against simulated faults.")
    parser.add_argument("--ranges", choices=ranges(), default="held-out")
    parser.add_argument("--first-seed", type=int, default=10_000)
    parser.add_argument("--times", type=float, default=1.0, help="more or fewer seeds than usual")
    parser.add_argument("--sizes", type=int, nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    sizes = {size: max(1, round(SIZES[size] * chosen.times)) for size in chosen.sizes}
    begin = time.perf_counter()
    with ProcessPoolExecutor(chosen.jobs) as pool:
        results = list(pool.map(judge, specs(sizes, chosen.ranges, chosen.first_seed), chunksize=4))
    took = time.perf_counter() - begin
    columns: dict[str, Sequence[Result]] = {
        f"{size:,}": [result for result in results if result.spec.requests == size] for size in sizes
    }
    columns["all"] = results
    columns["of these through text"] = [result for result in results if result.spec.text]
    print(
        f"{len(results)} cases of {len(scenarios())} scenarios, ranges {chosen.ranges}, seeds from {chosen.first_seed}"
    )
    print(f"rules: {', '.join(rule.id for rule in rules())}\n")
    print_scores(columns)
    print()
    print_confusion(results)
    spent = Counter[str]()
    for result in results:
        spent.update(result.seconds)
    print(
        f"\n{took:.0f} s with {chosen.jobs} processes: "
        + ", ".join(f"{name} {all_:.0f} s" for name, all_ in spent.items())
    )


if __name__ == "__main__":
    main()
