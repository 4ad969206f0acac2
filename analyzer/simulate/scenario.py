"""What a case is: a scenario from the shelf, the ranges its numbers are drawn from, and the numbers that were drawn.

The folders `scenarios/` and `ranges/` are the registries. A scenario says which parameters are its mechanism and what
they are without it; a file of ranges says how strong. There are several files of ranges so that rules tuned on one can
be judged by another.
"""

from __future__ import annotations

import csv
import math
import zlib
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import yaml
from msgspec import Struct, field

from analyzer.errors import UserError

HERE = Path(__file__).parent
# The section of a file of ranges that holds for every scenario.
EVERY = "every"
# Joins the names of two faults that are in one function at once, as in "out-of-memory+deploy-slower".
TOGETHER = "+"


class Scenario(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One file of the shelf.

    `injects` are the hypotheses that are true where the fault shows, `accompanies` those that come along with it, and
    `expects` the verdicts that honesty demands whatever the strength. `without` are the parameters that undo the mechanism.
    """

    sentence: str
    injects: list[str] = field(default_factory=list)
    accompanies: list[str] = field(default_factory=list)
    expects: dict[str, str] = field(default_factory=dict)
    without: dict[str, float | bool] = field(default_factory=dict)


class Parameters(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every number of a case. Shares are of one; the defaults of the mechanisms are their absence."""

    # The function: "python3.12 zip", configured memory in MB, and the part of it that a usual call takes.
    runtime: str
    memory_mb: int
    memory_use: float
    memory_spread: float = 0.05
    memory_exponent: float = 0.25  # power of the input's size
    asynchronous: bool = False
    numbered: bool = False  # invoked by a published version instead of $LATEST
    tracing: bool = False
    timeout_s: int = 900
    # A call: milliseconds of one vCPU and of waiting in the median, and how much they vary on the log scale.
    work_ms: float
    work_spread: float
    kappa: float  # power of the CPU share
    wait_ms: float
    wait_spread: float
    size_spread: float = 0.0
    size_exponent: float = 0.8
    logs_size: bool = False
    # Environments.
    init_factor: float = 1.0  # times the start-up of an empty function
    first_factor: float = 1.0  # times the first call of an empty function
    keep_alive_s: float
    life_h: float
    environment_spread: float = 0.0
    gc: float = 8.0  # slow-down of a call that fills its memory
    # Requests: `concurrency`, `days` or `interval_min` instead of a rate where they are not 0.
    requests_per_min: float
    concurrency: float = 0.0
    days: float = 0.0
    interval_min: float = 0.0
    rhythm: float = 0.0
    burst_share: float = 0.0
    burst_requests: float = 4.0
    burst_s: float = 5.0
    # Nuisances, which healthy functions have as well.
    error_share: float = 0.0
    lost_share: float = 0.0  # REPORT lines that never arrived
    drift: float = 0.0
    benign_deploys: int = 0
    # When the mechanism works, as parts of the whole time, and what changes at its onset.
    onset: float = 0.0
    span: float = 1.0
    deploys: bool = False
    patches: bool = False
    memory_before: float = 1.0  # memory before the onset, times memory_mb
    # The mechanisms.
    cpu_full: bool = False  # a whole vCPU whatever the memory
    oversize: float = 1.0
    oom_share: float = 0.0
    leak_share: float = 0.0  # of the free memory, a call
    init_failure_share: float = 0.0
    timeout_quantile: float = 0.0  # the timeout lies at this quantile of what calls would take
    wait_factor: float = 1.0
    hang_share: float = 0.0
    hang_s: float = 0.0
    hang_raises: bool = False
    throttle_share: float = 0.0
    silent_client: bool = False  # logs neither what it waits for nor that it tries again
    growth: float = 0.0  # logarithm of the input's growth over the whole time
    version_factor: float = 1.0
    version_error_share: float = 0.0
    patch_factor: float = 1.0
    application_error_share: float = 0.0
    poison_share: float = 0.0
    cap_factor: float = 0.0  # concurrency limit, times the mean concurrency
    contention: float = 0.0  # slow-down for each call that runs at the same time
    noisy_share: float = 0.0
    noisy_factor: float = 1.0


class Startup(Struct, frozen=True):
    """A row of the calibration: what an empty function takes."""

    init_ms: float
    init_sdlog: float
    first_ms: float
    memory_mb: float


def scenarios() -> dict[str, Scenario]:
    """Every scenario on the shelf by its name, which is the file's."""
    return {path.stem: _scenario(path) for path in sorted((HERE / "scenarios").glob("*.yaml"))}


def ranges() -> list[str]:
    """The names of the files of ranges."""
    return sorted(path.stem for path in (HERE / "ranges").glob("*.yaml"))


@cache
def calibration() -> dict[str, Startup]:
    """Start-up by runtime and package, as in "python3.12 zip"."""
    text = (HERE / "calibration.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return {
        f"{row['runtime']} {row['package']}": Startup(
            float(row["init_ms"]), float(row["init_sdlog"]), float(row["first_ms"]), float(row["memory_mb"])
        )
        for row in rows
    }


def pairs(file: str) -> list[str]:
    """Every two faults that one function can have at once and that logs could tell apart, as names of cases.

    At most one of them begins at a moment of its own, for two at the same moment nobody could tell apart; none brings about
    what the other is, sets the strength of the other, or how many calls run at once as the other does; and none is a kind that
    no log can show.
    """
    sections = _ranges(file)
    faults = [(name, one) for name, one in scenarios().items() if one.injects and not one.expects]
    return [
        f"{first}{TOGETHER}{second}"
        for (first, one), (second, other) in combinations(faults, 2)
        if not any(
            name in sections.get(first, {}) and name in sections.get(second, {}) for name in ("onset", "concurrency")
        )
        and not {*one.injects, *one.accompanies} & {*other.injects, *other.accompanies}
        and not set(one.without) & {*other.without, *sections.get(second, {})}
        and not set(other.without) & set(sections.get(first, {}))
    ]


def draw(name: str, file: str, seed: int) -> Parameters:
    """The parameters of a case. Each has random numbers of its own, so that one more does not move the others.

    Of two faults at once the second has its way where both name a parameter.
    """
    sections = _ranges(file)
    values = dict(sections[EVERY])
    for part in name.split(TOGETHER):
        values |= sections.get(part, {})
    drawn = {parameter: _draw(spec, generator(seed, parameter)) for parameter, spec in values.items()}
    try:
        return msgspec.convert(drawn, Parameters)
    except msgspec.ValidationError as problem:
        raise UserError(f"the ranges {file} of {name} do not make a case: {problem}") from problem


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose. The same seed gives the same ones to a case and to its twin."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


@cache
def _scenario(path: Path) -> Scenario:
    return cast(Scenario, _read(path, Scenario))


@cache
def _ranges(file: str) -> dict[str, dict[str, Any]]:
    return cast(dict[str, dict[str, Any]], _read(HERE / "ranges" / f"{file}.yaml", dict[str, dict[str, Any]]))


def _read(path: Path, kind: object) -> object:
    try:
        return msgspec.convert(yaml.safe_load(path.read_text("utf-8")), kind)
    except (yaml.YAMLError, msgspec.ValidationError) as problem:
        raise UserError(f"{path}: {problem}") from problem


def _draw(spec: Any, random: np.random.Generator) -> Any:
    """A value that is written as it is, `[a, b]` evenly between, {log: [a, b]} evenly on the log scale, {one_of: [...]}."""
    match spec:
        case [low, high]:
            return float(low + (high - low) * random.random())
        case {"log": [low, high]}:
            return math.exp(math.log(low) + (math.log(high) - math.log(low)) * random.random())
        case {"one_of": values}:
            return values[int(random.random() * len(values))]
    return spec
