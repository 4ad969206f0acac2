"""Simulated cases, measured: what the benchmark of diagnosis judges and what the weights of evidence are fitted to.

Making and measuring a case takes a second, judging it a millisecond. With a folder to keep them in, a case is measured again
only after the code that makes or measures it has changed, so a long run can be made in slices that add up.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path

import msgspec
from msgspec import Struct

import analyzer
from analyzer.ingest import ingest
from analyzer.lake import Lake
from analyzer.measure.everything import ROUND_THRESHOLDS, function_metrics
from analyzer.measure.family import Settings
from analyzer.measure.scope import Scope
from analyzer.model import Impact, Measured, Source
from analyzer.simulate import Case, pairs, scenarios
from analyzer.simulate.case import Cost

# For every so many cases of a single fault or none, one of two faults.
DOUBLES = 4
MADE = Source(
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


class Spec(Struct, frozen=True):
    scenario: str
    seed: int
    requests: int
    file: str
    text: bool

    @property
    def double(self) -> bool:
        return "+" in self.scenario

    @property
    def name(self) -> str:
        return f"{self.scenario}-{self.file}-{self.seed}-{self.requests}-{'text' if self.text else 'rows'}"


class MeasuredCase(Struct, frozen=True):
    """`true` are the hypotheses that hold, `injects` those that were put in, `expects` the verdicts that honesty demands.

    `costs` are what each fault adds to its twin, `impacts` what was measured of that.
    """

    spec: Spec
    manifest: bool
    injects: list[str]
    true: frozenset[str]
    expects: dict[str, str]
    costs: dict[str, Cost]
    metrics: dict[str, Measured]
    impacts: dict[str, Impact]
    seconds: dict[str, float]


def specs(sizes: dict[int, int], file: str, first_seed: int, *, text: bool) -> list[Spec]:
    """So many seeds of each scenario at each size, and two faults at once for a fourth as many cases.

    With `text` each is written as logs and read again; without, its rows are put into the lake as they are.
    """
    together = pairs(file)
    found = []
    for requests, seeds in sizes.items():
        # Of its own for each size, so that more seeds add cases and change none.
        chance = random.Random(f"{first_seed} {requests}")
        single = [(name, first_seed + seed) for name in scenarios() for seed in range(seeds)]
        double = [(chance.choice(together), first_seed + number) for number in range(len(single) // DOUBLES)]
        found += [(name, seed, requests) for name, seed in single + double]
    return [Spec(name, seed, requests, file, text) for name, seed, requests in found]


def make(spec: Spec) -> MeasuredCase:
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
            invocations, lines = case.rows()
            with lake.write() as commit:
                commit.add_invocations(invocations)
                commit.add_lines(lines)
                commit.add_sources([MADE])
        marks.append(time.perf_counter())
        metrics, impacts = measured(lake, truth.function)
        marks.append(time.perf_counter())
    names = ("simulate", "store", "measure")
    return MeasuredCase(
        spec=spec,
        manifest=truth.manifest,
        injects=truth.injects,
        true=frozenset(truth.injects) | frozenset(truth.also),
        expects=truth.expects,
        costs=truth.costs,
        metrics=metrics,
        impacts=impacts,
        seconds={name: after - before for name, before, after in zip(names, marks, marks[1:], strict=False)},
    )


def measured(lake: Lake, function: str) -> tuple[dict[str, Measured], dict[str, Impact]]:
    """What diagnosis looks at, without the pictures, slices and sums over all functions of a whole report."""
    with lake.open() as engine:
        scope = Scope(function=function)
        return function_metrics(engine, scope, Settings(ROUND_THRESHOLDS[0]))


def made(chosen: Sequence[Spec], jobs: int, keep: Path | None) -> Iterator[MeasuredCase]:
    """Every case, from the folder `keep` where it is there."""
    one = partial(_kept, folder=keep) if keep else make
    if jobs == 1:
        yield from map(one, chosen)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(one, chosen, chunksize=4)


def _kept(spec: Spec, folder: Path) -> MeasuredCase:
    path = folder / _code() / f"{spec.name}.msgpack"
    if path.exists():
        return msgspec.msgpack.decode(path.read_bytes(), type=MeasuredCase)
    case = make(spec)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_file = path.with_suffix(".partial")
    partial_file.write_bytes(msgspec.msgpack.encode(case))
    partial_file.rename(path)
    return case


@cache
def _code() -> str:
    """A digest of everything that a measured case depends on."""
    here = Path(analyzer.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(here.rglob("*")):
        room = path.relative_to(here).parts[0]
        if (
            path.is_file()
            and room in ("simulate", "ingest", "measure", "lake", "model.py")
            and "__pycache__" not in path.parts
        ):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
